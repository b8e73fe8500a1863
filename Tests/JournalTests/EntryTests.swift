import CByteScan
import Foundation
import GatewayModel
import Synchronization
import Testing

@testable import Journal

/// Entries of one writer in one segment, without the keeper's thread.
struct EntryTests {
    /// A writer whose segment lies in `folder`.
    static func writer(_ folder: String, size: Int = 64 << 10) throws -> (JournalWriter, SegmentFile) {
        let supply = JournalWriter.Supply()
        let segment = try SegmentFile(creating: "\(folder)/1.agwj", size: size)
        supply.state.withLock { $0.spare = segment }
        return (JournalWriter(supply: supply, process: 7, first: 0, stride: 1), segment)
    }

    static func records(_ folder: String) throws -> (ended: [UsageRecord], open: [UsageRecord], damaged: Int) {
        var reader = JournalReader(directory: folder)
        let records = try reader.newRecords() + reader.newRecords() + reader.newRecords()
        return (records, reader.openRecords, reader.damaged)
    }

    @Test(arguments: [0, 1, 0xFF, 0x100, 0xFFFF_FFFF, 0x1_0000_0000, UInt64.max] as [UInt64])
    func everyFieldComesBack(_ number: UInt64) throws {
        try withFolder { folder in
            let (writer, _) = try Self.writer(folder)
            var expected = UsageRecord(id: writer.nextID(), startedAt: number)
            expected.namespace = "search é"
            expected.key = String(repeating: "k", count: 254)
            expected.modelAsked = String(repeating: "m", count: 255)
            expected.modelServed = String(repeating: "s", count: 300)
            expected.route = ""
            expected.upstream = "openai"
            expected.dialect = "anthropic"
            expected.path = "/v1/chat/completions"
            expected.stream = number != 0
            expected.requestBytes = number
            expected.snapshotVersion = number
            expected.endUser = "user"
            expected.callerDialect = "openai"
            expected.tags = [.init("team", "search"), .init("ticket", "42")]
            expected.matchedHeaders = [.init("x-tenant", "a: b")]
            expected.estimatedInput = number
            expected.limit = number
            expected.limitRemaining = number
            expected.sentAfter = number
            expected.outcome = .upstreamCut
            expected.code = .upstreamStalled
            expected.status = 200
            expected.attempts = 3
            expected.responseBytes = number
            expected.firstByteAfter = number
            expected.endedAfter = number
            expected.usage = Self.usage(number)

            #expect(writer.beginStarted(expected.id))
            Self.putStart(expected, writer)
            #expect(writer.beginEnded(expected.id))
            Self.putEnd(expected, writer)
            #expect(try Self.records(folder).ended == [expected])
        }
    }

    @Test func anEndWithoutACodeIsNoError() throws {
        try withFolder { folder in
            let (writer, _) = try Self.writer(folder)
            let id = writer.nextID()
            #expect(writer.start(id) && writer.end(id))
            let record = try Self.records(folder).ended.first
            #expect(record?.code == nil && record?.outcome == .complete)
        }
    }

    private static func usage(_ number: UInt64) -> TokenUsage {
        var usage = TokenUsage()
        (usage.input, usage.cachedInput, usage.cacheWrite, usage.output) = (number, 1, 2, 3)
        (usage.reasoning, usage.audio, usage.image, usage.source) = (4, 5, number, .partial)
        (usage.audioOutput, usage.imageOutput, usage.cacheWrite1h) = (6, 7, 8)
        return usage
    }

    private static func putStart(_ record: UsageRecord, _ writer: JournalWriter) {
        writer.put(.startedAt, record.startedAt)
        writer.put(.namespace, record.namespace)
        writer.put(.key, Array(record.key.utf8))
        writer.put(.modelAsked, record.modelAsked)
        writer.put(.modelServed, record.modelServed)
        writer.put(.route, record.route)
        writer.put(.upstream, record.upstream)
        writer.put(.dialect, record.dialect)
        writer.put(.path, record.path)
        writer.put(.stream, record.stream ? 1 : 0)
        writer.put(.requestBytes, record.requestBytes)
        writer.put(.snapshotVersion, record.snapshotVersion)
        writer.put(.endUser, record.endUser)
        writer.put(.callerDialect, record.callerDialect)
        writer.put(.metadata, #"{"team": "search", "ticket": 42, "nested": {}}"#)
        writer.put(.tagsHeader, "team=other, ,nothing")
        writer.put(.matchedHeader, "X-Tenant: a: b")
        writer.put(.estimatedInput, record.estimatedInput ?? 0)
        writer.put(.limit, record.limit ?? 0)
        writer.put(.limitRemaining, record.limitRemaining ?? 0)
        writer.commit()
    }

    private static func putEnd(_ record: UsageRecord, _ writer: JournalWriter) {
        writer.put(.outcome, record.outcome.rawValue)
        writer.put(.code, record.code?.rawValue ?? "")
        writer.put(.status, UInt64(record.status))
        writer.put(.attempts, UInt64(record.attempts))
        writer.put(.responseBytes, record.responseBytes)
        writer.put(.sentAfter, record.sentAfter ?? 0)
        writer.put(.firstByteAfter, record.firstByteAfter ?? 0)
        writer.put(.endedAfter, record.endedAfter)
        writer.put(.usageSource, record.usage.source.rawValue)
        writer.put(.input, record.usage.input)
        writer.put(.cachedInput, record.usage.cachedInput)
        writer.put(.cacheWrite, record.usage.cacheWrite)
        writer.put(.output, record.usage.output)
        writer.put(.reasoning, record.usage.reasoning)
        writer.put(.audio, record.usage.audio)
        writer.put(.image, record.usage.image)
        writer.put(.audioOutput, record.usage.audioOutput)
        writer.put(.imageOutput, record.usage.imageOutput)
        writer.put(.cacheWrite1h, record.usage.cacheWrite1h)
        writer.commit()
    }

    @Test func anEntryDoesNotExistBeforeItIsCommitted() throws {
        try withFolder { folder in
            let (writer, _) = try Self.writer(folder)
            let id = writer.nextID()
            #expect(writer.beginStarted(id))
            writer.put(.namespace, "half")
            #expect(try Self.records(folder).open.isEmpty)
            // What was left half-written is written over.
            #expect(writer.start(id, "whole"))
            #expect(try Self.records(folder).open.map(\.namespace) == ["whole"])
        }
    }

    @Test func aDamagedEntryIsCountedAndThoseBehindItAreRead() throws {
        try withFolder { folder in
            let (writer, segment) = try Self.writer(folder)
            let ids = (0..<3).map { _ in writer.nextID() }
            for id in ids { #expect(writer.start(id) && writer.end(id)) }
            #expect(try Self.records(folder).ended.map(\.id) == ids)
            // One byte in the payload of the third entry, the start of the second exchange.
            let entry = { (bytes: UnsafeMutableRawPointer) in
                (8 + Int(bytes.load(as: UInt32.self)) + 7) & ~7
            }
            var offset = Segment.headerBytes
            for _ in 0..<2 { offset += entry(segment.bytes + offset) }
            segment.bytes.storeBytes(of: 0xEE, toByteOffset: offset + 30, as: UInt8.self)
            let (ended, open, damaged) = try Self.records(folder)
            #expect(damaged == 1 && open.isEmpty)
            // Of the second only the end is left: it comes last, with what the end says.
            #expect(ended.map(\.id) == [ids[0], ids[2], ids[1]])
            #expect(ended.map(\.namespace) == ["n", "n", ""])
        }
    }

    @Test func nothingIsReadBehindALengthThatCannotBe() throws {
        try withFolder { folder in
            let (writer, segment) = try Self.writer(folder)
            let id = writer.nextID()
            #expect(writer.start(id))
            for length in [1, 16, UInt32(Segment.payloadLimit + 1), UInt32.max] as [UInt32] {
                segment.bytes.storeBytes(of: length, toByteOffset: Segment.headerBytes, as: UInt32.self)
                #expect(try Self.records(folder).open.isEmpty, "length \(length)")
            }
        }
    }

    @Test func unknownTagsAreSkipped() throws {
        try withFolder { folder in
            let (writer, segment) = try Self.writer(folder)
            let id = writer.nextID()
            #expect(writer.beginStarted(id))
            writer.put(.endUser, String(repeating: "x", count: 300))
            writer.put(.namespace, "known")
            writer.commit()
            // The first field's tag becomes one of a later format; the check is made anew.
            let payload = segment.bytes + Segment.headerBytes + 8
            let length = Int((payload - 8).load(as: UInt32.self))
            payload.storeBytes(of: 250, toByteOffset: 17, as: UInt8.self)
            let check = Segment.check(UnsafeRawBufferPointer(start: payload, count: length))
            (payload - 4).storeBytes(of: check, as: UInt32.self)
            let open = try Self.records(folder).open
            #expect(open.map(\.namespace) == ["known"] && open.map(\.endUser) == [""])
        }
    }

    @Test func filesOfAnotherKindAreLeftAlone() throws {
        try withFolder { folder in
            for (name, text) in [
                ("2.agwj", "AGWJ\u{3}\u{0}\u{0}\u{0}tail"), ("3.agwj", ""), ("4.agwj", "x"), ("a.txt", "AGWJ"),
            ] {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            #expect(try Self.records(folder).ended.isEmpty)
        }
    }

    @Test func aFieldThatFindsNoRoomIsLeftOut() throws {
        try withFolder { folder in
            let (writer, _) = try Self.writer(folder)
            #expect(writer.beginStarted(writer.nextID()))
            writer.put(.path, [UInt8](repeating: UInt8(ascii: "p"), count: 4000))
            writer.put(.endUser, [UInt8](repeating: UInt8(ascii: "u"), count: 1000))
            writer.put(.namespace, "n")
            writer.commit()
            let open = try Self.records(folder).open
            #expect(open.map(\.path.count) == [4000] && open.map(\.endUser) == [""] && open.map(\.namespace) == ["n"])
        }
    }

    @Test func refusesWhenTheSegmentIsFullAndNoOtherIsReady() throws {
        try withFolder { folder in
            let (writer, _) = try Self.writer(folder, size: 2 * Segment.payloadLimit)
            var count = 0
            while count < 1000, writer.start(writer.nextID()) { count += 1 }
            #expect((1..<1000).contains(count))
            let (_, open, damaged) = try Self.records(folder)
            #expect(open.count == count && damaged == 0)
        }
    }

    @Test func theFirstFormatIsStillRead() throws {
        try withFolder { folder in
            let (writer, segment) = try Self.writer(folder)
            #expect(writer.beginStarted(writer.nextID()))
            writer.put(.namespace, "n")
            writer.commit()
            let payload = segment.bytes + Segment.headerBytes + 8
            let length = Int((payload - 8).load(as: UInt32.self))
            segment.bytes.copyMemory(from: Segment.firstMagic, byteCount: Segment.firstMagic.count)
            #expect(try Self.records(folder).damaged == 1, "today's check is not the first format's")
            let check = Segment.firstCheck(UnsafeRawBufferPointer(start: payload, count: length))
            (payload - 4).storeBytes(of: check, as: UInt32.self)
            let (_, open, damaged) = try Self.records(folder)
            #expect(open.map(\.namespace) == ["n"] && damaged == 0)
        }
    }

    @Test(arguments: [Segment.check, Segment.firstCheck])
    func theCheckNoticesEveryFlippedBit(_ checkOf: @Sendable (UnsafeRawBufferPointer) -> UInt32) {
        let bytes = (0..<61).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let check = bytes.withUnsafeBytes { checkOf($0) }
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                #expect(damaged.withUnsafeBytes { checkOf($0) } != check)
            }
        }
    }

    /// RFC 3720 appendix B.4.
    @Test func theCheckIsCRC32C() {
        let cases: [([UInt8], UInt32)] = [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ]
        for (bytes, check) in cases {
            #expect(bytes.withUnsafeBytes { Segment.check($0) } == check)
            #expect(crc32c_by_table(bytes, bytes.count) == check)
        }
        for count in 0..<100 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
            #expect(bytes.withUnsafeBytes { Segment.check($0) } == crc32c_by_table(bytes, count))
        }
    }
}
