import Dialects
import GatewayModel
import HTTPWire
import NIOCore
import Testing

@testable import GatewayCore

/// The bytes that `digits` spell in hexadecimal.
func hex(_ digits: String) -> [UInt8] {
    let digits = Array(digits.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { index in
        UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) ?? 0
    }
}

struct BodyRelayTests {
    /// How an upstream frames a body of these bytes.
    enum Framing: CaseIterable { case length, chunked, untilClose }

    struct Relayed: Equatable {
        var body: [UInt8] = []
        var isComplete = false
        var usage: UInt64 = 0
        /// The input tokens that a JSON body told, and its id.
        var told: UInt64?
        var id: [UInt8]?
        var forwarded: UInt64 = 0
    }

    static func framed(_ body: [UInt8], _ framing: Framing) -> [UInt8] {
        guard framing == .chunked else { return body }
        let cut = body.count / 3
        return [body[..<cut], body[cut...]].filter { !$0.isEmpty }.flatMap { piece in
            Array("\(String(piece.count, radix: 16));a=b\r\n".utf8) + piece + Array("\r\n".utf8)
        } + Array("0\r\nTrailer: x\r\n\r\n".utf8)
    }

    /// Sends `pieces` through a relay and takes the client's framing off again.
    static func relay(
        _ pieces: [[UInt8]],
        _ framing: ResponseHead.Framing,
        to client: BodyRelay.ClientFraming,
        _ reading: BodyRelay.Reading,
        inflating: Bool = false,
        hiding: Bool = false
    ) throws -> Relayed {
        let relay = BodyRelay(reading: AnswerReaders())
        let watch = StreamWatch(.openAIChat, hidesUsageEvent: hiding)
        relay.begin(
            framing,
            to: client,
            reading: reading,
            watch: watch,
            format: .openAIChat,
            keepsID: true,
            inflating: inflating
        )
        var sent = ByteBuffer()
        for piece in pieces {
            var input = ByteBuffer(bytes: piece)
            var out = ByteBuffer()
            var passed: ByteBuffer?
            if !relay.isFinished { try relay.take(&input, into: &out, passing: &passed) }
            sent.writeBuffer(&out)
            if var passed { sent.writeBuffer(&passed) }
        }
        if relay.endsWithConnection { relay.closeSource(into: &sent) }
        if reading == .whole, relay.isFinished { relay.inject(relay.wholeBody, into: &sent) }
        var result = Relayed(isComplete: relay.isFinished, usage: relay.watch.usage.total, forwarded: relay.forwarded)
        relay.learnFromPieces()
        result.told = relay.usage?.input
        result.id = relay.quotedID
        guard client == .chunked else {
            result.body = Array(buffer: sent)
            return result
        }
        if relay.isFinished { relay.writeEnd(into: &sent) } else { sent.writeString("0\r\n\r\n") }
        var decoder = ChunkedDecoder()
        var cursor = 0
        while case .data(let range) = try decoder.next(sent, &cursor) {
            result.body += Array(buffer: sent.getSlice(at: range.lower, length: range.count) ?? ByteBuffer())
        }
        #expect(cursor == sent.readableBytes, "the client's framing ends where the bytes end")
        return result
    }

    static func source(_ framing: Framing, _ count: Int) -> ResponseHead.Framing {
        switch framing {
        case .length: .length(UInt64(count))
        case .chunked: .chunked
        case .untilClose: .untilClose
        }
    }

    static let events = [
        "data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n", ": ping\r\n\r\n",
        "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        "data: [DONE]\n\n",
    ]
    static let stream = Array(events.joined().utf8)
    static let json = Array(#"{"id":"chatcmpl-1","x":"é\"","usage":{"prompt_tokens":3}}"#.utf8)
    static let zipped = hex(
        "1f8b08000000000002037d8c310e842014447b4e61a6b6315a51efb67a00430c819f95a87ca3df8a7077b1b1dcf6cd7be3ad585d25040f0d"
            + "d7a0869b39383aa1c7044fab58e804c751284a71e6809c4d56caff294d8debb43f7ad2fde06d974978a158b6b67805ac2481e34bbbfc3e8e"
            + "9fa1ff1aa56ee516132a9a000000"
    )
    static let unzipped = Array([events[0], events[2], events[3]].joined().utf8)

    /// Whole, byte by byte, and cut in two at every place.
    static func expectAlike(_ bytes: [UInt8], _ expected: Relayed, _ relay: ([[UInt8]]) throws -> Relayed) throws {
        #expect(try relay([bytes]) == expected)
        #expect(try relay(bytes.map { [$0] }) == expected, "byte by byte")
        for cut in 0...bytes.count {
            let result = try relay([Array(bytes[..<cut]), Array(bytes[cut...])])
            if result != expected {
                Issue.record(
                    "cut at \(cut): \(String(decoding: result.body, as: UTF8.self).debugDescription) \(result)"
                )
                return
            }
        }
    }

    @Test(arguments: Framing.allCases, [BodyRelay.ClientFraming.chunked, .untilClose])
    func relaysEventsHoweverTheyAreSplit(_ framing: Framing, _ client: BodyRelay.ClientFraming) throws {
        let bytes = Self.framed(Self.stream, framing)
        for hiding in [false, true] {
            let body = hiding ? Array((Self.events[0] + Self.events[1] + Self.events[3]).utf8) : Self.stream
            let expected = Relayed(
                body: body,
                isComplete: true,
                usage: 7,
                forwarded: UInt64(body.count)
            )
            try Self.expectAlike(bytes, expected) { pieces in
                try Self.relay(pieces, Self.source(framing, Self.stream.count), to: client, .events, hiding: hiding)
            }
        }
    }

    @Test(arguments: Framing.allCases) func readsTheMembersOfAnAnswerHoweverItIsSplit(_ framing: Framing) throws {
        let client: BodyRelay.ClientFraming = framing == .length ? .length : .chunked
        let expected = Relayed(
            body: Self.json,
            isComplete: true,
            told: 3,
            id: Array(#""chatcmpl-1""#.utf8),
            forwarded: UInt64(Self.json.count)
        )
        try Self.expectAlike(Self.framed(Self.json, framing), expected) { pieces in
            try Self.relay(pieces, Self.source(framing, Self.json.count), to: client, .members)
        }
    }

    @Test(arguments: Framing.allCases, [BodyRelay.Reading.nothing, .whole])
    func relaysBytesThatAreNotLookedAt(_ framing: Framing, _ reading: BodyRelay.Reading) throws {
        let body = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let expected = Relayed(body: body, isComplete: true, forwarded: 200)
        try Self.expectAlike(Self.framed(body, framing), expected) { pieces in
            try Self.relay(pieces, Self.source(framing, body.count), to: .chunked, reading)
        }
    }

    @Test(arguments: Framing.allCases) func unpacksCompressedEventsHoweverTheyAreSplit(_ framing: Framing) throws {
        let body = Array((Self.events[0] + Self.events[3]).utf8)
        let expected = Relayed(
            body: body,
            isComplete: true,
            usage: 7,
            forwarded: UInt64(body.count)
        )
        try Self.expectAlike(Self.framed(Self.zipped, framing), expected) { pieces in
            let source = Self.source(framing, Self.zipped.count)
            return try Self.relay(pieces, source, to: .chunked, .events, inflating: true, hiding: true)
        }
    }

    @Test func largePiecesArePassedUncopiedAndCounted() throws {
        let body = [UInt8](repeating: UInt8(ascii: " "), count: 20_000) + Self.json
        let result = try Self.relay(
            [Array(body[..<9000]), Array(body[9000...])],
            .length(UInt64(body.count)),
            to: .length,
            .members
        )
        #expect(result.body == body && result.isComplete && result.forwarded == UInt64(body.count))
        #expect(result.id == Array(#""chatcmpl-1""#.utf8))
    }

    @Test func bytesBehindTheBodyStayWhereTheyAre() throws {
        for (source, text) in [(ResponseHead.Framing.length(2), "okHTTP"), (.chunked, "2\r\nok\r\n0\r\n\r\nHTTP")] {
            let relay = BodyRelay(reading: AnswerReaders())
            relay.begin(
                source,
                to: .chunked,
                reading: .nothing,
                watch: .init(.openAIPlain, hidesUsageEvent: false),
                format: .openAIPlain,
                inflating: false
            )
            var input = ByteBuffer(string: text)
            var out = ByteBuffer()
            var passed: ByteBuffer?
            try relay.take(&input, into: &out, passing: &passed)
            #expect(String(buffer: input) == "HTTP" && relay.isFinished && String(buffer: out) == "00000002\r\nok\r\n")
        }
    }

    /// One chunk for all that comes at once: the upstream's own ones, what stands around a hidden event, and the next bytes anew.
    @Test func whatComesAtOnceIsOneChunk() throws {
        let relay = BodyRelay(reading: AnswerReaders())
        relay.begin(
            .chunked,
            to: .chunked,
            reading: .events,
            watch: .init(.openAIChat, hidesUsageEvent: true),
            format: .openAIChat,
            inflating: false
        )
        let send = { (events: [String]) in
            var input = ByteBuffer(string: events.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined())
            var out = ByteBuffer(string: "head")
            var passed: ByteBuffer?
            try relay.take(&input, into: &out, passing: &passed)
            return String(buffer: out)
        }
        let usage = #"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"# + "\n\n"
        #expect(
            try send(["data: 1\n\n", usage, "data: 2\n\n", "data: 3\n\n"])
                == "head0000001b\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n\r\n"
        )
        #expect(try send([usage]) == "head")
        #expect(try send(["data: 4\n\n"]) == "head00000009\r\ndata: 4\n\n\r\n")
        let long = "data: " + String(repeating: "x", count: 0xABC - 8) + "\n\n"
        #expect(try send([long]) == "head00000abc\r\n\(long)\r\n")
        var out = ByteBuffer(string: "other")
        relay.inject(Array("error".utf8), into: &out)
        relay.inject(Array("end".utf8), into: &out)
        #expect(String(buffer: out) == "other00000005\r\nerror\r\n00000003\r\nend\r\n")
    }

    @Test(arguments: ["5\r\nhelloX", "x\r\n", "5\r\nhello\r\n-1\r\n", "0\r\nbad trailer\r\n\r\n"])
    func aBrokenChunkIsNoticedHoweverItIsSplit(_ text: String) {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            #expect(throws: BodyRelay.Failure.broken) {
                try Self.relay([Array(bytes[..<cut]), Array(bytes[cut...])], .chunked, to: .chunked, .nothing)
            }
        }
    }

    @Test func aBodyThatBreaksOffIsNotComplete() throws {
        for count in 0..<Self.framed(Self.stream, .chunked).count {
            let bytes = Array(Self.framed(Self.stream, .chunked)[..<count])
            let result = try Self.relay([bytes], .chunked, to: .chunked, .events)
            #expect(!result.isComplete)
            // Only whole events have gone out.
            #expect((0...4).contains { result.body == Array(Self.events.prefix($0).joined().utf8) })
        }
    }

    @Test func compressedBytesThatBreakOffAreNoticed() {
        for count in [1, 10, 50, Self.zipped.count - 1] {
            let bytes = Array(Self.zipped[..<count])
            #expect(throws: BodyRelay.Failure.broken, "after \(count)") {
                try Self.relay([bytes], .length(UInt64(count)), to: .chunked, .events, inflating: true)
            }
        }
    }

    @Test func garbageInPlaceOfCompressionIsNoticed() {
        #expect(throws: BodyRelay.Failure.broken) {
            try Self.relay([Self.json], .length(UInt64(Self.json.count)), to: .chunked, .members, inflating: true)
        }
    }

    @Test func anEventBeyondTheLimitIsRefused() {
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(throws: BodyRelay.Failure.broken) {
            try Self.relay(Array(repeating: piece, count: 5), .untilClose, to: .chunked, .events)
        }
    }

    @Test func aRelayForgetsTheLastBody() throws {
        let relay = BodyRelay(reading: AnswerReaders())
        for _ in 0..<2 {
            relay.begin(
                .length(UInt64(Self.json.count)),
                to: .length,
                reading: .members,
                watch: .init(.openAIChat, hidesUsageEvent: false),
                format: .openAIChat,
                inflating: false
            )
            var input = ByteBuffer(bytes: Self.json)
            var out = ByteBuffer()
            var passed: ByteBuffer?
            try relay.take(&input, into: &out, passing: &passed)
            #expect(relay.forwarded == UInt64(Self.json.count) && relay.usage != nil)
        }
        relay.begin(
            .none,
            to: .none,
            reading: .members,
            watch: .init(.openAIChat, hidesUsageEvent: false),
            format: .openAIChat,
            inflating: false
        )
        #expect(relay.isFinished && relay.usage == nil && relay.forwarded == 0)
    }
}

struct InflaterTests {
    /// 2000 times `a`.
    static let many = hex("1f8b08000000000002034b4c1c05a360148c8251300a46c1500700393e13a8d0070000")

    static func inflate(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
        var output: [UInt8] = []
        let inflater = Inflater(limit: limit)
        try bytes.withUnsafeBytes { try inflater?.inflate($0, into: &output) }
        return output
    }

    @Test func unpacksGzipAndZlib() throws {
        #expect(try Self.inflate(Self.many, limit: 2000) == [UInt8](repeating: UInt8(ascii: "a"), count: 2000))
        let zlib = hex("789ccb48cdc9c957c84090003a2e067d")
        #expect(try Self.inflate(zlib, limit: 100) == Array("hello hello hello".utf8))
    }

    @Test func stopsAtItsCap() {
        #expect(throws: Inflater.Failure.self) { try Self.inflate(Self.many, limit: 1999) }
    }

    @Test func refusesWhatIsNotCompressed() {
        #expect(throws: Inflater.Failure.self) { try Self.inflate(Array("plain text".utf8), limit: 100) }
        var damaged = Self.many
        damaged[damaged.count - 6] ^= 1
        #expect(throws: Inflater.Failure.self) { try Self.inflate(damaged, limit: 10_000) }
    }
}
