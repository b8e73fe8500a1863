import NIOCore
import Testing

@testable import HTTPWire

struct ResponseHeadTests {
    struct Row: Sendable {
        let text: String
        let framing: ResponseHead.Framing
        let lives: Bool
        init(_ text: String, _ framing: ResponseHead.Framing, lives: Bool = true) {
            (self.text, self.framing, self.lives) = (text, framing, lives)
        }
    }

    static let accepted: [Row] = [
        Row("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .length(5)),
        Row("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", .none),
        Row("HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n", .chunked),
        Row("HTTP/1.1 404 caf\u{E9} \t x\r\nConnection: close\r\n\r\n", .untilClose, lives: false),
        Row("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", .length(1), lives: false),
        Row("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n", .length(1)),
        Row("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", .none),
        Row("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", .none),
        Row("HTTP/1.1 100 Continue\r\n\r\n", .none),
        Row("HTTP/1.1 599 x\r\n\r\n", .untilClose),
    ]

    @Test(arguments: accepted) func readsAHeadHoweverItIsSplit(_ row: Row) throws {
        let bytes = Array(row.text.utf8)
        #expect(Wire.response(bytes + Array("body".utf8)) == .success(.complete(length: bytes.count)))
        for count in 0..<bytes.count {
            #expect(Wire.response(Array(bytes[..<count])) == .success(.needsMore), "after \(count) bytes")
        }
        let head = ResponseHead()
        _ = try head.parse(ByteBuffer(bytes: bytes), limit: Wire.limit)
        #expect(head.framing(answering: .post) == row.framing)
        #expect(head.framing(answering: .head) == .none)
        #expect(head.keepAlive == row.lives)
    }

    static let refused: [(String, WireError)] = [
        ("HTTP/2 200 OK\r\n\r\nHTTP/2", .badStatusLine),
        ("HTTP/1.2 200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 20 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 600 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 2x0 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 200 OK\nA: b\n\n", .badStatusLine),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .badStatusLine),
        ("ICY 200 OK\r\n\r\n", .badStatusLine),
        (" HTTP/1.1 200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .badFieldName),
        ("HTTP/1.1 200 OK\r\nA: \u{0}\r\n\r\n", .badFieldValue),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", .badContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .twoLengths),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .badTransferEncoding),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .badTransferEncoding),
    ]

    @Test(arguments: refused) func refusesAHeadForItsReasonHoweverItIsSplit(_ text: String, _ reason: WireError) {
        let bytes = Array(text.utf8)
        #expect(Wire.response(bytes) == .failure(reason))
        for count in 0..<bytes.count {
            let result = Wire.response(Array(bytes[..<count]))
            #expect(result == .success(.needsMore) || result == .failure(reason), "after \(count): \(result)")
        }
    }

    @Test func limitsTheBytesOfAHead() {
        let bytes = Array("HTTP/1.1 200 OK\r\nA: bbbbbbbbbbbbbbbbb\r\n\r\n".utf8)
        #expect(Wire.response(bytes, limit: bytes.count) == .success(.complete(length: bytes.count)))
        #expect(Wire.response(bytes, limit: bytes.count - 1) == .failure(.headTooLarge))
        #expect(Wire.response(Array(bytes[..<30]), limit: 30) == .failure(.headTooLarge))
    }
}
