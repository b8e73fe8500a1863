import Glibc
import Synchronization

/// One journal file, preallocated and mapped: writing to it is writing to memory, and what was written survives the
/// death of the process.
///
/// WHY: `@unchecked Sendable`: made by one thread, handed over whole, then written by one loop only; syncing belongs to
/// the keeper's thread and touches only its own fields.
final class SegmentFile: @unchecked Sendable {
    let path: String
    let size: Int
    /// Everything behind the magic; zeros where nothing was written yet.
    let bytes: UnsafeMutableRawPointer
    /// How far the loop has written; everything before it stays as it is.
    let written = Atomic<Int>(Segment.headerBytes)
    private let descriptor: Int32
    /// How far the bytes are on the disk, and how far the loop had come at the last look. The keeper's own.
    private var synced = 0
    private var seen = -1
    /// The kernel keeps what was written by one call in one piece of memory, where the file system can (ext4 from Linux 6.16 on, XFS),
    /// and brings it to the disk as one. Its work for a page is a third then of what it is for single pages.
    static let pieceBytes = 64 << 10

    /// Makes the file, takes its whole size on the disk, and maps it with its pages present and writable, so that a store neither
    /// faults on a full disk nor waits for a page.
    init(creating path: String, size: Int) throws(JournalError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JournalError(doing: "create", path, errno) }
        let allocated = posix_fallocate(descriptor, 0, off_t(size))
        guard allocated == 0 else {
            close(descriptor)
            unlink(path)
            throw JournalError(doing: "allocate", path, allocated)
        }
        guard Self.fill(descriptor, size),
            let bytes = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), bytes != MAP_FAILED
        else {
            let reason = errno
            close(descriptor)
            unlink(path)
            throw JournalError(doing: "map", path, reason)
        }
        // `MAP_POPULATE` would make shared pages readable only. Where the kernel cannot (before Linux 5.14), each page is made
        // writable by the first store to it.
        _ = madvise(bytes, size, MADV_POPULATE_WRITE)
        self.path = path
        self.size = size
        self.bytes = bytes
        self.descriptor = descriptor
        Segment.magic.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }

    /// Writes zeros into memory that the kernel gives in pieces. False: `errno` says why not.
    private static func fill(_ descriptor: Int32, _ size: Int) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.pieceBytes, alignment: 16) { zeros in
            memset(zeros.baseAddress!, 0, zeros.count)
            for start in stride(from: 0, to: size, by: zeros.count) {
                let count = min(zeros.count, size - start)
                guard pwrite(descriptor, zeros.baseAddress, count, off_t(start)) == count else { return false }
            }
            return true
        }
    }

    /// Brings all of it to the disk. Blocks; never called on a loop.
    func sync() { _ = fdatasync(self.descriptor) }

    /// Brings what will not be written again to the disk: whole pieces, and the piece that is being filled once the writer has
    /// been in it for an interval. Blocks; never called on a loop.
    ///
    /// The loop should not touch a piece that is on its way to the disk: on some devices its store would wait for the disk.
    /// Returns how far the bytes are there now.
    @discardableResult
    func syncBehindWriter() -> Int {
        let written = self.written.load(ordering: .acquiring)
        let piece = written / Self.pieceBytes * Self.pieceBytes
        let end = self.seen >= piece ? written : piece
        self.seen = written
        guard end > self.synced else { return self.synced }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = self.synced / page * page
        _ = msync(self.bytes + start, end - start, MS_SYNC)
        self.synced = end
        return end
    }

    /// Gives the file's pages back, which are on the disk: the kernel fills them again for the next segment with a fraction of
    /// the work that a page takes which nobody has used yet (by `dd` on a virtual machine 1.4 µs instead of 7.6).
    func releasePages() {
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
