import Testing

@testable import Dialects

struct SSEScannerTests {
    /// The whole events in `pieces`, found as the relay does: what is incomplete is held, what was searched is not searched
    /// again.
    static func events(_ pieces: [[UInt8]]) -> [String] {
        var held: [UInt8] = []
        var searched = 0
        var events: [String] = []
        for piece in pieces {
            held += piece
            var start = 0
            while let end = SSEScanner.eventEnd(held.span, from: start, searched: &searched) {
                events.append(String(decoding: held[start..<end], as: UTF8.self))
                start = end
            }
            held.removeFirst(start)
            searched -= start
            #expect((0...held.count).contains(searched))
        }
        return events
    }

    static let streams: [(String, [String])] = [
        ("data: a\n\ndata: b\n\n", ["data: a\n\n", "data: b\n\n"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["data: a\r\n\r\n", "data: b\r\n\r\n"]),
        ("data: a\r\rdata: b\r\rx", ["data: a\r\r", "data: b\r\r"]),
        ("event: x\ndata: a\r\n\ndata: b\r\n\rx", ["event: x\ndata: a\r\n\n", "data: b\r\n\r"]),
        (
            ": comment\n\n\n\ndata: a long line that is more than sixteen bytes\n\n",
            [
                ": comment\n\n", "\n", "\n", "data: a long line that is more than sixteen bytes\n\n",
            ]
        ),
        ("data: cut\n", []), ("data: cut", []), ("", []), ("\r\n\r\n", ["\r\n", "\r\n"]),
    ]

    @Test(arguments: streams) func findsTheSameEventsHoweverTheStreamIsSplit(_ stream: String, _ events: [String]) {
        let bytes = Array(stream.utf8)
        #expect(Self.events([bytes]) == events)
        #expect(Self.events(bytes.map { [$0] }) == events, "byte by byte")
        for cut in 0...bytes.count {
            #expect(Self.events([Array(bytes[..<cut]), Array(bytes[cut...])]) == events, "cut at \(cut)")
        }
    }

    @Test(
        arguments: [
            ("data: a\n\n", "a"), ("data:a\n\n", "a"), ("data:  a \n\n", " a "), ("data:\n\n", ""), ("data: \n\n", ""),
            ("event: x\r\nid: 1\r\ndata: {\"a\":1}\r\n\r\n", "{\"a\":1}"), ("data: a\ndata: b\n\n", "a"),
            (": data: a\n\n", nil), ("datax: a\n\n", nil), ("xdata: a\n\n", nil), ("data\n\n", nil), ("\n", nil),
        ] as [(String, String?)]
    )
    func readsTheData(_ event: String, _ data: String?) {
        let bytes = Array(event.utf8)
        let found = SSEScanner.data(bytes.span, in: 0..<bytes.count)
        #expect(found.map { String(decoding: bytes[$0], as: UTF8.self) } == data)
    }

    @Test func readsWithinItsRangeOnly() {
        let bytes = Array("data: a\n\nevent: x\n\ndata: b\n\n".utf8)
        #expect(SSEScanner.data(bytes.span, in: 9..<19) == nil)
        #expect(SSEScanner.field("event", bytes.span, in: 9..<19) == 16..<17)
    }

    @Test(arguments: 0..<4) func vectorsAgreeWithPlainLoops(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        let needle: StaticString = "\"usage\""
        for _ in 0..<400 {
            let parts = ["\"usage\"", "\"usag", "\"", "\n", "\r", "x", "\"u", String(repeating: "y", count: 20)]
            let text = (0..<Int.random(in: 0...12, using: &numbers)).map { _ in parts.randomElement(using: &numbers)! }
            let bytes = Array(text.joined().utf8)
            for start in 0...bytes.count {
                let plainEnd = bytes[start...].firstIndex { $0 == 10 || $0 == 13 } ?? bytes.count
                #expect(LineScan.lineEnd(bytes.span, from: start) == plainEnd)
                let end = Int.random(in: start...bytes.count, using: &numbers)
                let places = start..<max(start, end - 6)
                let plain = places.first { Array(bytes[$0..<$0 + 7]) == Array("\"usage\"".utf8) }
                #expect(LineScan.find(needle, bytes.span, in: start..<end) == plain)
            }
        }
    }
}

/// SplitMix64: the same numbers on every run.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
