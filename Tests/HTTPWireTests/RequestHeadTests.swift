import NIOCore
import Testing

@testable import HTTPWire

struct RequestHeadTests {
    static let host = "Host: gateway\r\n"

    /// Heads that are read, whatever follows them.
    static let accepted = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/models HTTP/1.0\r\n\r\n",
        "POST /v1/chat/completions?a=b&c[]=d/../?x HTTP/1.1\r\nhost: a.example:8080\r\ncontent-length: 0\r\n\r\n",
        "POST /v1/x HTTP/1.1\r\nHOST:[::1]:8080\r\nTransfer-Encoding: Chunked\r\n\r\n",
        "DELETE /v1/files/file-1 HTTP/1.1\r\nHost: a\r\nX: \t caf\u{E9}\t \r\nEmpty:\r\n\r\n",
        "PATCH /a%20b/%E2%82%AC/b%2Fc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "M-SEARCH /a/.../b;c=d HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n",
        "GET /a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n",
        "GET /.a/a./..a HTTP/1.1\r\nHost:\r\n\r\n",
    ]

    @Test(arguments: accepted) func readsAHeadHoweverItIsSplit(_ text: String) throws {
        let bytes = Array(text.utf8)
        #expect(Wire.request(text) == .success(.complete(length: bytes.count)))
        #expect(Wire.request(text + "{}") == .success(.complete(length: bytes.count)))
        for count in 0..<bytes.count {
            #expect(Wire.request(Array(bytes[..<count])) == .success(.needsMore), "after \(count) bytes")
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let text: String
        let reason: WireError
        init(_ reason: WireError, _ text: String) { (self.text, self.reason) = (text, reason) }
        /// A head with a good request line and host.
        init(_ reason: WireError, field: String) {
            self.init(reason, "POST /v1/x HTTP/1.1\r\n\(RequestHeadTests.host)\(field)\r\n\r\n")
        }
        init(_ reason: WireError, path: String) {
            self.init(reason, "GET \(path) HTTP/1.1\r\n\(RequestHeadTests.host)\r\n")
        }
        var testDescription: String { "\(self.reason) \(self.text.debugDescription)" }
    }

    static let refused: [Refused] = [
        // the request line
        Refused(.badMethod, " / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badMethod, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badMethod, "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badMethod, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badMethod, String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badTarget, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badTarget, path: "http://other/v1/x"),
        Refused(.badTarget, path: "*"),
        Refused(.badTarget, path: "other:443"),
        Refused(.badTarget, path: "/a#b"),
        Refused(.badTarget, path: "/a\\b"),
        Refused(.badTarget, path: "/caf\u{E9}"),
        Refused(.badTarget, path: "/a\u{0}b"),
        Refused(.badTarget, path: "/a\tb"),
        Refused(.badTarget, path: "/a[0]"),
        Refused(.badTarget, path: "/a|b"),
        Refused(.badTarget, path: "/a?b=\"c\""),
        Refused(.badTarget, path: "/%"),
        Refused(.badTarget, path: "/a%2"),
        Refused(.badTarget, path: "/a%zz"),
        Refused(.badTarget, path: "/a%2?b=3"),
        Refused(.badTarget, "GET /\r\n\r\n"),
        Refused(.badVersion, "GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badVersion, "GET / http/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badVersion, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused(.badVersion, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        Refused(.badVersion, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
        Refused(.badVersion, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
        Refused(.unsupportedVersion, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        Refused(.unsupportedVersion, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        Refused(.unsupportedVersion, "PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        // the path
        Refused(.ambiguousPath, path: "//"),
        Refused(.ambiguousPath, path: "//v1/x"),
        Refused(.ambiguousPath, path: "/v1//x"),
        Refused(.ambiguousPath, path: "/v1/x//"),
        Refused(.ambiguousPath, path: "/v1/./x"),
        Refused(.ambiguousPath, path: "/v1/../x"),
        Refused(.ambiguousPath, path: "/v1/."),
        Refused(.ambiguousPath, path: "/v1/..?x"),
        Refused(.ambiguousPath, path: "/.."),
        Refused(.ambiguousPath, path: "/v1/%2e%2E/x"),
        Refused(.ambiguousPath, path: "/v1/a%2eb"),
        Refused(.ambiguousPath, path: "/v1/%00"),
        Refused(.ambiguousPath, path: "/v1/%0d%0aX:1"),
        Refused(.ambiguousPath, path: "/v1/%7F"),
        Refused(.ambiguousPath, path: "/v1/%5c"),
        Refused(.ambiguousPath, path: "/v1/%252e"),
        // lines and fields
        Refused(.bareLineFeed, "GET / HTTP/1.1\nHost: a\n\n"),
        Refused(.bareLineFeed, field: "A: b\nC: d"),
        Refused(.bareLineFeed, field: "A: b\rC: d"),
        Refused(.bareLineFeed, field: "\n"),
        Refused(.bareLineFeed, "GET / HTTP/1.1\r\nHost: a\r\n\rX"),
        Refused(.foldedField, field: "A: b\r\n c"),
        Refused(.foldedField, field: "A: b\r\n\tc: d"),
        Refused(.foldedField, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        Refused(.badFieldName, field: "Transfer-Encoding : chunked"),
        Refused(.badFieldName, field: "Content-Length\t: 1"),
        Refused(.badFieldName, field: ": b"),
        Refused(.badFieldName, field: "no colon"),
        Refused(.badFieldName, field: "A(b): c"),
        Refused(.badFieldName, field: "caf\u{E9}: c"),
        Refused(.badFieldName, field: "A\u{0}: c"),
        Refused(.badFieldValue, field: "A: b\u{0}c"),
        Refused(.badFieldValue, field: "A: b\u{1}"),
        Refused(.badFieldValue, field: "A: b\u{7F}"),
        Refused(.badFieldValue, field: "A: b\u{B}c"),
        // framing
        Refused(.twoLengths, field: "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        Refused(.twoLengths, field: "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        Refused(.badContentLength, field: "Content-Length: 5\r\nContent-Length: 5"),
        Refused(.badContentLength, field: "Content-Length: 5\r\nContent-Length: 6"),
        Refused(.badContentLength, field: "Content-Length: 5, 5"),
        Refused(.badContentLength, field: "Content-Length: +5"),
        Refused(.badContentLength, field: "Content-Length: -5"),
        Refused(.badContentLength, field: "Content-Length: 0x5"),
        Refused(.badContentLength, field: "Content-Length: 5 5"),
        Refused(.badContentLength, field: "Content-Length: 5.0"),
        Refused(.badContentLength, field: "Content-Length:"),
        Refused(.badContentLength, field: "Content-Length: 1000000000000000000"),
        Refused(.badContentLength, field: "Content-Length: 18446744073709551617"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: gzip, chunked"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: chunked, identity"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: chunked, chunked"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: xchunked"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: \"chunked\""),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: chunked;q=1"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: identity"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding:"),
        Refused(.badTransferEncoding, field: "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked"),
        Refused(.badTransferEncoding, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Refused(.badExpectation, field: "Expect: 200-ok"),
        // the host
        Refused(.badHost, "GET / HTTP/1.1\r\n\r\n"),
        Refused(.badHost, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
        Refused(.badHost, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        Refused(.badHost, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        Refused(.badHost, "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"),
        Refused(.badHost, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ]

    @Test(arguments: refused) func refusesAHeadForItsReasonHoweverItIsSplit(_ row: Refused) {
        let bytes = Array(row.text.utf8)
        #expect(Wire.request(bytes) == .failure(row.reason))
        for count in 0..<bytes.count {
            let result = Wire.request(Array(bytes[..<count]))
            #expect(result == .success(.needsMore) || result == .failure(row.reason), "after \(count): \(result)")
        }
    }

    @Test func everyReasonForARequestHeadHasARow() {
        let elsewhere: Set<WireError> = [.badStatusLine, .badChunk, .badTrailer, .headTooLarge, .badPseudoField]
        #expect(Set(WireError.allCases).subtracting(elsewhere) == Set(Self.refused.map(\.reason)))
    }

    @Test func limitsTheBytesOfAHead() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "b", count: 100))\r\n\r\n"
        let count = head.utf8.count
        #expect(Wire.request(head, limit: count) == .success(.complete(length: count)))
        #expect(Wire.request(head, limit: count - 1) == .failure(.headTooLarge))
        let bytes = Array(head.utf8)
        #expect(Wire.request(Array(bytes[..<50]), limit: 51) == .success(.needsMore))
        #expect(Wire.request(Array(bytes[..<51]), limit: 51) == .failure(.headTooLarge))
        let endless = [UInt8](repeating: UInt8(ascii: "A"), count: 100)
        #expect(Wire.request(endless, limit: 100) == .failure(.headTooLarge))
    }

    @Test func cutsTheTargetAtItsFirstQuestionMark() throws {
        let text = "GET /v1/x?a=/b?c HTTP/1.1\r\nHost: h\r\n\r\n"
        let head = RequestHead()
        _ = try head.parse(Wire.buffer(text), limit: Wire.limit)
        #expect(Wire.text(head.path, Array(text.utf8)) == "/v1/x")
        #expect(Wire.text(head.query, Array(text.utf8)) == "a=/b?c")
        #expect(head.method == .get)
    }

    @Test func trimsValuesAndKeepsTheirInside() throws {
        let text = "GET / HTTP/1.1\r\nHost:\t h \r\nA: \t b \t c\t \r\nB:\r\nC:   \r\n\r\n"
        let head = RequestHead()
        _ = try head.parse(Wire.buffer(text), limit: Wire.limit)
        #expect(Wire.fields(head.fields, Array(text.utf8)) == ["Host: h", "A: b \t c", "B: ", "C: "])
    }

    @Test func rangesCountFromTheReaderIndex() throws {
        var buffer = Wire.buffer("junkGET /p HTTP/1.1\r\nHost: h\r\n\r\n")
        buffer.moveReaderIndex(forwardBy: 4)
        let head = RequestHead()
        _ = try head.parse(buffer, limit: Wire.limit)
        #expect(head.path == ByteRange(4, 6))
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true), ("GET / HTTP/1.0\r\nHost: h\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: CLOSE\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false),
    ])
    func saysWhetherTheConnectionLives(_ text: String, _ lives: Bool) throws {
        let head = RequestHead()
        _ = try head.parse(Wire.buffer(text), limit: Wire.limit)
        #expect(head.keepAlive == lives)
    }

    @Test func namesWhatConnectionOptionsName() throws {
        let head = RequestHead()
        _ = try head.parse(
            Wire.buffer("GET / HTTP/1.1\r\nHost: h\r\nConnection: , keep-alive\r\n\r\n"),
            limit: Wire.limit
        )
        #expect(!head.facts.namesFields && head.facts.keepAlive)
        _ = try head.parse(Wire.buffer("GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a\r\n\r\n"), limit: Wire.limit)
        #expect(head.facts.namesFields && !head.facts.keepAlive)
    }

    @Test func forgetsThePreviousRequest() throws {
        let head = RequestHead()
        _ = try head.parse(
            Wire.buffer("POST /a?b HTTP/1.0\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
            limit: Wire.limit
        )
        #expect(head.hasBody && head.isVersion10)
        _ = try head.parse(Wire.buffer("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), limit: Wire.limit)
        #expect(!head.hasBody && !head.isVersion10 && head.keepAlive && head.query.isEmpty)
        #expect(!head.facts.expectsContinue && head.fields.count == 1)
    }

    @Test(arguments: [
        ("TE", KnownField.te), ("hOsT", .host), ("Expect", .expect), ("Upgrade", .upgrade), ("trailer", .trailer),
        ("Api-Key", .apiKey), ("X-API-Key", .xAPIKey), ("Connection", .connection), ("Keep-Alive", .keepAlive),
        ("Retry-After", .retryAfter), ("Content-Type", .contentType), ("X-Request-ID", .xRequestID),
        ("AUTHORIZATION", .authorization), ("Content-Length", .contentLength), ("X-Goog-Api-Key", .xGoogAPIKey),
        ("Accept-Encoding", .acceptEncoding), ("Content-Encoding", .contentEncoding),
        ("Proxy-Connection", .proxyConnection), ("Transfer-Encoding", .transferEncoding),
        ("Proxy-Authenticate", .proxyAuthenticate), ("Proxy-Authorization", .proxyAuthorization),
        ("X-Api_Key", .other), ("Accept", .other),
    ])
    func knowsFieldsInAnyCase(_ name: String, _ known: KnownField) {
        let bytes = Array(name.utf8)
        #expect(KnownField.named(bytes.span, ByteRange(0, bytes.count)) == known)
    }

    @Test func classifiesFieldsForForwarding() {
        let hops: [KnownField] = [
            .connection, .contentLength, .transferEncoding, .host, .keepAlive, .te, .trailer, .upgrade, .expect,
            .proxyConnection, .proxyAuthorization, .proxyAuthenticate,
        ]
        let credentials: [KnownField] = [.authorization, .xAPIKey, .xGoogAPIKey, .apiKey]
        let others: [KnownField] = [
            .other, .contentType, .contentEncoding, .acceptEncoding, .xRequestID, .retryAfter,
        ]
        #expect(hops.allSatisfy { $0.isHopByHop && !$0.isCredential })
        #expect(credentials.allSatisfy { !$0.isHopByHop && $0.isCredential })
        #expect(others.allSatisfy { !$0.isHopByHop && !$0.isCredential })
    }

    /// The masks of `CharacterClass`, spelled out.
    @Test func characterClassesAreThoseOfTheStandards() {
        let alphanumeric = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let token = alphanumeric.union("!#$%&'*+-.^_`|~".utf8)
        let target = alphanumeric.union("-._~:/?@!$&'()*+,;=%".utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(CharacterClass.isToken(byte) == token.contains(byte), "token \(byte)")
            #expect(CharacterClass.isTarget(byte) == target.contains(byte), "target \(byte)")
            #expect(CharacterClass.isFieldValue(byte) == (byte == 9 || byte >= 32 && byte != 127), "value \(byte)")
        }
    }

    static let knownNames: [(String, KnownField)] = [
        ("connection", .connection), ("content-length", .contentLength), ("transfer-encoding", .transferEncoding),
        ("host", .host), ("keep-alive", .keepAlive), ("te", .te), ("trailer", .trailer), ("upgrade", .upgrade),
        ("expect", .expect), ("proxy-connection", .proxyConnection), ("proxy-authorization", .proxyAuthorization),
        ("proxy-authenticate", .proxyAuthenticate), ("authorization", .authorization), ("x-api-key", .xAPIKey),
        ("x-goog-api-key", .xGoogAPIKey), ("api-key", .apiKey), ("content-type", .contentType),
        ("content-encoding", .contentEncoding), ("accept-encoding", .acceptEncoding), ("x-request-id", .xRequestID),
        ("retry-after", .retryAfter),
    ]

    /// Every name is known in any case, and no other name is: not one letter may differ.
    @Test(arguments: knownNames) func aFieldIsKnownByItsWholeName(_ name: String, _ known: KnownField) {
        func named(_ bytes: [UInt8]) -> KnownField { KnownField.named(bytes.span, ByteRange(0, bytes.count)) }
        let bytes = Array(name.utf8)
        #expect(named(bytes) == known && named(Array(name.uppercased().utf8)) == known)
        for index in bytes.indices {
            for byte in UInt8(0x21)...0x7E where CharacterClass.isToken(byte) && byte | 0x20 != bytes[index] | 0x20 {
                var changed = bytes
                changed[index] = byte
                #expect(named(changed) == .other, "\(String(decoding: changed, as: UTF8.self))")
            }
        }
        #expect(named(bytes + [UInt8(ascii: "x")]) == .other && named(Array(bytes.dropLast())) == .other)
    }

    /// Lines that the fast pass reads and lines that it leaves are fields alike, also beyond the sixteen that it reads at once.
    @Test(arguments: [0, 1, 15, 16, 17, 33, 100]) func anyNumberOfFieldsIsRead(_ count: Int) throws {
        let lines = (0..<count).map { "x-\($0):\t value \t\($0) \r\n" }.joined()
        let text = "GET / HTTP/1.1\r\nhost: a\r\n\(lines)\r\n"
        let head = RequestHead()
        #expect(try head.parse(Array(text.utf8).span, limit: 1 << 16) == .complete(length: text.utf8.count))
        let bytes = Array(text.utf8)
        let values = head.fields.map { String(decoding: bytes[$0.value.lower..<$0.value.upper], as: UTF8.self) }
        #expect(values == ["a"] + (0..<count).map { "value \t\($0)" })
    }
}
