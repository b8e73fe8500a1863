import Foundation
import GatewayModel
import HTTPWire
import NIOCore
import Testing

@testable import GatewayCore

struct ExchangeTests {
    static let chat = #"{"model":"gpt","messages":[]}"#

    // MARK: what goes upstream

    @Test func sendsTheSameCallWithTheUpstreamsOwnCredentialHostPathAndModel() throws {
        let bench = try Bench()
        let head =
            "POST /v1/chat/completions?a=b%20c HTTP/1.1\r\nHost: gw:8080\r\nAuthorization: Bearer key-plain\r\n"
            + "X-Api-Key: key-plain\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip, br\r\n"
            + "Content-Type: application/json\r\nX-Custom: caf\u{E9}\r\nX-Request-ID: my-id\r\n"
            + "Connection: keep-alive, X-Secret, te\r\nX-Secret: 1\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\n"
            + "Proxy-Authorization: Basic eDp5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n"
            + "Trailer: x\r\nContent-Length: \(Self.chat.utf8.count)\r\n\r\n"
        let sent = try bench.forward(head, Self.chat)
        let body = #"{"model":"gpt-2024","messages":[]}"#
        #expect(
            sent
                == "POST /api/v2/chat/completions?a=b%20c HTTP/1.1\r\nhost: openai.example\r\naccept-encoding: identity\r\n"
                + "authorization: Bearer sk-up\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
                + "X-Custom: caf\u{E9}\r\nx-request-id: my-id\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
    }

    /// Of several ids the last one is taken over, and it alone travels; none does that is no id.
    @Test(arguments: [
        ("a", "b", "b"), ("", "b", "b"), ("a", "", nil),
        ("a", String(repeating: "b", count: 128), String(repeating: "b", count: 128)),
        ("a", String(repeating: "b", count: 129), nil), ("a", "b c~", "b c~"), ("a", "b\u{E9}", nil),
        ("a", "b\tc", nil),
    ])
    func oneRequestIDTravels(_ first: String, _ second: String, _ taken: String?) throws {
        let bench = try Bench()
        let fields = "X-Request-ID: \(first)\r\nx-request-id: \(second)\r\n"
        let sent = try bench.forward(Bench.post("/v1/chat/completions", Self.chat, fields), Self.chat)
        let ids = sent.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("x-request-id:") }
        #expect(ids == ["x-request-id: \(taken ?? bench.exchange.id)"])
    }

    @Test func speaksTheDialectOfAnAnthropicUpstream() throws {
        let bench = try Bench()
        let body = #"{"messages":[],"stream":true,"model":"claude"}"#
        let sent = try bench.forward(Bench.post("/v1/messages", body, "anthropic-version: 2023-06-01\r\n"), body)
        #expect(sent.hasPrefix("POST /v1/messages HTTP/1.1\r\nhost: claude.example\r\n"))
        #expect(sent.contains("\r\nx-api-key: sk-ant\r\n") && sent.contains("\r\nanthropic-version: 2023-06-01\r\n"))
        #expect(sent.hasSuffix(#"{"messages":[],"stream":true,"model":"claude-4"}"#))
        #expect(!sent.contains("key-plain"))
    }

    /// The body that is received, and the one that is sent on.
    @Test(arguments: [
        (#"{"model":"gpt"}"#, #"{"model":"gpt-2024"}"#),
        (#" { "x":"gpt", "model" : "gpt" } "#, #" { "x":"gpt", "model" : "gpt-2024" } "#),
        (#"{"model":"gpt-mini-3"}"#, #"{"model":"gpt-mini-3"}"#),
        (#"{"model":"gpt-m\u0069ni"}"#, #"{"model":"gpt-mini"}"#),
        (#"{"model":"gpt-mini\"x\\"}"#, #"{"model":"gpt-mini\"x\\"}"#),
        (#"{"model":"gpt","stream":false}"#, #"{"model":"gpt-2024","stream":false}"#),
        (
            #"{"model":"gpt","stream":true}"#,
            #"{"stream_options":{"include_usage":true},"model":"gpt-2024","stream":true}"#
        ),
        (
            #"{"stream":true,"stream_options":null,"model":"gpt"}"#,
            #"{"stream":true,"stream_options":{"include_usage":true},"model":"gpt-2024"}"#
        ),
        (
            #"{"model":"gpt","stream_options":{},"stream":true}"#,
            #"{"model":"gpt-2024","stream_options":{"include_usage":true},"stream":true}"#
        ),
        (
            #"{"model":"gpt","stream_options":{"x":1},"stream":true}"#,
            #"{"model":"gpt-2024","stream_options":{"include_usage":true,"x":1},"stream":true}"#
        ),
        (
            #"{"model":"gpt-mini","stream_options":{"include_usage":true},"stream":true}"#,
            #"{"model":"gpt-mini","stream_options":{"include_usage":true},"stream":true}"#
        ),
        (
            "\n{\"model\":\"gpt-mini\",\"stream\":true}",
            "\n{\"stream_options\":{\"include_usage\":true},\"model\":\"gpt-mini\",\"stream\":true}"
        ),
    ])
    func splicesTheBody(_ received: String, _ expected: String) throws {
        let bench = try Bench()
        let sent = try bench.forward(Bench.post("/v1/chat/completions", received), received)
        let parts = sent.components(separatedBy: "\r\n\r\n")
        #expect(parts[1] == expected)
        #expect(parts[0].hasSuffix("\r\ncontent-length: \(expected.utf8.count)"))
    }

    @Test func replacesTheModelOfAForm() throws {
        let bench = try Bench()
        let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt\r\n--b--\r\n"
        let head =
            "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: gw\r\nx-api-key: key-plain\r\n"
            + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: \(form.utf8.count)\r\n\r\n"
        let sent = try bench.forward(head, form)
        #expect(sent.hasSuffix(form.replacing("\r\ngpt\r\n", with: "\r\ngpt-2024\r\n")))
    }

    @Test func doesNotSendTwoRequestIDs() throws {
        let bench = try Bench()
        let long = String(repeating: "x", count: 200)
        let sent = try bench.forward(
            Bench.post("/v1/chat/completions", Self.chat, "X-Request-ID: \(long)\r\n"),
            Self.chat
        )
        #expect(!sent.contains(long))
        #expect(sent.lowercased().components(separatedBy: "x-request-id:").count == 2)
    }

    @Test func aCallerCannotSendTheFieldsOfACredential() throws {
        let bench = try Bench(
            Bench.snapshot { snapshot in
                let headers = [Upstream.Credential.Header(name: "x-org", value: Secret("ours"))]
                snapshot.upstreams[0].credentials = [.init(source: .headers(headers))]
            }
        )
        let head = Bench.post("/v1/chat/completions", Self.chat, "X-Org: theirs\r\nX-Orga: kept\r\n")
        let sent = try bench.forward(head, Self.chat)
        #expect(sent.contains("\r\nx-org: ours\r\n") && sent.contains("\r\nX-Orga: kept\r\n"))
        #expect(!sent.contains("theirs"))
    }

    @Test func leavesOutThePrefixOfTheNamespace() throws {
        let bench = try Bench()
        let sent = try bench.forward(Bench.post("/search/v1/chat/completions", Self.chat, key: "key-search"), Self.chat)
        #expect(sent.hasPrefix("POST /api/v2/chat/completions HTTP/1.1\r\n"))
    }

    // MARK: the answer

    @Test func relaysAnAnswerUnderTheGatewaysOwnFieldsAndRecordsIt() throws {
        let bench = try Bench()
        _ = try bench.forward(Bench.post("/v1/chat/completions", Self.chat, "X-Request-ID: my-id\r\n"), Self.chat)
        let body = #"{"id":"x","usage":{"prompt_tokens":10,"completion_tokens":5}}"#
        let answer = try bench.answer(
            "HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nX-RateLimit-Limit: 5\r\n"
                + "X-Gateway-Upstream: forged\r\nX-Request-ID: theirs\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Keep: 1\r\n"
                + "Keep-Alive: timeout=5\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(
            answer
                == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Keep: 1\r\nx-request-id: my-id\r\n"
                + "x-gateway-namespace: plain\r\nx-gateway-upstream: openai\r\nx-gateway-model: gpt-2024\r\n"
                + "x-gateway-attempts: 1\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        let record = try #require(try bench.records().first)
        #expect(record.outcome == .complete && record.code == nil && record.status == 200)
        #expect(record.namespace == "plain" && record.key == "k2" && record.upstream == "openai")
        #expect(record.modelAsked == "gpt" && record.modelServed == "gpt-2024" && record.path == "/v1/chat/completions")
        #expect(record.usage.input == 10 && record.usage.output == 5 && record.usage.source == .provider)
        #expect(record.responseBytes == UInt64(body.utf8.count) && record.requestBytes == UInt64(Self.chat.utf8.count))
        #expect(try bench.records().count == 1 && bench.exchange.isClosed)
    }

    @Test func hidesTheUsageEventThatOnlyTheGatewayAskedFor() throws {
        for asks in [false, true] {
            let bench = try Bench()
            let body = #"{"model":"gpt","stream":true,"stream_options":{"include_usage":\#(asks)}}"#
            _ = try bench.forward(Bench.post("/v1/chat/completions", body), body)
            let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n"
            let events = "data: {\"choices\":[{}]}\n\n" + usage + "data: [DONE]\n\n"
            let answer = try #require(
                try bench.answer(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: \(events.utf8.count)\r\n\r\n\(events)"
                )
            )
            #expect(
                answer.contains("\r\ntransfer-encoding: chunked\r\n") && !answer.lowercased().contains("content-length")
            )
            #expect(answer.contains("\"usage\"") == asks && answer.hasSuffix("data: [DONE]\n\n\r\n0\r\n\r\n"))
            let record = try #require(try bench.records().first)
            #expect(record.usage.total == 7 && record.stream && record.outcome == .complete)
        }
    }

    /// A stream goes on for minutes: neither head's fields are kept for it, passed on (`gpt`) or translated (`claude`). An ordinary
    /// answer leaves their memory to the next request.
    @Test(arguments: [
        ("gpt", "text/event-stream", true), ("claude", "text/event-stream", true), ("gpt", "text/plain", false),
    ])
    func aStreamGivesBackTheMemoryOfBothHeads(_ model: String, _ type: String, _ isGivenBack: Bool) throws {
        let bench = try Bench()
        let body = #"{"model":"\#(model)","stream":true,"messages":[{"role":"user","content":"a"}]}"#
        let head = "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\nx: 1\r\ncontent-length: 4\r\n\r\n"
        for _ in 0..<2 {
            _ = try bench.forward(Bench.post("/v1/chat/completions", body, "X-Custom: 1\r\n"), body)
            #expect(bench.exchange.request.fields.count == 5)
            let answer = try #require(try bench.answer(head + ":\n"))
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("\r\nx: 1\r\n"))
            #expect(bench.exchange.request.fields.isEmpty == isGivenBack)
            #expect((bench.exchange.request.fields.capacity == 0) == isGivenBack)
            #expect((bench.exchange.response.fields.capacity == 0) == isGivenBack)
            #expect(bench.exchange.isRequestWhole && bench.exchange.response.keepAlive)
            bench.exchange.abandon(.clientGone, now: Bench.now + 5)
        }
    }

    @Test func aStreamThatBreaksOffEndsWithOneErrorEventOfItsDialect() throws {
        let bench = try Bench()
        let body = #"{"model":"claude","stream":true}"#
        _ = try bench.forward(Bench.post("/v1/messages", body), body)
        let event =
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9}}}\n\n"
        let answer = try bench.answer(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\(event)event: content_block_delta\ndata: {\"half"
        )
        #expect(answer?.contains("half") == false)
        var out = ByteBuffer()
        if case .broken = bench.exchange.upstreamClosed(into: &out) {
        } else {
            Issue.record("a cut stream passes as whole")
        }
        #expect(bench.exchange.cut(.upstreamCut, now: Bench.now + 9, into: &out))
        let end = String(buffer: out)
        #expect(end.contains("event: error\ndata: {\"type\":\"error\"") && end.hasSuffix("\n\n\r\n0\r\n\r\n"))
        let record = try #require(try bench.records().first)
        #expect(record.outcome == .upstreamCut && record.code == .upstreamCut && record.usage.input == 9)
        #expect(record.usage.source == .partial)
    }

    @Test func aWholeAnswerThatBreaksOffIsAborted() throws {
        let bench = try Bench()
        _ = try bench.forward(Bench.post("/v1/chat/completions", Self.chat), Self.chat)
        _ = try bench.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"id\"")
        var out = ByteBuffer()
        #expect(!bench.exchange.cut(.upstreamCut, now: Bench.now + 9, into: &out) && out.readableBytes == 0)
        #expect(try bench.records().map(\.outcome) == [.upstreamCut])
    }

    @Test(arguments: [
        (401, ErrorCode.upstreamCredentialsExhausted), (402, .upstreamCredentialsExhausted), (101, .upstreamBroken),
    ])
    func someAnswersAreNotForTheClient(_ status: Int, _ code: ErrorCode) throws {
        let bench = try Bench()
        _ = try bench.forward(Bench.post("/v1/chat/completions", Self.chat), Self.chat)
        let answer = ByteBuffer(string: "HTTP/1.1 \(status) x\r\nContent-Length: 0\r\n\r\n")
        _ = try bench.exchange.response.parse(answer, limit: 1000)
        var out = ByteBuffer()
        guard case .discard(let refusal) = bench.exchange.receiveHead(answer, now: Bench.now, into: &out) else {
            Issue.record("the answer went to the client")
            return
        }
        #expect(refusal.code == code && out.readableBytes == 0)
        bench.exchange.refuse(refusal, now: Bench.now + 5, closing: false, into: &out)
        #expect(String(buffer: out).hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
        #expect(try bench.records().map(\.outcome) == [.failed] && bench.records().map(\.code) == [code])
    }

    @Test(arguments: [(400, ErrorCode.upstreamRejected), (429, .upstreamRejected), (500, .upstreamFailed)])
    func otherErrorsOfTheUpstreamPass(_ status: Int, _ code: ErrorCode) throws {
        let bench = try Bench()
        _ = try bench.forward(Bench.post("/v1/chat/completions", Self.chat), Self.chat)
        let answer = try bench.answer(
            "HTTP/1.1 \(status) x\r\nContent-Type: application/json\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}"
        )
        #expect(answer?.hasPrefix("HTTP/1.1 \(status) ") == true && answer?.contains("\r\nRetry-After: 7\r\n") == true)
        #expect(try bench.records().map(\.code) == [code])
    }

    // MARK: who calls

    @Test(
        arguments: [
            // a key decides
            ("/v1/chat/completions", "gw", "Authorization: Bearer key-plain", nil),
            ("/v1/chat/completions", "gw", "authorization: bearer   key-plain", nil),
            ("/v1/chat/completions", "gw", "x-api-key: key-plain", nil),
            ("/v1/chat/completions", "gw", "api-key: key-plain", nil),
            ("/v1/chat/completions", "gw", "x-goog-api-key: key-plain", nil),
            ("/v1/chat/completions", "gw", "x-api-key: key-plain\r\nAuthorization: Bearer key-plain", nil),
            // prefix, host and header agree with it
            ("/search/v1/chat/completions", "gw", "x-api-key: key-search", nil),
            ("/v1/chat/completions", "Search.Example:8080", "x-api-key: key-search", nil),
            ("/v1/chat/completions", "gw", "x-api-key: key-search\r\nX-Team: search", nil),
            ("/search/v1/chat/completions", "search.example", "x-api-key: key-search\r\nx-team: search", nil),
            // or not
            ("/search/v1/chat/completions", "gw", "x-api-key: key-plain", .namespaceMismatch),
            ("/v1/chat/completions", "search.example", "x-api-key: key-plain", .namespaceMismatch),
            ("/v1/chat/completions", "gw", "x-api-key: key-plain\r\nx-team: search", .namespaceMismatch),
            ("/v1/chat/completions", "gw", "x-api-key: key-search\r\nx-team: nobody", .namespaceMismatch),
            ("/open/v1/chat/completions", "gw", "x-api-key: key-search", .namespaceMismatch),
            ("/open/v1/chat/completions", "search.example", "", .namespaceMismatch),
            // no key
            ("/open/v1/chat/completions", "gw", "", nil), ("/v1/chat/completions", "gw", "", .missingKey),
            ("/search/v1/chat/completions", "gw", "", .missingKey),
            ("/v1/chat/completions", "search.example", "", .missingKey),
            // a bad one
            ("/v1/chat/completions", "gw", "x-api-key: key-unknown", .invalidKey),
            ("/v1/chat/completions", "gw", "x-api-key:", .invalidKey),
            ("/v1/chat/completions", "gw", "Authorization: Basic key-plain", .invalidKey),
            ("/v1/chat/completions", "gw", "Authorization: Bearer", .invalidKey),
            ("/v1/chat/completions", "gw", "x-api-key: key-old", .expiredKey),
            (
                "/v1/chat/completions", "gw", "x-api-key: key-plain\r\nAuthorization: Bearer key-search",
                .conflictingCredentials
            ),
            ("/open/v1/chat/completions", "gw", "x-api-key: wrong", .invalidKey),
        ] as [(String, String, String, ErrorCode?)]
    )
    func theKeyDecidesAndTheRestMayOnlyAgree(_ path: String, _ host: String, _ fields: String, _ code: ErrorCode?)
        throws
    {
        let bench = try Bench()
        let head =
            "POST \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields.isEmpty ? "" : fields + "\r\n")"
            + "Content-Type: application/json\r\nContent-Length: \(Self.chat.utf8.count)\r\n\r\n"
        #expect(try bench.refusal(head, Self.chat) == code)
        // The second time the key is known already.
        #expect(try bench.refusal(head, Self.chat) == code)
    }

    @Test func aKeyThatIsTakenAwayIsRefusedFromTheNextTableOn() throws {
        let bench = try Bench()
        let head = Bench.post("/v1/chat/completions", Self.chat)
        #expect(try bench.refusal(head, Self.chat) == nil)
        let changed = Bench.snapshot { $0.keys.removeAll { $0.name == "k2" } }
        bench.loop.table = RoutingTable(compiling: changed, sharing: bench.shared)
        #expect(try bench.refusal(head, Self.chat) == .invalidKey)
        bench.loop.table = RoutingTable(compiling: Bench.snapshot(), sharing: bench.shared)
        #expect(try bench.refusal(head, Self.chat) == nil)
    }

    // MARK: refusals

    struct Refused: Sendable {
        let code: ErrorCode
        let head: String
        let body: String
        init(_ code: ErrorCode, _ path: String, _ body: String, key: String = "key-plain", _ fields: String = "") {
            (self.code, self.head, self.body) = (code, Bench.post(path, body, key: key, fields), body)
        }
        init(_ code: ErrorCode, _ head: String) { (self.code, self.head, self.body) = (code, head, "") }
    }

    static let refused: [Refused] = [
        Refused(.unknownEndpoint, Bench.get("/v1/nothing")), Refused(.unknownEndpoint, Bench.get("/V1/models")),
        Refused(.unknownEndpoint, Bench.get("/v2/models")),
        Refused(.unknownEndpoint, Bench.get("/")), Refused(.unknownEndpoint, Bench.get("/v1/files/a%2Fb")),
        Refused(.methodNotAllowed, Bench.get("/v1/embeddings")),
        Refused(.methodNotAllowed, Bench.get("/v1/models", method: "BREW")),
        Refused(.invalidJSON, "/v1/chat/completions", "[]"), Refused(.invalidJSON, "/v1/chat/completions", ""),
        Refused(.invalidJSON, "/v1/messages", "{"),
        Refused(.ambiguousJSON, "/v1/messages", #"{"model":"a","model":"b"}"#),
        Refused(.missingModel, "/v1/chat/completions", "{}"),
        Refused(.missingModel, "/v1/embeddings", #"{"model":""}"#),
        Refused(.modelNotFound, "/v1/chat/completions", #"{"model":"nothing"}"#),
        Refused(.modelNotAllowed, "/v1/chat/completions", #"{"model":"gpt"}"#, key: "key-mini"),
        Refused(.modelNotAllowed, "/v1/chat/completions", #"{"model":"g\u0070t"}"#, key: "key-mini"),
        Refused(.dialectMismatch, "/v1/embeddings", #"{"model":"claude"}"#),
        Refused(.dialectMismatch, "/v1/messages/count_tokens", #"{"model":"gpt"}"#),
        Refused(.unsupportedEncoding, "/v1/chat/completions", chat, "Content-Encoding: gzip, br\r\n"),
        Refused(.invalidEncoding, "/v1/chat/completions", chat, "Content-Encoding: gzip\r\n"),
        Refused(.bodyTooLarge, "/v1/chat/completions", String(repeating: " ", count: 2 << 20)),
        Refused(
            .unsupportedMediaType,
            "POST /v1/audio/speech HTTP/1.1\r\nHost: gw\r\nx-api-key: key-plain\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
        ),
        Refused(
            .unsupportedMediaType,
            "POST /v1/files HTTP/1.1\r\nHost: gw\r\nx-api-key: key-plain\r\nContent-Length: 2\r\n\r\n"
        ),
        Refused(
            .unsupportedMediaType,
            "POST /v1/files HTTP/1.1\r\nHost: gw\r\nx-api-key: key-plain\r\nContent-Type: multipart/form-data; boundary=a\r\n"
                + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 2\r\n\r\n"
        ),
        Refused(.objectNotFound, Bench.get("/v1/files/file-theirs")),
        Refused(.objectNotFound, Bench.get("/v1/files/file-theirs", method: "DELETE")),
        Refused(.objectNotFound, "/v1/responses", #"{"model":"gpt","previous_response_id":"resp-theirs"}"#),
        // An id that readers could decode differently is nobody's.
        Refused(.objectNotFound, "/v1/responses", #"{"model":"gpt","previous_response_id":"\ud800"}"#),
        Refused(.objectNotFound, "/v1/batches", #"{"input_file_id":"file-theirs"}"#),
        Refused(.objectNotFound, "/v1/batches", #"{"previous_response_id":"file-mine","input_file_id":"file-theirs"}"#),
        Refused(.objectNotFound, "/v1/responses", #"{"model":"gpt","input":[{"file_id":"file-theirs"}]}"#),
        Refused(.objectNotFound, "/v1/responses", #"{"model":"gpt","input":[{"f\u0069le_id":"file-theirs"}]}"#),
        Refused(
            .objectNotFound,
            "/v1/responses",
            #"{"model":"gpt","t":[{"file_ids":["file-mine",{"a":"b"},"file-theirs"]}]}"#
        ),
    ]

    @Test(arguments: refused) func refusesInTheDialectOfTheEndpoint(_ row: Refused) throws {
        let bench = try Bench()
        bench.loop.objects.add("file-theirs", ObjectMap.Owner(namespace: "search", upstream: "openai"))
        bench.loop.objects.add("resp-theirs", ObjectMap.Owner(namespace: "search", upstream: "openai"))
        bench.loop.objects.add("file-mine", ObjectMap.Owner(namespace: "plain", upstream: "openai"))
        let before = bench.loop.metrics.streamsOpen
        do {
            _ = try bench.admit(row.head, row.body)
            Issue.record("admitted")
        } catch let refusal as Refusal {
            #expect(refusal.code == row.code, "\(refusal.detail ?? "")")
            var out = ByteBuffer()
            bench.exchange.refuse(refusal, now: Bench.now + 1, closing: true, into: &out)
            let parts = String(buffer: out).components(separatedBy: "\r\n\r\n")
            #expect(parts[0].hasPrefix("HTTP/1.1 \(row.code.status) ") && parts[0].hasSuffix("\r\nconnection: close"))
            #expect(parts[0].contains("\r\ncontent-length: \(parts[1].utf8.count)\r\n"))
            let body = try #require(try JSONSerialization.jsonObject(with: Data(parts[1].utf8)) as? [String: Any])
            #expect((body["error"] as? [String: Any])?["code"] as? String == row.code.rawValue)
            #expect((body["type"] as? String == "error") == row.head.contains("/messages"))
        }
        // Nothing was sent, so nothing is in the journal; the exchange is closed all the same.
        #expect(try bench.records().isEmpty && bench.exchange.isClosed && bench.loop.metrics.streamsOpen == before)
    }

    @Test func aRefusedMethodComesWithTheAllowedOnes() throws {
        let bench = try Bench()
        do {
            _ = try bench.admit(Bench.get("/v1/files/a", method: "PATCH"))
            Issue.record("admitted")
        } catch let refusal as Refusal {
            var out = ByteBuffer()
            bench.exchange.refuse(refusal, now: Bench.now + 1, closing: false, into: &out)
            #expect(String(buffer: out).contains("\r\nallow: GET, DELETE\r\n"))
        }
    }

    /// The query of a head that was refused, or of the one before, stands in bytes that are gone.
    @Test(arguments: [
        "GET /v1/models?key=AIzaAIza HTTP/3.7\r\n\r\n", "GET /v1/models?key=AIzaAIza HTTP/1.1\r\nBad\r\n\r\n",
    ])
    func aHeadThatCannotBeReadIsForgotten(_ head: String) throws {
        let bench = try Bench()
        let buffer = ByteBuffer(string: head)
        #expect(throws: WireError.self) { try bench.exchange.request.parse(buffer, limit: 1000) }
        bench.exchange.openMalformed(now: Bench.now)
        var out = ByteBuffer()
        bench.exchange.refuse(Refusal(.malformedRequest), now: Bench.now, closing: true, into: &out)
        #expect(String(buffer: out).hasPrefix("HTTP/1.1 400 "))
        #expect(bench.exchange.request.query.isEmpty && bench.exchange.request.fields.isEmpty)
    }

    @Test func aModelThatIsNoUTF8IsRefused() throws {
        let bench = try Bench(Bench.snapshot { $0.models[0].name = NamePattern("*") })
        let buffer = ByteBuffer(string: Bench.post("/v1/chat/completions", "xxxxxxxxxxxxxx"))
        _ = try bench.exchange.request.parse(buffer, limit: 1000)
        _ = try bench.exchange.open(buffer, now: Bench.now)
        let body = ByteBuffer(bytes: Array(#"{"model":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8))
        do {
            _ = try bench.exchange.admit(body)
            Issue.record("admitted")
        } catch {
            #expect(error.code == .invalidJSON)
        }
    }

    @Test func refusesEverythingBeforeTheFirstConfiguration() throws {
        let bench = try Bench()
        bench.loop.table = nil
        #expect(try bench.refusal(Bench.get("/v1/models")) == .notReady)
    }

    // MARK: limits and attempts

    @Test func aLimitRefusesWithItsFieldsAndTakesNothingFromOthers() throws {
        let bench = try Bench(
            Bench.snapshot { snapshot in
                let rate = { (requests: Int) in Policy.Rule.rateLimit(.init(requests: requests, per: .seconds(3600))) }
                snapshot.policies = [
                    Policy(name: "wide", rule: rate(100)), Policy(name: "tight", scope: .key("k2"), rule: rate(1)),
                ]
            }
        )
        let head = Bench.post("/v1/chat/completions", Self.chat)
        _ = try bench.forward(head, Self.chat)
        let answer = try bench.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(answer?.contains("\r\nx-ratelimit-limit-requests: 1\r\nx-ratelimit-remaining-requests: 0\r\n") == true)
        do {
            _ = try bench.admit(head, Self.chat)
            Issue.record("admitted")
        } catch let refusal as Refusal {
            var out = ByteBuffer()
            bench.exchange.refuse(refusal, now: Bench.now + 1, closing: false, into: &out)
            let text = String(buffer: out)
            #expect(text.hasPrefix("HTTP/1.1 429 ") && text.contains("\r\nretry-after: ") && text.contains("tight"))
        }
        let other = Bench.post("/v1/chat/completions", #"{"model":"gpt-mini"}"#, key: "key-mini")
        _ = try bench.admit(other, #"{"model":"gpt-mini"}"#)
        #expect(bench.exchange.standing.remaining == 98)
    }

    @Test func aFullUpstreamIsSkippedAndItsPlaceIsGivenBack() throws {
        let bench = try Bench(
            Bench.snapshot { snapshot in
                snapshot.upstreams[0].limits.requestsInFlight = 1
                snapshot.upstreams.append(
                    Upstream(
                        name: "spare",
                        dialect: .openAI,
                        baseURL: BaseURL(tls: true, host: "spare", port: 443, path: "/v1")
                    )
                )
                snapshot.models[0].targets.append(.init(upstream: "spare", priority: 1))
            }
        )
        let state = try #require(bench.loop.table?.upstreams.first?.state)
        #expect(state.enter(limit: 1))
        let sent = try bench.forward(Bench.post("/v1/chat/completions", Self.chat), Self.chat)
        // The spare upstream has no name of its own for the model, and no credential.
        #expect(
            sent.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\nhost: spare\r\n") && !sent.contains("uthorization")
        )
        #expect(sent.hasSuffix(Self.chat))
        #expect(state.requestsInFlight == 1)
        _ = try bench.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.loop.table?.upstreams.allSatisfy { $0.state.requestsInFlight <= 1 } == true)
        #expect(bench.loop.table?.upstreams.last?.state.requestsInFlight == 0)
    }

    @Test func saysSaturatedWhenEveryUpstreamIsFull() throws {
        let bench = try Bench(Bench.snapshot { $0.upstreams[0].limits.requestsInFlight = 0 })
        _ = try bench.admit(Bench.post("/v1/chat/completions", Self.chat), Self.chat)
        do {
            _ = try bench.exchange.nextAttempt(after: nil)
            Issue.record("an attempt was made")
        } catch {
            #expect(error.code == .upstreamSaturated && error.retryAfter != nil)
        }
    }

    @Test func makesAsManyAttemptsAsTheRouteAllows() throws {
        let bench = try Bench(
            Bench.snapshot { snapshot in
                snapshot.routes.append(
                    Route(name: "all", retry: .init(attempts: 3, on: [.connect], backoff: .milliseconds(100)))
                )
            }
        )
        _ = try bench.admit(Bench.post("/v1/chat/completions", Self.chat), Self.chat)
        let failure = Refusal(.upstreamUnreachable)
        for attempt in 1...3 {
            #expect(try bench.send().contains("\r\nhost: openai.example\r\n"))
            bench.exchange.leaveUpstream()
            let delay = bench.exchange.retryDelay(on: .connect)
            let mean = Int64(100_000_000) << Int64(attempt - 1)
            #expect((delay == nil) == (attempt == 3))
            if let delay { #expect((mean / 2..<mean * 3 / 2 + 1).contains(delay)) }
            #expect(bench.exchange.retryDelay(on: .timeout) == nil && bench.exchange.retryDelay(on: nil) == nil)
        }
        #expect(throws: Refusal.self) { try bench.exchange.nextAttempt(after: failure) }
    }

    // MARK: objects and models

    @Test func anObjectBelongsToTheNamespaceThatCreatedIt() throws {
        let bench = try Bench()
        let form = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b--\r\n"
        let head =
            "POST /v1/files HTTP/1.1\r\nHost: gw\r\nx-api-key: key-plain\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + "Content-Length: \(form.utf8.count)\r\n\r\n"
        #expect(try bench.forward(head, form).hasPrefix("POST /api/v2/files HTTP/1.1\r\n"))
        let created = #"{"id":"file-1"}"#
        let json = { (body: String) in
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        _ = try bench.answer(json(created))
        #expect(
            try bench.forward(Bench.get("/v1/files/file-1/content")).hasPrefix("GET /api/v2/files/file-1/content HTTP")
        )
        _ = try bench.answer(json("{}"))
        #expect(try bench.refusal(Bench.get("/v1/files/file-1", key: "key-search")) == .objectNotFound)
        // Lists show only one's own.
        _ = try bench.forward(Bench.get("/v1/files"))
        let list = try bench.answer(json(#"{"data":[{"id":"file-1"},{"id":"file-2"}]}"#))
        #expect(list?.contains(#"{"data":[{"id":"file-1"}]}"#) == true && list?.contains("file-2") == false)
        _ = try bench.forward(Bench.get("/v1/files/file-1", method: "DELETE"))
        _ = try bench.answer(json(#"{"deleted":true}"#))
        #expect(try bench.refusal(Bench.get("/v1/files/file-1")) == .objectNotFound)
    }

    @Test func listsTheModelsThatTheKeyMayCall() throws {
        let bench = try Bench()
        let names = { (admission: Exchange.Admission) throws -> [String] in
            guard case .answer(let body) = admission else { return ["sent upstream"] }
            let list = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
            return (list?["data"] as? [[String: Any]])?.compactMap { $0["id"] as? String } ?? []
        }
        #expect(try names(bench.admit(Bench.get("/v1/models"))) == ["gpt", "claude"])
        #expect(try names(bench.admit(Bench.get("/v1/models", key: "key-mini"))).isEmpty)
        guard case .answer(let one) = try bench.admit(Bench.get("/v1/models/gpt-mini%2Fx", key: "key-mini")) else {
            Issue.record("sent upstream")
            return
        }
        #expect(String(decoding: one, as: UTF8.self).contains(#""id":"gpt-mini/x""#))
        #expect(try bench.refusal(Bench.get("/v1/models/gpt", key: "key-mini")) == .modelNotFound)
    }
}
