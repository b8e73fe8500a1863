package import GatewayModel
import Glibc

/// Reads segments back: entries in the order in which they were written, and the records that they add up to.
package struct JournalReader: Sendable {
    /// One entry: a record of which the started or the ended half is filled.
    package struct Entry: Sendable {
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
    /// Segments that the ledger has stored are read as well.
    private let includesRetired: Bool
    /// How far each segment has been read, by its name, so that a follower reads only what is new.
    private var positions: [String: Int] = [:]
    /// Started, not ended, with the segment in which they began.
    private var open: [RecordID: (record: UsageRecord, segment: String)] = [:]
    /// Ends whose start has not been read: of this pass over the segments, and of the one before. A start that was written
    /// to one segment while the pass was at a later one is there in the next pass; one that is not is lost, and the record is
    /// what its end says.
    private var ends: [RecordID: Entry] = [:]
    private var endsBefore: [RecordID: Entry] = [:]
    /// Entries whose check did not agree: their pages never reached the disk.
    package private(set) var damaged = 0
    /// The last call stopped at its limit: there may be more.
    package private(set) var hasMore = false

    package init(directory: String, includingRetired: Bool = false) {
        self.directory = directory
        self.includesRetired = includingRetired
    }

    /// The records that have been closed since the last call, oldest first within each writer; at most `limit` and those of
    /// which only the end is there, which come a call later.
    package mutating func newRecords(limit: Int = .max) throws(JournalError) -> [UsageRecord] {
        var records: [UsageRecord] = []
        let paths = try Segment.paths(in: self.directory, includingRetired: self.includesRetired)
        self.forgetPositions(besides: paths)
        for path in paths {
            try self.read(path) { reader, entry in
                if let record = reader.add(entry, in: Segment.name(of: path)) { records.append(record) }
                return records.count < limit
            }
            self.hasMore = records.count >= limit
            if self.hasMore { return records }
        }
        let incomplete = self.endsBefore.values.map { end in
            var record = UsageRecord(id: end.id, startedAt: 0)
            return Self.whole(&record, with: end)
        }
        (self.endsBefore, self.ends) = (self.ends, [:])
        return records + incomplete.sorted { $0.startedAt < $1.startedAt }
    }

    /// Records that were started and not ended: still running, or orphans of a process that died.
    package var openRecords: [UsageRecord] { self.open.values.map(\.record).sorted { $0.startedAt < $1.startedAt } }

    /// Of `closed` segments, which were asked for before the last call of `newRecords`, those of which nothing is needed any
    /// more once all records so far are kept elsewhere: all of them is read, and no open record began in them.
    package func spentSegments(of closed: [String]) -> [String] {
        guard !self.hasMore else { return [] }
        let needed = Set(self.open.values.map(\.segment))
        return closed.filter { self.positions[$0] != nil && !needed.contains($0) }
    }

    /// Adds an entry to what is known; the record if that makes it whole.
    private mutating func add(_ entry: Entry, in segment: String) -> UsageRecord? {
        guard !entry.isEnd else {
            guard var record = self.open.removeValue(forKey: entry.id)?.record else {
                self.ends[entry.id] = entry
                return nil
            }
            return Self.whole(&record, with: entry)
        }
        var record = UsageRecord(id: entry.id, startedAt: 0)
        entry.apply(to: &record)
        if let end = self.ends.removeValue(forKey: entry.id) ?? self.endsBefore.removeValue(forKey: entry.id) {
            return Self.whole(&record, with: end)
        }
        self.open[entry.id] = (record, segment)
        return nil
    }

    private static func whole(_ record: inout UsageRecord, with end: Entry) -> UsageRecord {
        // An end says its code, or there is none; only a missing end is an error by itself.
        record.code = nil
        end.apply(to: &record)
        return record
    }

    private mutating func forgetPositions(besides paths: [String]) {
        guard self.positions.count > paths.count else { return }
        let names = Set(paths.map(Segment.name))
        self.positions = self.positions.filter { names.contains($0.key) }
    }

    /// Gives the entries of one segment that have not been read yet to `visit`, until it answers false.
    private mutating func read(
        _ path: String,
        _ visit: (inout JournalReader, Entry) -> Bool
    ) throws(JournalError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw JournalError(doing: "open", path, errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw JournalError(doing: "read", path, errno) }
        let size = Int(status.st_size)
        guard size > Segment.headerBytes else { return }
        guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw JournalError(doing: "map", path, errno)
        }
        defer { munmap(start, size) }
        let bytes = UnsafeRawBufferPointer(start: start, count: size)
        let magic = bytes.prefix(Segment.magic.count)
        if magic.elementsEqual(Segment.magic) {
            self.read(bytes, of: Segment.name(of: path), checking: Segment.check, visit)
        } else if magic.elementsEqual(Segment.firstMagic) {
            self.read(bytes, of: Segment.name(of: path), checking: Segment.firstCheck, visit)
        }
    }

    private mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        of segment: String,
        checking checkOf: (UnsafeRawBufferPointer) -> UInt32,
        _ visit: (inout JournalReader, Entry) -> Bool
    ) {
        var cursor = self.positions[segment] ?? Segment.headerBytes
        var goesOn = true
        while goesOn, cursor + 8 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
            guard length >= 17, length <= Segment.payloadLimit, cursor + 8 + length <= bytes.count else { break }
            let check = bytes.loadUnaligned(fromByteOffset: cursor + 4, as: UInt32.self)
            let payload = UnsafeRawBufferPointer(rebasing: bytes[cursor + 8..<cursor + 8 + length])
            cursor = (cursor + 8 + length + 7) & ~7
            guard checkOf(payload) == check, let kind = EntryKind(rawValue: payload[0]) else {
                self.damaged += 1
                continue
            }
            let id = RecordID(
                process: payload.loadUnaligned(fromByteOffset: 1, as: UInt64.self),
                count: payload.loadUnaligned(fromByteOffset: 9, as: UInt64.self)
            )
            goesOn = visit(&self, Entry(id: id, isEnd: kind == .ended, fields: Array(payload[17...])))
        }
        self.positions[segment] = cursor
    }
}
