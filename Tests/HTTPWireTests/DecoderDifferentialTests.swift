import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPWire

/// Compares with NIO's decoder (llhttp) on requests that were damaged at random: what it refuses must not be accepted
/// here, and what both accept must be the same request. The other way round this parser may well be stricter.
struct DecoderDifferentialTests {
    static let seeds = [
        "GET /v1/models HTTP/1.1\r\nHost: gateway\r\n\r\n",
        "POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: a:1\r\nContent-Length: 7\r\nAccept: */*\r\n\r\n{\"a\":1}",
        "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: v\r\n\r\n",
        "PUT /a%20b/c HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        "DELETE /v1/files/file-1 HTTP/1.1\r\nHost: [::1]\r\nX-A: \t b c\t \r\nX-B:\r\nX-A: d\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\nconnection: close, x\r\n\r\nx",
        "OPTIONS /a?b=c;d&e[]=f HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=\"d\"\r\nContent-Length: 0\r\n\r\n",
    ]

    static let snippets: [[UInt8]] = [
        "\r\n", "\n", "\r", "\t", " ", ":", ";", ",", "\u{0}", "0", "1", "5", "f", "%", "/", "..", "?", "#", "\\",
        "\u{E9}", "\u{7F}", "chunked", "Content-Length: 1\r\n", "Content-Length: 0\r\n", "Host: b\r\n", "HTTP/1.1",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "\r\n ", "\r\n\t", "+", "-", "0x", "=",
        "\"",
        "X: y\r\n", "Connection: upgrade\r\nUpgrade: x\r\n", "\u{B}", "\r\n\r\n", "0\r\n\r\n",
    ].map { Array($0.utf8) }

    static func damaged(_ numbers: inout SeededNumbers) -> [UInt8] {
        var bytes = Array(Self.seeds.randomElement(using: &numbers)!.utf8)
        for _ in 0..<Int.random(in: 0...3, using: &numbers) {
            let place = Int.random(in: 0..<bytes.count, using: &numbers)
            let end = min(bytes.count, place + Int.random(in: 1...4, using: &numbers))
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3: bytes.replaceSubrange(place..<end, with: Self.snippets.randomElement(using: &numbers)!)
            case 4: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &numbers))
            default: bytes.insert(contentsOf: Self.snippets.randomElement(using: &numbers)!, at: place)
            }
            if bytes.isEmpty { bytes = [UInt8(ascii: "G")] }
        }
        return bytes
    }

    enum Verdict { case accepted(ReadRequest), refused, unfinished }

    /// The first request in `bytes` according to NIO.
    static func nio(_ bytes: [UInt8]) -> Verdict {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
        var isRefused = false
        do {
            try channel.pipeline.syncOperations.addHandler(decoder)
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            isRefused = true
        }
        var message = ReadRequest()
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head):
                message.method = head.method.rawValue
                message.target = head.uri
                // NIO leaves tabs behind a value, which RFC 9110 §5.5 wants removed.
                message.fields = head.headers.map { field in
                    let blanks: Set<UInt8> = [0x20, 0x09]
                    let value = field.value.utf8.reversed().drop { blanks.contains($0) }.reversed()
                    return "\(field.name): \(String(decoding: Array(value), as: UTF8.self))"
                }
            case .body(let body): message.body += Array(buffer: body)
            case .end: return .accepted(message)
            }
        }
        return isRefused ? .refused : .unfinished
    }

    private static func hasFramingTrailer(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        let names = ["transfer-encoding:", "content-length:"]
        return text.contains("chunked")
            && names.contains { name in
                text.unicodeScalars.split(separator: "\n").drop { !$0.starts(with: "0".unicodeScalars) }
                    .contains { $0.starts(with: name.unicodeScalars) }
            }
    }

    @Test(arguments: 0..<8) func agreesWithNIOOnDamagedRequests(_ seed: UInt64) throws {
        var numbers = SeededNumbers(state: seed)
        var bothAccept = 0
        var bothRefuse = 0
        for _ in 0..<1000 {
            let bytes = Self.damaged(&numbers)
            let text = String(decoding: bytes, as: UTF8.self).debugDescription
            let ours = Result { () throws(WireError) in try Wire.message(bytes) }
            switch (Self.nio(bytes), ours) {
            case (.accepted(let theirs), .success(let message?)):
                bothAccept += 1
                #expect(message == theirs, "\(text)")
            case (.refused, .success(let message?)):
                // Trailers are skipped here and never forwarded, whatever framing they speak of.
                if Self.hasFramingTrailer(bytes) { continue }
                // llhttp knows a closed list of methods; a method of another name ends at our list of endpoints.
                #expect(!HTTPMethod.known.contains(message.method), "only we accept \(text)")
            case (.refused, .failure): bothRefuse += 1
            default: break
            }
        }
        // Without both of them the comparison would say nothing.
        #expect(bothAccept > 100 && bothRefuse > 100)
    }
}

extension HTTPMethod {
    fileprivate static let known: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
    ]
}
