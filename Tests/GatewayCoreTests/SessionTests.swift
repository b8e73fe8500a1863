import Foundation
import GatewayModel
import HTTPWire
import NIOCore
import Testing

@testable import GatewayCore

/// Handshakes of realtime sessions, in and out.
struct SessionTests {
    static let fields =
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"

    static func head(_ query: String, _ more: String = "") -> String {
        Bench.get("/v1/realtime\(query)", Self.fields + more)
    }

    @Test func answersTheKeyOfTheRFC() {
        let accept = WebSocketKey.accept(Array("dGhlIHNhbXBsZSBub25jZQ==".utf8))
        #expect(String(decoding: accept, as: UTF8.self) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func asksTheUpstreamForAWebSocketOfItsOwn() throws {
        let bench = try Bench()
        let text = try bench.forward(
            Self.head("?a=%20b&model=gpt&c", "Sec-WebSocket-Protocol: realtime, x\r\nX-A: b\r\n")
        )
        #expect(text.hasPrefix("GET /api/v2/realtime?model=gpt-2024&a=%20b&c HTTP/1.1\r\nhost: openai.example\r\n"))
        #expect(text.contains("\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"))
        #expect(text.contains("\r\nsec-websocket-protocol: realtime, x\r\nauthorization: Bearer sk-up\r\n"))
        #expect(text.contains("X-A: b\r\n") && !text.contains("deflate") && !text.contains("dGhlIHNhbXBsZSBub25jZQ"))
        #expect(text.lowercased().components(separatedBy: "sec-websocket-key").count == 2)
    }

    @Test func aKeyAmongTheSubprotocolsIsACredential() throws {
        let bench = try Bench()
        let head = Self.head("?model=gpt", "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.key-plain\r\n")
            .replacing("Authorization: Bearer key-plain\r\n", with: "")
        let text = try bench.forward(head)
        #expect(text.contains("\r\nsec-websocket-protocol: realtime\r\n") && !text.contains("key-plain"))
        let other = Self.head("?model=gpt", "Sec-WebSocket-Protocol: openai-insecure-api-key.key-mini\r\n")
        #expect(try bench.refusal(other) == .conflictingCredentials)
    }

    @Test(arguments: [
        ("", "", ErrorCode.missingModel), ("?model=none", "", .modelNotFound), ("?model=claude", "", .dialectMismatch),
        ("?model=gpt&model=gpt", "", .malformedRequest), ("?model=gpt&m%6Fdel=gpt", "", .malformedRequest),
        ("?model=gpt", "Sec-WebSocket-Version: 13\r\n", .malformedRequest),
        ("?model=gpt", "Sec-WebSocket-Version: 8\r\n", .upgradeRequired),
        ("?model=gpt", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", .malformedRequest),
        ("?model=gpt", "Content-Length: 1\r\n", .malformedRequest),
    ])
    func refuses(_ query: String, _ more: String, _ code: ErrorCode) throws {
        #expect(try Bench().refusal(Self.head(query, more)) == code)
    }

    @Test func aPlainRequestIsToldToUpgrade() throws {
        #expect(try Bench().refusal(Bench.get("/v1/realtime?model=gpt")) == .upgradeRequired)
    }

    static func verdict(_ bench: Bench, _ answer: String) throws -> (Exchange.HeadVerdict, String) {
        let input = ByteBuffer(string: answer)
        guard case .complete = try bench.exchange.response.parse(input, limit: 64 << 10) else { return (.interim, "") }
        var out = ByteBuffer()
        let verdict = bench.exchange.receiveHead(input, now: Bench.now + 2, into: &out)
        return (verdict, String(buffer: out))
    }

    @Test func switchesAndRecordsTheSession() throws {
        let bench = try Bench()
        let sent = try bench.forward(Self.head("?model=gpt", "Sec-WebSocket-Protocol: realtime\r\n"))
        let key = sent.components(separatedBy: "sec-websocket-key: ")[1].prefix(24)
        let accept = String(decoding: WebSocketKey.accept(Array(key.utf8)), as: UTF8.self)
        let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        let (verdict, head) = try Self.verdict(
            bench,
            "\(switching)Sec-WebSocket-Accept: \(accept)\r\nSec-WebSocket-Protocol: realtime\r\n\r\n"
        )
        guard case .switchProtocols = verdict else { return #expect(Bool(false), "\(verdict)") }
        #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n") && head.hasSuffix("\r\n\r\n"))
        #expect(
            head.contains(
                "\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: realtime\r\n"
            )
        )
        #expect(head.contains("\r\nx-gateway-upstream: openai\r\n"))
        var totals = Exchange.SessionTotals()
        totals.usage.input = 7
        totals.usage.source = .provider
        totals.sent = 9
        bench.exchange.endSession(totals, nil, now: Bench.now + 5)
        let records = try bench.records()
        #expect(records.count == 1 && records[0].usage.input == 7 && records[0].outcome == .complete)
    }

    @Test(arguments: [
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ])
    func anythingElseIsNotForTheClient(_ answer: String) throws {
        let bench = try Bench()
        _ = try bench.forward(Self.head("?model=gpt"))
        guard case .discard(let refusal) = try Self.verdict(bench, answer).0 else { return #expect(Bool(false)) }
        #expect(refusal.code == .upstreamBroken)
    }
}
