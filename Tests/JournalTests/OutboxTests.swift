import GatewayModel
import Synchronization
import Testing

@testable import Journal

/// The journal as the ledger's outbox: read in batches, segments set aside when nothing of them is needed.
struct OutboxTests {
    /// A writer into a segment of its own.
    private static func writer(_ folder: String, _ name: String, first: UInt64) throws -> (JournalWriter, SegmentFile) {
        let supply = JournalWriter.Supply()
        let segment = try SegmentFile(creating: "\(folder)/\(name).agwj", size: 64 << 10)
        supply.state.withLock { $0.spare = segment }
        return (JournalWriter(supply: supply, process: 7, first: first, stride: 1), segment)
    }

    @Test func batchesGiveEveryRecordOnceInOrder() throws {
        try withFolder { folder in
            let (writer, _) = try Self.writer(folder, "1", first: 0)
            let ids = (0..<25).map { _ in writer.nextID() }
            for id in ids { #expect(writer.start(id) && writer.end(id)) }
            var reader = JournalReader(directory: folder)
            var sizes: [Int] = []
            var seen: [RecordID] = []
            repeat {
                let records = try reader.newRecords(limit: 10)
                sizes.append(records.count)
                seen += records.map(\.id)
            } while reader.hasMore
            #expect(sizes == [10, 10, 5])
            #expect(seen == ids)
        }
    }

    @Test func anEndThatIsReadBeforeItsStartWaitsForIt() throws {
        try withFolder { folder in
            let (first, _) = try Self.writer(folder, "1", first: 0)
            let (second, _) = try Self.writer(folder, "2", first: 100)
            let id = first.nextID()
            // What a reader sees that was at the second segment while the first was written to.
            #expect(second.end(id))
            var reader = JournalReader(directory: folder)
            #expect(try reader.newRecords().isEmpty)
            #expect(first.start(id))
            #expect(try reader.newRecords().map(\.namespace) == ["n"])
            #expect(reader.openRecords.isEmpty)
            #expect(try reader.newRecords().isEmpty)
        }
    }

    @Test func aSegmentIsSpentWhenAllOfItIsReadAndNothingOpenBeganInIt() throws {
        try withFolder { folder in
            let (first, _) = try Self.writer(folder, "1", first: 0)
            let (second, _) = try Self.writer(folder, "2", first: 100)
            let (long, short) = (first.nextID(), first.nextID())
            #expect(first.start(long) && first.start(short) && first.end(short))
            var reader = JournalReader(directory: folder)
            #expect(reader.spentSegments(of: ["1", "2"]).isEmpty, "nothing has been read")
            _ = try reader.newRecords()
            #expect(reader.spentSegments(of: ["1", "2"]) == ["2"])
            #expect(second.end(long))
            _ = try reader.newRecords(limit: 1)
            #expect(reader.spentSegments(of: ["1", "2"]).isEmpty, "there may be more")
            _ = try reader.newRecords()
            #expect(reader.spentSegments(of: ["1", "2"]) == ["1", "2"])
        }
    }

    @Test func whatIsSetAsideIsNotReadAgainAndTheOldestOfItGoes() throws {
        try withFolder { folder in
            let small = JournalTests.small
            let names = (1...4).map { "000000000000.00000000\($0)-1-1" }
            for (index, name) in names.enumerated() {
                let (writer, _) = try Self.writer(folder, name, first: UInt64(index) * 100)
                let id = writer.nextID()
                #expect(writer.start(id) && writer.end(id))
            }
            let options = Journal.Options(directory: folder, segmentBytes: small, retiredBytes: 2 * small)
            let journal = try Journal(options, writers: 1)
            defer { journal.close() }
            #expect(journal.closedSegments == names)
            journal.retire(Array(names[..<3]))
            var left = JournalReader(directory: folder)
            #expect(try left.newRecords().count == 1)
            var all = JournalReader(directory: folder, includingRetired: true)
            #expect(try all.newRecords().count == 3, "one of the three went, two are kept, one was not set aside")
            #expect(journal.closedSegments == [names[3]])
            #expect(journal.droppedSegments == 0)
        }
    }

    /// What a writer still writes to is never offered, whenever it is asked.
    @Test func whatIsInUseIsNotClosed() throws {
        try withFolder { folder in
            let journal = try Journal(Journal.Options(directory: folder, segmentBytes: 64 << 10), writers: 2)
            defer { journal.close() }
            let writers = [journal.writer(0), journal.writer(1)]
            #expect(journal.closedSegments.isEmpty)
            for writer in writers {
                let id = writer.nextID()
                #expect(writer.start(id) && writer.end(id))
            }
            // The keeper makes new spare segments meanwhile.
            for _ in 0..<200 { #expect(journal.closedSegments.isEmpty) }
        }
    }
}
