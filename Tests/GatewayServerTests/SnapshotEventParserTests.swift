import Testing

@testable import GatewayServer

struct SnapshotEventParserTests {
    static let stream =
        ":\n\nid: 1\nevent: snapshot\ndata: {\"a\":1}\n\nretry: 5\n\ndata:x\r\ndata: y\rid:2\r\n\r\nid: 3\n\ndata: cut"

    @Test(arguments: [1, 2, 3, 7, 1000])
    func cutsAStreamIntoEventsHoweverItArrives(_ size: Int) throws {
        let bytes = Array(Self.stream.utf8)
        var parser = SnapshotEventParser()
        let events = try stride(from: 0, to: bytes.count, by: size).flatMap { start in
            try parser.consume(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(
            events == [
                .init(id: "1", data: Array(#"{"a":1}"#.utf8)),
                .init(id: "2", data: Array("x\ny".utf8)),
            ]
        )
    }

    @Test func givesUpOnEndlessEvents() throws {
        var parser = SnapshotEventParser(limit: 8)
        _ = try parser.consume("data: 1\n".utf8)
        #expect(throws: SnapshotEventParser.Refusal.tooLong) { try parser.consume("123456789".utf8) }
    }
}
