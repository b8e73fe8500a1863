import Foundation
import GatewayModel
import Glibc
import Testing

@testable import Journal

/// A folder that goes away with the test.
func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
}

extension JournalWriter {
    /// Writes a `started` entry with a namespace.
    func start(_ id: RecordID, _ namespace: String = "n") -> Bool {
        guard self.beginStarted(id) else { return false }
        self.put(.startedAt, 5)
        self.put(.namespace, namespace)
        self.commit()
        return true
    }

    func end(_ id: RecordID) -> Bool {
        guard self.beginEnded(id) else { return false }
        self.put(.outcome, Outcome.complete.rawValue)
        self.put(.usageSource, TokenUsage.Source.provider.rawValue)
        self.commit()
        return true
    }
}

struct JournalTests {
    static let small = 64 << 10

    static func open(_ folder: String, writers: Int = 1, totalBytes: Int = 1 << 30) throws -> Journal {
        try Journal(
            Journal.Options(
                directory: folder,
                segmentBytes: Self.small,
                totalBytes: totalBytes,
                syncInterval: .milliseconds(20)
            ),
            writers: writers
        )
    }

    @Test func closesOrphansAsEstimatedExactlyOnce() throws {
        try withFolder { folder in
            // Restarts follow each other at once, so that several fall into one second.
            var expected: [RecordID] = []
            for _ in 0..<6 {
                let journal = try Self.open(folder)
                let writer = journal.writer(0)
                let (orphan, whole) = (writer.nextID(), writer.nextID())
                #expect(writer.start(orphan) && writer.start(whole) && writer.end(whole))
                expected += [orphan, whole]
                journal.close()
            }
            let last = try Self.open(folder)
            defer { last.close() }
            var reader = JournalReader(directory: folder)
            let records = try reader.newRecords()
            #expect(reader.openRecords.isEmpty)
            #expect(Set(records.map(\.id)) == Set(expected))
            #expect(records.count == expected.count)
            let orphans = records.filter { $0.usage.source == .estimated }
            #expect(orphans.count == 6)
            #expect(orphans.allSatisfy { $0.outcome == .failed && $0.code == .internalError && $0.namespace == "n" })
        }
    }

    @Test func removesTheOldestSegmentsAndCountsThem() throws {
        try withFolder { folder in
            // Segments of a process that has gone.
            for index in 0..<4 {
                _ = try SegmentFile(creating: "\(folder)/000000000000.00000000\(index)-1-1.agwj", size: Self.small)
            }
            let journal = try Self.open(folder, totalBytes: 3 * Self.small)
            let deadline = ContinuousClock.now + .seconds(20)
            while journal.droppedSegments < 2, ContinuousClock.now < deadline { sched_yield() }
            journal.close()
            #expect(journal.droppedSegments == 2)
            let left = try Segment.paths(in: folder)
            #expect(left.allSatisfy { !$0.contains("000000000-1-1") && !$0.contains("000000001-1-1") })
        }
    }

    @Test func goesOnInTheNextSegmentAndLosesNothing() throws {
        try withFolder { folder in
            let journal = try Self.open(folder)
            let writer = journal.writer(0)
            let text = String(repeating: "n", count: 1000)
            let deadline = ContinuousClock.now + .seconds(20)
            var ids: [RecordID] = []
            // Four segments' worth; a segment that is not ready yet refuses, and nothing half-written remains.
            while ids.count < 4 * Self.small / 1000, ContinuousClock.now < deadline {
                let id = writer.nextID()
                guard writer.start(id, text) else {
                    sched_yield()
                    continue
                }
                while !writer.end(id), ContinuousClock.now < deadline { sched_yield() }
                ids.append(id)
            }
            journal.close()
            var reader = JournalReader(directory: folder)
            let records = try reader.newRecords()
            #expect(records.map(\.id) == ids)
            #expect(records.allSatisfy { $0.namespace == text && $0.usage.source == .provider })
            #expect(reader.openRecords.isEmpty && reader.damaged == 0)
            #expect(try Segment.paths(in: folder).count >= 4)
        }
    }

    @Test func givesThePagesOfWholeSegmentsBackAndKeepsTheirRecords() throws {
        try withFolder { folder in
            let journal = try Self.open(folder)
            defer { journal.close() }
            let writer = journal.writer(0)
            var ids: [RecordID] = []
            let deadline = ContinuousClock.now + .seconds(20)
            while journal.closedSegments.count < 2, ContinuousClock.now < deadline {
                let id = writer.nextID()
                guard writer.start(id), writer.end(id) else { continue }
                ids.append(id)
            }
            let whole = journal.closedSegments.prefix(2).map { "\(folder)/\($0)\(Segment.suffix)" }
            while try whole.contains(where: { try Self.residentPages($0) > 0 }), ContinuousClock.now < deadline {
                sched_yield()
            }
            for path in whole { #expect(try Self.residentPages(path) == 0) }
            var reader = JournalReader(directory: folder)
            #expect(try reader.newRecords().map(\.id) == ids)
        }
    }

    /// Pages of a file that are in memory; none are said to be where files live in memory only.
    private static func residentPages(_ path: String) throws -> Int {
        let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n")
        let fields = mounts.map { $0.split(separator: " ") }.filter { path.hasPrefix($0[1]) }
        if fields.max(by: { $0[1].count < $1[1].count })?[2] == "tmpfs" { return 0 }
        let descriptor = Glibc.open(path, O_RDONLY)
        defer { close(descriptor) }
        let bytes = try #require(mmap(nil, Self.small, PROT_READ, MAP_SHARED, descriptor, 0))
        defer { munmap(bytes, Self.small) }
        var pages = [UInt8](repeating: 0, count: Self.small / 4096)
        #expect(mincore(bytes, Self.small, &pages) == 0)
        return pages.filter { $0 & 1 == 1 }.count
    }

    @Test func writersOfAllLoopsAndProcessesHaveDisjointIDs() throws {
        try withFolder { folder in
            let journals = [try Self.open(folder, writers: 3), try Self.open(folder, writers: 3)]
            defer { for journal in journals { journal.close() } }
            var ids: [RecordID] = []
            for journal in journals {
                for index in 0..<3 {
                    let writer = journal.writer(index)
                    for _ in 0..<100 { ids.append(writer.nextID()) }
                }
            }
            #expect(Set(ids).count == 600)
            #expect(Set(ids.map(\.description)).count == 600)
        }
    }

    @Test func aReaderFollowsSeveralWriters() throws {
        try withFolder { folder in
            let journal = try Self.open(folder, writers: 2)
            defer { journal.close() }
            let writers = [journal.writer(0), journal.writer(1)]
            var reader = JournalReader(directory: folder)
            #expect(try reader.newRecords().isEmpty)
            for round in 0..<10 {
                let ids = writers.map { $0.nextID() }
                for (writer, id) in zip(writers, ids) { #expect(writer.start(id, "round \(round)")) }
                #expect(try reader.newRecords().isEmpty)
                #expect(Set(reader.openRecords.map(\.id)) == Set(ids))
                for (writer, id) in zip(writers, ids) { #expect(writer.end(id)) }
                let records = try reader.newRecords()
                #expect(Set(records.map(\.id)) == Set(ids))
                #expect(records.allSatisfy { $0.namespace == "round \(round)" })
            }
        }
    }

    @Test func saysWhichDirectoryCannotBeUsed() {
        #expect {
            try Self.open("/proc/journal")
        } throws: { error in
            "\(error)".contains("/proc/journal")
        }
    }
}
