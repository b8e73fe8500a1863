import GatewayModel
import HTTPWire
import NIOCore
import Testing

@testable import GatewayCore

/// What the journal says of a call is read from the call's own bytes.
struct JournaledCallTests {
    static let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

    static func body(_ metadata: String, model: String = "gpt") -> String {
        #"{"model":"\#(model)","user":"u","metadata":\#(metadata),"messages":[]}"#
    }

    /// The record of a call that was answered well.
    static func record(_ bench: Bench, _ head: String, _ body: String) throws -> UsageRecord {
        _ = try bench.forward(head, body)
        _ = try bench.answer(Self.answer)
        return try #require(try bench.records().first)
    }

    @Test func tagsStandInTheHeadAndInTheBody() throws {
        let body = Self.body(#"{"team":"red","cost\u0020center":"7"}"#)
        let head = Bench.post("/v1/chat/completions", body, "X-Gateway-Tags: job=night, team=blue\r\n")
        let record = try Self.record(try Bench(), head, body)
        #expect(record.tags.map(\.name) == ["job", "team", "cost center"])
        #expect(record.tags.map(\.value) == ["night", "blue", "7"] && record.endUser == "u")
    }

    @Test func theHeaderThatSelectedTheNamespaceIsKept() throws {
        let body = Self.body("{}")
        let head = Bench.post("/v1/chat/completions", body, key: "key-search", "X-Team:\t search \r\n")
        let record = try Self.record(try Bench(), head, body)
        #expect(record.namespace == "search" && record.matchedHeaders == [UsageRecord.Tag("x-team", "search")])
    }

    @Test(arguments: [UsageRecord.TagLimits.textBytes, UsageRecord.TagLimits.textBytes + 1])
    func whatIsTooLongToBeTagsIsLeftOut(_ count: Int) throws {
        let start = #"{"team":"red","rest":""#
        let metadata = start + String(repeating: "x", count: count - start.utf8.count - 2) + "\"}"
        let body = Self.body(metadata)
        let record = try Self.record(try Bench(), Bench.post("/v1/chat/completions", body), body)
        #expect(record.tags.contains { $0.value == "red" } == (count == UsageRecord.TagLimits.textBytes))
    }

    /// The metadata of a compressed body stands in what it unfolds to.
    @Test func aCompressedBodyTellsItsMetadata() throws {
        let packed = hex(
            "1f8b08000000000002031589bb09c0300c4477b93a1368959042a0c38d45822557c6bb47eede67c15f6387a07d890b33384a66a133d"
                + "53415b29054af3c68d8e744686340ee67ffb82a776e42000000"
        )
        let bench = try Bench()
        let fields = "Content-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
        let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nx-api-key: key-plain\r\n\(fields)"
        let buffer = ByteBuffer(string: head)
        _ = try bench.exchange.request.parse(buffer, limit: 64 << 10)
        _ = try bench.exchange.open(buffer, now: Bench.now)
        _ = try bench.exchange.admit(ByteBuffer(bytes: packed))
        _ = try bench.send()
        _ = try bench.answer(Self.answer)
        let record = try #require(try bench.records().first)
        #expect(record.tags == [UsageRecord.Tag("team", "red")] && record.endUser == "u" && record.modelAsked == "gpt")
    }

    /// The entry is written once, before the first attempt, and what it was read from is forgotten with the request's bytes.
    @Test func aSecondAttemptSaysNothingNew() throws {
        let bench = try Bench(Bench.snapshot { $0.models[0].targets.append(.init(upstream: "openai", model: "gpt-b")) })
        let body = Self.body(#"{"team":"red"}"#)
        _ = try bench.forward(Bench.post("/v1/chat/completions", body), body)
        bench.exchange.leaveUpstream()
        _ = try bench.send()
        _ = try bench.answer(Self.answer)
        let record = try #require(try bench.records().first)
        #expect(record.attempts == 2 && record.tags == [UsageRecord.Tag("team", "red")])
        #expect(bench.exchange.record.metadata.isEmpty && bench.exchange.record.tagsHeader.isEmpty)
    }

    /// Whatever a caller sends, the entry has room for whom the call is charged to, and for what.
    @Test func theLongestTextsTakeNothingFromTheBill() throws {
        let limit = UsageRecord.TagLimits.textBytes
        let metadata = #"{"rest":""# + String(repeating: "m", count: limit - 11) + "\"}"
        let name = "gpt-mini" + String(repeating: "x", count: 1000)
        let body = Self.body(metadata, model: name)
        let tags = "X-Gateway-Tags: a=" + String(repeating: "t", count: limit - 2) + "\r\n"
        let record = try Self.record(try Bench(), Bench.post("/v1/chat/completions", body, tags), body)
        #expect(record.upstream == "openai" && record.dialect == "openai" && record.namespace == "plain")
        #expect(record.key == "k2" && record.modelServed == name)
        #expect(record.modelAsked == name && record.requestBytes == UInt64(body.utf8.count))
        #expect(record.snapshotVersion == 1 && record.callerDialect == "openai" && !record.tags.isEmpty)
    }

    @Test func aLongPathIsCut() throws {
        let name = String(repeating: "%61", count: 1000)
        let bench = try Bench(
            Bench.snapshot { snapshot in
                snapshot.upstreams.append(
                    Upstream(
                        name: "google",
                        dialect: .gemini,
                        baseURL: BaseURL(tls: false, host: "google.example", port: 80, path: "/v1beta"),
                        credentials: []
                    )
                )
                snapshot.models.append(
                    Model(name: NamePattern("aaa*"), targets: [.init(upstream: "google", model: "gemini-2")])
                )
            }
        )
        let record = try Self.record(bench, Bench.post("/v1beta/models/\(name):generateContent", "{}"), "{}")
        #expect(record.upstream == "google" && record.modelServed == "gemini-2" && record.snapshotVersion == 1)
        #expect(record.modelAsked == String(repeating: "a", count: 1000) && record.path.hasPrefix("/v1beta/models/%61"))
    }
}
