import HTTPWire
import NIOCore
import NIOHPACK
import Testing

@testable import GatewayServer

/// What one HTTP/2 stream looks like in HTTP/1.1, and back.
struct HTTP2BytesTests {
    static let pseudo: [(String, String)] = [
        (":method", "POST"), (":scheme", "https"), (":authority", "gateway.test"), (":path", "/v1/models?a=b"),
    ]

    static func head(_ fields: [(String, String)], hasBody: Bool = false) throws(WireError) -> String {
        var out = ByteBuffer()
        var head = RequestHeadBytes()
        try head.write(HPACKHeaders(fields), hasBody: hasBody, into: &out)
        return String(buffer: out)
    }

    @Test func aHeadBecomesTheHeadThatHTTP1WouldHave() throws {
        let text = try Self.head(
            Self.pseudo + [("content-type", "application/json"), ("accept", "*/*")],
            hasBody: true
        )
        #expect(
            text == "POST /v1/models?a=b HTTP/1.1\r\ncontent-type: application/json\r\naccept: */*\r\n"
                + "host: gateway.test\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        let request = RequestHead()
        let buffer = ByteBuffer(string: text)
        #expect(try request.parse(buffer, limit: 1000) == .complete(length: text.utf8.count))
    }

    @Test func aLengthIsKeptAndCrumbsAreJoined() throws {
        let text = try Self.head(
            Self.pseudo + [("content-length", "3"), ("cookie", "a=1"), ("x-a", "b"), ("cookie", "c=2")],
            hasBody: true
        )
        #expect(text.contains("content-length: 3\r\n") && !text.contains("transfer-encoding"))
        #expect(text.hasSuffix("cookie: a=1; c=2\r\n\r\n"))
    }

    @Test func theHostFieldStandsInForTheAuthority() throws {
        let fields = Self.pseudo.filter { $0.0 != ":authority" } + [("host", "other.test")]
        #expect(try Self.head(fields).contains("\r\nhost: other.test\r\n"))
        #expect(throws: WireError.badHost) { try Self.head(Self.pseudo + [("host", "other.test")]) }
        #expect(try Self.head(Self.pseudo + [("host", "Gateway.test")]).contains("\r\nhost: gateway.test\r\n"))
    }

    /// Whatever the layer below lets through, no byte of a field may begin another line.
    @Test(arguments: [
        ("x", "a\r\nb: c"), ("x", "a\nb"), ("x", "a\0"), ("x", " a"), ("x", "a\t"), ("X", "a"), ("a b", "c"),
        ("a:b", "c"),
        ("", "c"), ("a\r\nb", "c"), ("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("te", "gzip"), ("host", "a b"), (":status", "200"),
        (":path", "/again"), (":unknown", "x"),
    ])
    func refusesAField(_ name: String, _ value: String) {
        #expect(throws: WireError.self) { try Self.head(Self.pseudo + [(name, value)]) }
    }

    @Test(arguments: [
        (":method", "GET / HTTP/1.1"), (":method", ""), (":path", "/ HTTP/1.1\r\nx: y"), (":path", ""),
        (":path", "/a b"),
        (":scheme", "ftp"), (":authority", "a\r\nb"), (":authority", ""),
    ])
    func refusesAPseudoField(_ name: String, _ value: String) {
        #expect(throws: WireError.self) { try Self.head(Self.pseudo.map { $0.0 == name ? (name, value) : $0 }) }
    }

    // MARK: the answer

    /// The steps in words, for answers cut into pieces of every size.
    static func steps(_ text: String, pieces: Int, method: RequestHead.Method = .get) throws -> [String] {
        var frames = AnswerFrames()
        frames.method = method
        var words: [String] = []
        var body = ""
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            for step in try frames.take(ByteBuffer(bytes: bytes[start..<min(start + pieces, bytes.count)])) {
                switch step {
                case .interim(let headers): words.append("interim \(headers.first(name: ":status") ?? "")")
                case .head(let headers, let isEnd):
                    words.append(
                        headers.map { "\($0.name)=\($0.value)" }.joined(separator: " ") + (isEnd ? " end" : "")
                    )
                case .piece(let piece, let isEnd):
                    body += String(buffer: piece)
                    if isEnd { words.append("end") }
                case .end: words.append("end")
                }
            }
        }
        return body.isEmpty ? words : words + [body]
    }

    @Test(arguments: [1, 2, 3, 7, 16, 1000]) func anAnswerBecomesFrames(_ pieces: Int) throws {
        let chunked =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            + "00000005\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        #expect(
            try Self.steps(chunked, pieces: pieces) == [
                ":status=200 content-type=text/event-stream", "end", "hello world",
            ]
        )
        let sized = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nx-a: B\r\n\r\nnope"
        #expect(
            try Self.steps(sized, pieces: pieces) == [
                "interim 100", ":status=404 content-length=4 x-a=B", "end", "nope",
            ]
        )
        let none = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
        #expect(try Self.steps(none, pieces: pieces, method: .head) == [":status=200 content-length=4 end"])
        #expect(try Self.steps("HTTP/1.1 204 No Content\r\n\r\n", pieces: pieces) == [":status=204 end"])
    }

    @Test func theLastPieceCarriesTheEnd() throws {
        var frames = AnswerFrames()
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        let steps = try frames.take(ByteBuffer(string: text))
        guard steps.count == 3, case .piece(_, let isEnd) = steps[2] else { return #expect(Bool(false)) }
        #expect(isEnd && frames.isEnded)
    }

    @Test func bytesBehindTheEndAreAnError() {
        var frames = AnswerFrames()
        #expect(throws: WireError.self) {
            try frames.take(ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"))
        }
    }

    @Test(arguments: [
        ("P", true), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore", true),
        ("", false),
        ("PRI * HTTP/1", false), ("GET", false),
    ])
    func knowsThePreface(_ text: String, _ begins: Bool) {
        #expect(HTTP2Preface.begins(ByteBuffer(string: text)) == begins)
    }
}
