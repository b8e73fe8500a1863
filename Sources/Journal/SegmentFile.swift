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
    private var seen = 0

    /// Makes the file, takes its whole size on the disk, and maps it with its pages present, so that a write neither
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
        let flags = MAP_SHARED | MAP_POPULATE
        guard let bytes = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0), bytes != MAP_FAILED else {
            let reason = errno
            close(descriptor)
            unlink(path)
            throw JournalError(doing: "map", path, reason)
        }
        self.path = path
        self.size = size
        self.bytes = bytes
        self.descriptor = descriptor
        Segment.magic.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }

    /// Brings all of it to the disk. Blocks; never called on a loop.
    func sync() { _ = fdatasync(self.descriptor) }

    /// Brings what will not be written again to the disk: whole pages, and the page that is being filled only once nothing
    /// has been added to it for an interval. Blocks; never called on a loop.
    ///
    /// The loop must not touch a page that is on its way to the disk: its store would wait for the disk, for milliseconds.
    func syncBehindWriter() {
        let written = self.written.load(ordering: .acquiring)
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let isResting = written == self.seen
        self.seen = written
        let end = isResting ? written : written / page * page
        guard end > self.synced else { return }
        let start = self.synced / page * page
        _ = msync(self.bytes + start, end - start, MS_SYNC)
        self.synced = end
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
