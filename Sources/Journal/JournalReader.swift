package import GatewayModel
import Glibc

/// Reads segments back: entries in the order in which they were written, and the records that they add up to.
package struct JournalReader {
    /// One entry: a record of which the started or the ended half is filled.
    package struct Entry {
        package let id: RecordID
        package let isEnd: Bool
        let fields: [UInt8]

        /// Lays this entry's fields over `record`.
        func apply(to record: inout UsageRecord) {
            self.fields.withUnsafeBytes { bytes in
                var cursor = 0
                while cursor + 2 <= bytes.count {
                    let tag = bytes[cursor]
                    var count = Int(bytes[cursor + 1])
                    cursor += 2
                    if count == 255 {
                        guard cursor + 2 <= bytes.count else { return }
                        count = Int(bytes[cursor]) | Int(bytes[cursor + 1]) << 8
                        cursor += 2
                    }
                    guard cursor + count <= bytes.count else { return }
                    record.take(tag, UnsafeRawBufferPointer(rebasing: bytes[cursor..<cursor + count]))
                    cursor += count
                }
            }
        }
    }

    private let directory: String
    /// How far each file has been read, so that a follower reads only what is new.
    private var positions: [String: Int] = [:]
    /// Started, not ended.
    private var open: [RecordID: UsageRecord] = [:]
    /// Entries whose check did not agree: their pages never reached the disk.
    package private(set) var damaged = 0

    package init(directory: String) { self.directory = directory }

    /// The records that have been closed since the last call, oldest first within each writer.
    package mutating func newRecords() throws(JournalError) -> [UsageRecord] {
        var records: [UsageRecord] = []
        for path in try Self.segments(in: self.directory) {
            for entry in try self.newEntries(of: path) {
                var record = self.open[entry.id] ?? UsageRecord(id: entry.id, startedAt: 0)
                // An end says its code, or there is none; only a missing end is an error by itself.
                if entry.isEnd { record.code = nil }
                entry.apply(to: &record)
                self.open[entry.id] = entry.isEnd ? nil : record
                if entry.isEnd { records.append(record) }
            }
        }
        return records
    }

    /// Records that were started and not ended: still running, or orphans of a process that died.
    package var openRecords: [UsageRecord] { self.open.values.sorted { $0.startedAt < $1.startedAt } }

    /// The segment files of `directory` in the order in which they were made.
    static func segments(in directory: String) throws(JournalError) -> [String] {
        guard let stream = opendir(directory) else { throw JournalError(doing: "list", directory, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".agwj") { names.append(name) }
        }
        return names.sorted().map { "\(directory)/\($0)" }
    }

    private mutating func newEntries(of path: String) throws(JournalError) -> [Entry] {
        let position = self.positions[path] ?? Segment.headerBytes
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw JournalError(doing: "open", path, errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw JournalError(doing: "read", path, errno) }
        let size = Int(status.st_size)
        guard size > Segment.headerBytes else { return [] }
        guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw JournalError(doing: "map", path, errno)
        }
        defer { munmap(start, size) }
        let bytes = UnsafeRawBufferPointer(start: start, count: size)
        guard bytes.prefix(Segment.magic.count).elementsEqual(Segment.magic) else { return [] }
        return self.entries(bytes, from: position, path)
    }

    private mutating func entries(_ bytes: UnsafeRawBufferPointer, from position: Int, _ path: String) -> [Entry] {
        var entries: [Entry] = []
        var cursor = position
        while cursor + 8 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
            guard length >= 17, length <= Segment.payloadLimit, cursor + 8 + length <= bytes.count else { break }
            let check = bytes.loadUnaligned(fromByteOffset: cursor + 4, as: UInt32.self)
            let payload = UnsafeRawBufferPointer(rebasing: bytes[cursor + 8..<cursor + 8 + length])
            cursor = (cursor + 8 + length + 7) & ~7
            guard checkSum(payload) == check, let kind = EntryKind(rawValue: payload[0]) else {
                self.damaged += 1
                continue
            }
            let id = RecordID(
                process: payload.loadUnaligned(fromByteOffset: 1, as: UInt64.self),
                count: payload.loadUnaligned(fromByteOffset: 9, as: UInt64.self)
            )
            entries.append(Entry(id: id, isEnd: kind == .ended, fields: Array(payload[17...])))
        }
        self.positions[path] = cursor
        return entries
    }
}
