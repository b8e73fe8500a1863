import Glibc
import Synchronization

/// One journal file, preallocated and mapped: writing to it is writing to memory, and what was written survives the
/// death of the process.
///
/// WHY: `@unchecked Sendable`: made by one thread, handed over whole, then its bytes are written by one loop only. What changes
/// besides `written` is the keeper's: `sync`, `syncBehindWriter` and `releasePages` are called by its thread, and by `close()`
/// once that has ended.
final class SegmentFile: @unchecked Sendable {
    /// The kernel keeps what was written by one call in one piece of memory, where the file system can (ext4 from Linux
    /// 6.16 on, XFS), and brings it to the disk as one: a third of the work that single pages are.
    static let pieceBytes = 64 << 10

    let path: String
    let size: Int
    /// Everything behind the magic; zeros where nothing was written yet.
    let bytes: UnsafeMutableRawPointer
    /// How far the loop has written; everything before it stays as it is.
    let written = Atomic<Int>(Segment.headerBytes)
    private let descriptor: Int32
    private let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    /// How far the bytes are on the disk, and how far the loop had come at the last look. The keeper's own.
    private var synced = 0
    private var seen = -1
    /// The disk has refused some of it. The pages are the only place then where all of it is. The keeper's own, too.
    private(set) var isDamaged = false

    /// Makes the file, takes its whole size on the disk, and maps it with its pages present and writable, so that a store
    /// neither faults on a full disk nor waits for a page.
    init(creating path: String, size: Int) throws(JournalError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JournalError(doing: "create", path, errno) }
        do throws(JournalError) { self.bytes = try Self.prepare(descriptor, path, size) } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
        self.path = path
        self.size = size
        self.descriptor = descriptor
    }

    private static func prepare(
        _ descriptor: Int32,
        _ path: String,
        _ size: Int
    ) throws(JournalError) -> UnsafeMutableRawPointer {
        let allocated = posix_fallocate(descriptor, 0, off_t(size))
        guard allocated == 0 else { throw JournalError(doing: "allocate", path, allocated) }
        if let reason = Self.fill(descriptor, size) { throw JournalError(doing: "fill", path, reason) }
        guard let bytes = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), bytes != MAP_FAILED else {
            throw JournalError(doing: "map", path, errno)
        }
        // `MAP_POPULATE` would make shared pages readable only. A kernel that does not know this (before Linux 5.14) makes each
        // page writable at the first store to it; any other refusal says that a store would end the process.
        guard madvise(bytes, size, MADV_POPULATE_WRITE) == 0 || errno == EINVAL else {
            let reason = errno
            munmap(bytes, size)
            throw JournalError(doing: "write to", path, reason)
        }
        return bytes
    }

    /// Writes the magic, and zeros behind it, into memory that the kernel gives in pieces. Returns `errno` when that fails.
    private static func fill(_ descriptor: Int32, _ size: Int) -> Int32? {
        let count = Segment.magic.count
        guard pwrite(descriptor, Segment.magic, count, 0) == count else { return errno }
        // Pages that nobody has written to are one and the same, of zeros: they take no memory.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let zeros = mmap(nil, Self.pieceBytes, PROT_READ, flags, -1, 0), zeros != MAP_FAILED else { return errno }
        defer { munmap(zeros, Self.pieceBytes) }
        var offset = count
        while offset < size {
            let piece = min(Self.pieceBytes - offset % Self.pieceBytes, size - offset)
            let written = pwrite(descriptor, zeros, piece, off_t(offset))
            guard written != 0, written > 0 || errno == EINTR else { return written < 0 ? errno : EIO }
            offset += max(0, written)
        }
        return nil
    }

    /// Brings all of it to the disk. Blocks; never called on a loop.
    func sync() { if fdatasync(self.descriptor) != 0 { self.isDamaged = true } }

    /// Brings what will not be written again to the disk: whole pieces, and the piece that is being filled once the writer has
    /// been in it for an interval. Then makes the pages writable that the writer will come to: those that the kernel has
    /// brought to the disk would cost it a fault again. Blocks; never called on a loop. Returns how far the bytes are on the disk.
    @discardableResult
    func syncBehindWriter() -> Int {
        let written = self.written.load(ordering: .acquiring)
        let piece = written / Self.pieceBytes * Self.pieceBytes
        let end = self.seen >= piece ? written : piece
        let added = written - self.seen
        self.seen = written
        if end > self.synced {
            let start = self.synced / self.pageBytes * self.pageBytes
            if msync(self.bytes + start, end - start, MS_SYNC) == 0 { self.synced = end } else { self.isDamaged = true }
        }
        if added > 0 { self.makeWritable(from: written, 2 * max(added, Self.pieceBytes)) }
        return self.synced
    }

    private func makeWritable(from offset: Int, _ count: Int) {
        let start = offset / self.pageBytes * self.pageBytes
        guard start < self.size else { return }
        _ = madvise(self.bytes + start, min(count, self.size - start), MADV_POPULATE_WRITE)
    }

    /// Gives the file's pages back, if they are on the disk: the kernel fills them again for the next segment with a fraction
    /// of the work that a page takes which nobody has used yet (by `dd` on a virtual machine 1.4 µs instead of 7.6).
    func releasePages() {
        guard !self.isDamaged else { return }
        _ = madvise(self.bytes, self.size, MADV_DONTNEED)
        posix_fadvise(self.descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    deinit {
        munmap(self.bytes, self.size)
        close(self.descriptor)
    }
}

/// A journal file that cannot be made or read: what was tried, on which file, and the system's reason.
package struct JournalError: Error, CustomStringConvertible {
    package let description: String

    init(doing verb: String, _ path: String, _ reason: Int32) {
        self.description = "cannot \(verb) journal file \(path): \(String(cString: strerror(reason)))"
    }
}
