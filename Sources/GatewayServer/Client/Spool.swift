import GatewayCore
import GatewayModel
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The room that all uploads of a process may take on the disk while they wait.
final class SpoolSpace: Sendable {
    let directory: String
    private let maximumFiles: Int
    private let maximumBytes: Int
    /// What bodies in memory count against.
    let load: ProcessLoad
    private let files = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)

    init(directory: String, maximumFiles: Int, maximumBytes: Int, load: ProcessLoad = ProcessLoad()) {
        self.load = load
        self.directory = directory
        self.maximumFiles = maximumFiles
        self.maximumBytes = maximumBytes
    }

    /// Takes room; false when there is not that much left.
    func reserve(bytes: Int, files: Int) -> Bool {
        let hasFiles = self.files.wrappingAdd(files, ordering: .relaxed).newValue <= self.maximumFiles
        let hasBytes = self.bytes.wrappingAdd(bytes, ordering: .relaxed).newValue <= self.maximumBytes
        if hasFiles, hasBytes { return true }
        self.release(bytes: bytes, files: files)
        return false
    }

    func release(bytes: Int, files: Int) {
        self.files.wrappingSubtract(files, ordering: .relaxed)
        self.bytes.wrappingSubtract(bytes, ordering: .relaxed)
    }
}

/// The beginning of an upload, kept until it can be passed on, and so that it can be sent again: in memory first, then in
/// a file without a name. The disk is waited for on a thread of its own, never on the loop.
final class Spool {
    enum Piece {
        case ready(ByteBuffer)
        /// `onProgress` is called with it.
        case pending
    }

    enum Progress {
        /// Bytes have gone to the disk.
        case written
        /// The piece that was asked for.
        case read(ByteBuffer)
        case failed
    }

    private static let memoryLimit = 1 << 20
    private static let pieceBytes = 256 << 10

    private let space: SpoolSpace
    private let eventLoop: any EventLoop
    private var file: SpoolFile?
    private var onDisk = 0
    /// On their way to the disk.
    private var writing = ByteBuffer()
    private var memory = ByteBuffer()
    private var reserved = 0
    /// Bytes in memory that are counted.
    private var held = 0
    /// Told of what the disk has done; never called from within a call of this type.
    var onProgress: ((Progress) -> Void)?

    init(in space: SpoolSpace, on eventLoop: any EventLoop) {
        self.space = space
        self.eventLoop = eventLoop
    }

    deinit { self.release() }

    var count: Int { self.onDisk + self.writing.readableBytes + self.memory.readableBytes }

    /// The disk is behind: nothing more should be appended until it has made progress.
    var isBehind: Bool { self.writing.readableBytes > 0 && self.memory.readableBytes >= Self.memoryLimit }

    /// All of it, when it has never left memory.
    var wholeInMemory: ByteBuffer? { self.file == nil ? self.memory : nil }

    func append(_ piece: ByteBuffer) throws(Refusal) {
        guard self.space.load.hold(piece.readableBytes) else {
            throw Refusal(.overloaded, "Bodies take all the memory that they may.", retryAfter: 1_000_000_000)
        }
        self.held += piece.readableBytes
        self.memory.writeImmutableBuffer(piece)
        if self.memory.readableBytes > Self.memoryLimit, self.writing.readableBytes == 0 { try self.writeOut() }
    }

    /// Bytes from `offset` on, which is less than `count`.
    func read(at offset: Int) -> Piece {
        guard offset < self.onDisk, let file = self.file else {
            let place = offset - self.onDisk
            let inMemory = place - self.writing.readableBytes
            return .ready(inMemory < 0 ? Self.slice(self.writing, place) : Self.slice(self.memory, inMemory))
        }
        let length = min(Self.pieceBytes, self.onDisk - offset)
        self.perform {
            try file.read(at: offset, length: length)
        } then: {
            .read($0)
        }
        return .pending
    }

    /// Gives memory, file and room back.
    func release() {
        self.onProgress = nil
        self.space.release(bytes: self.reserved, files: self.file == nil ? 0 : 1)
        self.space.load.release(self.held)
        (self.reserved, self.held) = (0, 0)
        self.file = nil
        (self.memory, self.writing, self.onDisk) = (ByteBuffer(), ByteBuffer(), 0)
    }

    private static func slice(_ buffer: ByteBuffer, _ place: Int) -> ByteBuffer {
        let length = min(Self.pieceBytes, buffer.readableBytes - place)
        return buffer.getSlice(at: buffer.readerIndex + place, length: length) ?? ByteBuffer()
    }

    private func writeOut() throws(Refusal) {
        let count = self.memory.readableBytes
        guard self.space.reserve(bytes: count, files: self.file == nil ? 1 : 0) else { throw Refusal(.spoolFull) }
        self.reserved += count
        let file = self.file ?? SpoolFile(in: self.space.directory)
        self.file = file
        swap(&self.memory, &self.writing)
        let (bytes, offset) = (self.writing, self.onDisk)
        self.perform {
            try file.write(bytes, at: offset)
        } then: { [weak self] _ in
            guard let self else { return .written }
            self.onDisk += count
            self.writing = ByteBuffer()
            self.space.load.release(count)
            self.held -= count
            guard self.memory.readableBytes > Self.memoryLimit else { return .written }
            do throws(Refusal) { try self.writeOut() } catch { return .failed }
            return .written
        }
    }

    /// Does `work` on a thread that may wait, then tells of it on the loop.
    private func perform<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value,
        then report: @escaping (Value) -> Progress
    ) {
        NIOThreadPool.singleton.runIfActive(eventLoop: self.eventLoop, work)
            .assumeIsolated()
            .whenComplete { [weak self] result in
                // What was released meanwhile is not told of any more.
                guard let self, self.file != nil else { return }
                let progress = (try? result.get()).map(report) ?? .failed
                self.onProgress?(progress)
            }
    }
}

/// A file that vanishes with its descriptor.
///
/// WHY unchecked: the descriptor is written once, by the first write, which has ended before any other call begins.
private final class SpoolFile: @unchecked Sendable {
    private struct Failure: Error {}

    private let directory: String
    private var descriptor: Int32 = -1

    init(in directory: String) { self.directory = directory }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    func write(_ bytes: ByteBuffer, at offset: Int) throws {
        if self.descriptor < 0 { try self.open() }
        try bytes.withUnsafeReadableBytes { bytes in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let count = pwrite(self.descriptor, rest.baseAddress, rest.count, off_t(offset + done))
                guard count > 0 || errno == EINTR else { throw Failure() }
                done += max(0, count)
            }
        }
    }

    func read(at offset: Int, length: Int) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        let count = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { room in
            var count = pread(self.descriptor, room.baseAddress, length, off_t(offset))
            while count < 0, errno == EINTR { count = pread(self.descriptor, room.baseAddress, length, off_t(offset)) }
            return max(0, count)
        }
        guard count > 0 else { throw Failure() }
        return bytes
    }

    private func open() throws {
        var template = Array("\(self.directory)/upload-XXXXXX\0".utf8.map(CChar.init(bitPattern:)))
        self.descriptor = mkstemp(&template)
        guard self.descriptor >= 0 else { throw Failure() }
        _ = fcntl(self.descriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
    }
}
