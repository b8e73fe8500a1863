internal import Dispatch
import Glibc
import Synchronization

/// A log of lines in a file or on standard output, written by a thread of its own: whoever logs never waits for a disk.
///
/// Lines are handed over in batches. What does not fit the bounded buffer is dropped and counted.
package final class LogFile: Sendable {
    package enum Destination: Sendable, Equatable {
        case file(String)
        case standardOutput
    }

    /// A buffer larger than this is not kept.
    private static let keptBytes = 1 << 20
    /// So much is written without waiting for more: what is larger leaves the processor's cache before it is read again.
    private static let batchBytes = 128 << 10
    /// After so much the system is told that nobody here will read it again.
    private static let settledBytes = 4 << 20

    private struct Pending {
        var bytes: [UInt8] = []
        var isReopenAsked = false
        var isClosed = false
    }

    private let destination: Destination
    private let capacity: Int
    private let pending = Mutex(Pending())
    private let dropped = Atomic<UInt64>(0)
    private let descriptor: Atomic<Int32>
    private let thread = Mutex<pthread_t?>(nil)
    /// Raised when the thread has something to do: it sleeps meanwhile, since each waking takes the processor from a loop.
    private let work = DispatchSemaphore(value: 0)
    /// Raised when what is pending should not wait for more.
    private let batch = DispatchSemaphore(value: 0)

    /// Opens the log; `capacity` bounds the bytes that wait for the disk. Throws what the system says if a file cannot
    /// be opened.
    package init(_ destination: Destination, capacity: Int = 16 << 20) throws(LogFileError) {
        self.destination = destination
        self.capacity = capacity
        self.descriptor = Atomic(try Self.open(destination))
        self.startThread()
    }

    /// Lines that were lost because the disk was slower than the log.
    package var droppedLines: UInt64 { self.dropped.load(ordering: .relaxed) }

    /// Takes whole lines. Costs a lock held for the copying of the bytes, so hand over many lines at once.
    package func write(_ lines: UnsafeRawBufferPointer, count: Int) {
        let sizes = self.pending.withLock { pending -> (before: Int, after: Int)? in
            let before = pending.bytes.count
            guard before + lines.count <= self.capacity, !pending.isClosed else { return nil }
            pending.bytes.append(contentsOf: lines)
            return (before, pending.bytes.count)
        }
        guard let sizes else {
            self.dropped.wrappingAdd(UInt64(count), ordering: .relaxed)
            return
        }
        if sizes.before == 0 { self.work.signal() }
        if sizes.before < Self.batchBytes, sizes.after >= Self.batchBytes { self.batch.signal() }
    }

    /// Opens the file anew, after whoever rotates logs has moved it away.
    package func reopen() {
        self.pending.withLock { $0.isReopenAsked = true }
        self.work.signal()
    }

    /// Writes what is pending and stops the thread.
    package func close() {
        self.pending.withLock { $0.isClosed = true }
        self.work.signal()
        self.batch.signal()
        if let thread = self.thread.withLock({ $0 }) { pthread_join(thread, nil) }
    }

    private static func open(_ destination: Destination) throws(LogFileError) -> Int32 {
        switch destination {
        case .standardOutput: return STDOUT_FILENO
        case .file(let path):
            let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
            guard descriptor >= 0 else { throw LogFileError(path: path, reason: String(cString: strerror(errno))) }
            return descriptor
        }
    }

    private func startThread() {
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<LogFile>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            retained.toOpaque()
        )
        guard result == 0 else {
            retained.release()
            return
        }
        self.thread.withLock { $0 = thread }
    }

    /// Two buffers change places, so that neither grows anew for each batch.
    private func run() {
        var bytes: [UInt8] = []
        var unsettled = 0
        while true {
            self.work.wait()
            let (reopen, closed) = self.pending.withLock { pending in
                swap(&bytes, &pending.bytes)
                let asked = (pending.isReopenAsked, pending.isClosed)
                pending.isReopenAsked = false
                return asked
            }
            if reopen { self.replaceDescriptor() }
            self.writeAll(bytes)
            unsettled += bytes.count
            if unsettled >= Self.settledBytes {
                self.settle()
                unsettled = 0
            }
            // What a burst needed is given back.
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptBytes)
            if closed { break }
            // More lines gather: twenty times a second a log that is not busy is written.
            _ = self.batch.wait(timeout: .now() + .milliseconds(50))
        }
        if case .file = self.destination { Glibc.close(self.descriptor.load(ordering: .relaxed)) }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { raw in
                Glibc.write(self.descriptor.load(ordering: .relaxed), raw.baseAddress! + offset, raw.count - offset)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                let lines = bytes[offset...].count(where: { $0 == UInt8(ascii: "\n") })
                self.dropped.wrappingAdd(UInt64(lines), ordering: .relaxed)
                return
            }
            offset += written
        }
    }

    /// Lets the file's pages go to the disk, and those that are there out of memory: a busy log would fill the memory of the machine,
    /// and a page that was never used costs several times what one does that was given back just now.
    private func settle() {
        guard case .file = self.destination else { return }
        posix_fadvise(self.descriptor.load(ordering: .relaxed), 0, 0, POSIX_FADV_DONTNEED)
    }

    private func replaceDescriptor() {
        guard case .file = self.destination, let fresh = try? Self.open(self.destination) else { return }
        let old = self.descriptor.exchange(fresh, ordering: .relaxed)
        Glibc.close(old)
    }
}

/// A log file that cannot be opened.
package struct LogFileError: Error, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "cannot open log file \(self.path): \(self.reason)" }
}
