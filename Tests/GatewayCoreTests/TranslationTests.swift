import Foundation
import GatewayModel
import HTTPWire
import NIOCore
import Testing

@testable import GatewayCore

/// Calls whose upstream speaks another dialect, and Google's own way of calling.
struct TranslationTests {
    static func bench(_ change: (inout Snapshot) -> Void = { _ in }) throws -> Bench {
        try Bench(
            Bench.snapshot { snapshot in
                snapshot.upstreams += [
                    Upstream(
                        name: "google",
                        dialect: .gemini,
                        baseURL: BaseURL(tls: false, host: "google.example", port: 80, path: "/v1beta"),
                        credentials: [.init(source: .value(Secret("goog")))]
                    ),
                    Upstream(
                        name: "amazon",
                        dialect: .bedrock,
                        baseURL: BaseURL(tls: false, host: "aws.example", port: 80, path: ""),
                        credentials: [
                            .init(source: .aws(.init(accessKey: "AK", secretKey: Secret("s"), region: "eu-west-1")))
                        ]
                    ),
                ]
                let target = { (name: String) in Model.Target(upstream: name, model: "served/x") }
                snapshot.models += [
                    Model(name: NamePattern("gem"), targets: [.init(upstream: "google", model: "gemini-2")]),
                    Model(name: NamePattern("tuned"), targets: [target("google")]),
                    Model(name: NamePattern("nova"), targets: [.init(upstream: "amazon", model: "nova:0")]),
                ]
                change(&snapshot)
            }
        )
    }

    static let messages = #"{"model":"gpt","max_tokens":9,"top_k":3,"messages":[{"role":"user","content":"hi"}]}"#

    @Test func theUpstreamGetsItsOwnDialectAndNothingOfTheOther() throws {
        let fields = "anthropic-version: 2023-06-01\r\nAnthropic-Beta: x\r\nX-Stainless-OS: y\r\nUser-Agent: me\r\n"
        let sent = try Self.bench().forward(Bench.post("/v1/messages", Self.messages, fields), Self.messages)
        #expect(sent.hasPrefix("POST /api/v2/chat/completions HTTP/1.1\r\nhost: openai.example\r\n"))
        let head = sent.lowercased()
        #expect(
            !head.contains("anthropic-") && !head.contains("x-stainless") && head.contains("\r\nuser-agent: me\r\n")
        )
        #expect(head.contains("\r\nauthorization: bearer sk-up\r\n") && !head.contains("key-plain"))
        #expect(sent.contains(#""model":"gpt-2024""#) && sent.contains(#"{"role":"user","content":"hi"}"#))
        let length = sent.split(separator: "\r\n\r\n", maxSplits: 1).last?.utf8.count ?? 0
        #expect(sent.contains("\r\ncontent-length: \(length)\r\n"))
    }

    @Test func amazonsRequestsAreSigned() throws {
        let body = #"{"model":"nova","messages":[{"role":"user","content":"hi"}]}"#
        let sent = try Self.bench().forward(Bench.post("/v1/chat/completions", body), body)
        #expect(sent.hasPrefix("POST /model/nova%3A0/converse HTTP/1.1\r\n"))
        #expect(
            sent.contains("\r\nauthorization: AWS4-HMAC-SHA256 Credential=AK/") && sent.contains("\r\nx-amz-date: ")
        )
    }

    @Test func whatIsLostIsSaid() throws {
        let bench = try Self.bench()
        _ = try bench.forward(Bench.post("/v1/messages", Self.messages), Self.messages)
        let answer =
            #"{"id":"c","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2}}"#
        let text = try bench.answer(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nopenai-processing-ms: 1\r\n"
                + "content-length: \(answer.utf8.count)\r\n\r\n\(answer)"
        )
        #expect(text?.contains("\r\nx-gateway-loss: top_k;dropped\r\n") == true)
        #expect(text?.contains("openai-processing-ms") == false)
        #expect(text?.contains(#""type":"message""#) == true && text?.contains(#""text":"hello""#) == true)
    }

    @Test(arguments: [(Route.Losses.strict, ErrorCode?.some(.translationLoss)), (.warn, nil), (.allow, nil)])
    func aRouteMayForbidLosses(_ losses: Route.Losses, _ code: ErrorCode?) throws {
        let bench = try Self.bench { $0.routes.append(Route(name: "all", losses: losses)) }
        _ = try bench.admit(Bench.post("/v1/messages", Self.messages), Self.messages)
        var refused: Refusal?
        do { _ = try bench.exchange.nextAttempt(after: nil) } catch { refused = error }
        #expect(refused?.code == code)
        if code != nil { #expect(refused?.detail?.contains("top_k") == true) }
        #expect((bench.exchange.toldLosses != nil) == (losses == .warn))
    }

    /// A target without words for the call is passed over; when there is no other, the call is refused by name.
    @Test func anotherTargetMayHaveTheWords() throws {
        let image =
            #"{"model":"both","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}"#
        let both = [Model.Target(upstream: "amazon"), .init(upstream: "claude", priority: 1)]
        let bench = try Self.bench { $0.models.append(Model(name: NamePattern("both"), targets: both)) }
        let sent = try bench.forward(Bench.post("/v1/chat/completions", image), image)
        #expect(sent.hasPrefix("POST /v1/messages HTTP/1.1\r\nhost: claude.example\r\n"))
        let alone = try Self.bench { $0.models.append(Model(name: NamePattern("both"), targets: [both[0]])) }
        _ = try alone.admit(Bench.post("/v1/chat/completions", image), image)
        #expect {
            _ = try alone.exchange.nextAttempt(after: nil)
        } throws: { error in
            (error as? Refusal)?.code == .untranslatable
        }
    }

    /// Of an answer, too; of a stream in the log alone, because its head has left.
    @Test(arguments: [false, true]) func whatAnAnswerLosesIsSaid(_ isStream: Bool) throws {
        let image =
            #"{"candidates":[{"content":{"parts":[{"inlineData":{}},{"text":"hi"}]},"finishReason":"STOP"}]}"#
        let body = #"{"model":"gem","stream":\#(isStream),"messages":[{"role":"user","content":"hi"}]}"#
        let type = isStream ? "text/event-stream" : "application/json"
        let head = "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\nconnection: close\r\n\r\n"
        var (bench, out) = try Self.stream(
            "/v1/chat/completions",
            body,
            head + (isStream ? "data: \(image)\n\n" : image)
        )
        _ = bench.exchange.upstreamClosed(into: &out)
        bench.exchange.finish(now: Bench.now + 4)
        let field = "candidates.content.parts.inlineData;dropped"
        #expect(String(buffer: out).contains("x-gateway-loss: \(field)\r\n") == !isStream)
        #expect(String(decoding: bench.exchange.record.losses, as: UTF8.self) == field)
    }

    /// A server of OpenAI's dialect that knows chat alone gets responses as chats.
    @Test(arguments: [(true, "/responses"), (false, "/chat/completions")])
    func responsesGoWhereTheyAreKnown(_ hasResponses: Bool, _ path: String) throws {
        let bench = try Self.bench { snapshot in
            for index in snapshot.upstreams.indices { snapshot.upstreams[index].hasResponses = hasResponses }
        }
        let body = #"{"model":"gpt","input":"hi"}"#
        let sent = try bench.forward(Bench.post("/v1/responses", body), body)
        #expect(sent.hasPrefix("POST /api/v2\(path) HTTP/1.1\r\n"))
        #expect(sent.contains(#""messages":[{"role":"user","content":"hi"}]"#) == !hasResponses)
        // A chat leaves nothing behind that a later call could build on.
        #expect(bench.exchange.createsObject == hasResponses)
    }

    /// What names no model builds on something that the provider keeps, and has no words elsewhere.
    @Test func aResponseWithoutAModelIsNotTranslated() throws {
        let bench = try Self.bench { snapshot in
            snapshot.routes.append(Route(name: "all", upstream: "claude"))
        }
        let body = #"{"prompt":{"id":"pmpt_1"},"input":"hi"}"#
        _ = try bench.admit(Bench.post("/v1/responses", body), body)
        var refused: Refusal?
        do { _ = try bench.exchange.nextAttempt(after: nil) } catch { refused = error }
        #expect(refused?.code == .dialectMismatch)
    }

    // MARK: proofs of thoughts

    static let thoughts =
        #"{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"gemini:Zm9v"},"#
        + #"{"type":"text","text":"x"}]},{"role":"user","content":"hi"}],"max_tokens":9,"model":"both"}"#

    private static func mixed(_ losses: Route.Losses = .warn) throws -> Bench {
        try Self.bench {
            $0.models.append(Model(name: NamePattern("both"), targets: [.init(upstream: "claude", model: "claude-x")]))
            $0.routes.append(Route(name: "all", losses: losses))
        }
    }

    /// What Google has signed goes to no other provider, also where the body passes as it is.
    @Test func foreignProofsStayBehind() throws {
        let bench = try Self.mixed()
        let sent = try bench.forward(Bench.post("/v1/messages", Self.thoughts), Self.thoughts)
        let body = sent.split(separator: "\r\n\r\n", maxSplits: 1).last.map(String.init) ?? ""
        let text = #"{"messages":[{"role":"assistant","content":[{"type":"text","text":"x"}]},"#
        #expect(body == text + #"{"role":"user","content":"hi"}],"max_tokens":9,"model":"claude-x"}"#)
        #expect(sent.contains("\r\ncontent-length: \(body.utf8.count)\r\n"))
        let answer = try bench.answer(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        )
        #expect(answer?.contains("\r\nx-gateway-loss: messages[0].thinking;dropped\r\n") == true)
    }

    @Test func aRouteMayForbidToDropProofs() throws {
        let bench = try Self.mixed(.strict)
        _ = try bench.admit(Bench.post("/v1/messages", Self.thoughts), Self.thoughts)
        #expect {
            _ = try bench.exchange.nextAttempt(after: nil)
        } throws: { error in
            (error as? Refusal)?.code == .translationLoss
        }
    }

    // MARK: Google's way of calling

    @Test(
        arguments: [
            ("/v1beta/models/gem:generateContent", "/v1beta/models/gemini-2:generateContent"),
            ("/v1/models/gem:countTokens", "/v1beta/models/gemini-2:countTokens"),
            (
                "/v1beta/models/gem:streamGenerateContent?alt=sse&x=1",
                "/v1beta/models/gemini-2:streamGenerateContent?alt=sse"
            ),
            ("/v1beta/models/tuned:generateContent", "/v1beta/models/served%2Fx:generateContent"),
            (
                "/v1beta/models/gem:generateContent?prettyPrint=false&prettyprint=1",
                "/v1beta/models/gemini-2:generateContent?prettyPrint=false"
            ),
            ("/v1beta/models/g%65m:embedContent", "/v1beta/models/gemini-2:embedContent"),
        ]
    )
    func theModelInThePathIsReplaced(_ asked: String, _ target: String) throws {
        let sent = try Self.bench().forward(Bench.post(asked, "{}"), "{}")
        #expect(sent.hasPrefix("POST \(target) HTTP/1.1\r\nhost: google.example\r\n"))
        #expect(sent.contains("\r\nx-goog-api-key: goog\r\n") && sent.hasSuffix("\r\n\r\n{}"))
    }

    /// The key in the query is the credential, and goes no further.
    @Test func theKeyInTheQueryIsReadAndRemoved() throws {
        let path = "/v1beta/models/gem:generateContent?key=key-plain&$alt=json"
        let head = "POST \(path) HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n"
        let bench = try Self.bench()
        let sent = try bench.forward(head, "{}")
        #expect(sent.hasPrefix("POST /v1beta/models/gemini-2:generateContent?$alt=json HTTP/1.1\r\n"))
        #expect(!sent.contains("key-plain"))
        #expect(bench.exchange.record.path.text == "/v1beta/models/gem:generateContent")
        let other = "POST \(path) HTTP/1.1\r\nHost: gw\r\nx-api-key: key-search\r\nContent-Length: 2\r\n\r\n"
        #expect(try Self.bench().refusal(other, "{}") == .conflictingCredentials)
        // The same name in another dialect's query is nobody's credential.
        let openAI = "POST /v1/chat/completions?key=key-plain HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n"
        #expect(try Self.bench().refusal(openAI, "{}") == .missingKey)
    }

    @Test(
        arguments: [
            ("/v1beta/models/gem:nothing", ErrorCode.methodNotAllowed), ("/v1beta/chat/completions", .unknownEndpoint),
            ("/v1beta/models/:generateContent", .methodNotAllowed),
            ("/v1beta/models/none:generateContent", .modelNotFound),
            ("/v2/models/gem:generateContent", .unknownEndpoint),
            ("/V1beta/models/gem:generateContent", .unknownEndpoint),
            ("/v1beta/Models/gem:generateContent", .unknownEndpoint),
        ]
    )
    func otherPathsAreRefused(_ path: String, _ code: ErrorCode) throws {
        #expect(try Self.bench().refusal(Bench.post(path, "{}"), "{}") == code)
    }

    /// A name that is passed on in a path must not lead elsewhere.
    @Test(arguments: ["..", ".", "a/../gem", "a//b", "/gem", "gem/", "gem/.."])
    func aNameThatClimbsIsNoModel(_ name: String) throws {
        let bench = try Self.bench {
            $0.models.append(Model(name: NamePattern("*"), targets: [.init(upstream: "google")]))
        }
        let body = #"{"model":"\#(name)","messages":[]}"#
        #expect(try bench.refusal(Bench.post("/v1/chat/completions", body), body) == .modelNotFound)
    }

    @Test(
        arguments: [
            #"{"cachedContent":"cachedContents/x"}"#, #"{"cached_content":"cachedContents/x"}"#,
            #"{"contents":[{"parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/a"}}]}]}"#,
            #"{"contents":[{"parts":[{"file_data":{"file_\u0075ri":"files/a"}}]}]}"#,
        ]
    )
    func whatGoogleKeepsBelongsToNobodyHere(_ body: String) throws {
        #expect(
            try Self.bench().refusal(Bench.post("/v1beta/models/gem:generateContent", body), body) == .objectNotFound
        )
    }

    /// Google answers a wrong key with 400, and that is no fault of the caller's.
    @Test func aWrongKeyOfTheGatewaysIsNotTheCallersFault() throws {
        let bench = try Self.bench()
        _ = try bench.forward(Bench.post("/v1beta/models/gem:generateContent", "{}"), "{}")
        let body = #"{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#
        let verdict = try Self.receive(
            bench,
            "HTTP/1.1 400 Bad Request\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        guard case .refused(let refusal) = verdict.verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(refusal.code == .upstreamCredentialsExhausted && verdict.out.isEmpty)
    }

    /// Also one in which the caller's own words are what a wrong key looks like.
    @Test func anotherBadRequestPassesAsItIs() throws {
        let bench = try Self.bench()
        _ = try bench.forward(Bench.post("/v1beta/models/gem:generateContent", "{}"), "{}")
        let body = #"{"error":{"code":400,"message":"no \\"API_KEY_INVALID\\"","status":"INVALID_ARGUMENT"}}"#
        let text =
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        let answer = try Self.receive(bench, text)
        guard case .complete = answer.verdict else {
            Issue.record("\(answer)")
            return
        }
        #expect(answer.out.hasPrefix("HTTP/1.1 400 ") && answer.out.hasSuffix(body))
        #expect(answer.out.contains("content-type: application/json\r\n"))
    }

    private static func receive(_ bench: Bench, _ text: String) throws -> (verdict: Exchange.BodyVerdict, out: String) {
        var input = ByteBuffer(string: text)
        let parsed = try bench.exchange.response.parse(input, limit: 64 << 10)
        guard case .complete(let length) = parsed else { throw Refusal(.internalError) }
        var out = ByteBuffer()
        _ = bench.exchange.receiveHead(input, now: Bench.now + 2, into: &out)
        input.moveReaderIndex(forwardBy: length)
        var passed: ByteBuffer?
        let verdict = bench.exchange.receiveBody(&input, now: Bench.now + 3, into: &out, passing: &passed)
        return (verdict, String(buffer: out) + (passed.map { String(buffer: $0) } ?? ""))
    }

    // MARK: streams

    static let generate = #"{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}]}"#

    private static func stream(_ path: String, _ body: String, _ upstream: String) throws -> (Bench, ByteBuffer) {
        let bench = try Self.bench()
        _ = try bench.forward(Bench.post(path, body), body)
        var input = ByteBuffer(string: upstream)
        guard case .complete(let length) = try bench.exchange.response.parse(input, limit: 64 << 10) else {
            throw Refusal(.internalError)
        }
        var out = ByteBuffer()
        _ = bench.exchange.receiveHead(input, now: Bench.now + 2, into: &out)
        input.moveReaderIndex(forwardBy: length)
        var passed: ByteBuffer?
        _ = bench.exchange.receiveBody(&input, now: Bench.now + 3, into: &out, passing: &passed)
        return (bench, out)
    }

    /// Google's streams have no last event: one that ends with its connection is whole when its reason to stop has come.
    @Test(arguments: [true, false]) func aStreamMayEndWithItsConnection(_ isWhole: Bool) throws {
        let body = #"{"model":"gem","stream":true,"messages":[{"role":"user","content":"hi"}]}"#
        let event = isWhole ? Self.generate : #"{"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}"#
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        var (bench, out) = try Self.stream("/v1/chat/completions", body, "\(head)data: \(event)\r\n\r\n")
        guard case .complete = bench.exchange.upstreamClosed(into: &out) else {
            Issue.record("not complete")
            return
        }
        bench.exchange.finish(now: Bench.now + 4)
        let text = String(buffer: out)
        #expect(text.contains("data: [DONE]") == isWhole && text.contains("upstream_cut") == !isWhole)
        #expect(text.hasSuffix("0\r\n\r\n"))
    }

    /// What breaks off in the middle of an array ends as an array, with one error in it.
    @Test func aCutArrayIsStillAnArray() throws {
        let chunk = #"{"choices":[{"index":0,"delta":{"content":"hi"}}]}"#
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        let data = "data: \(chunk)\n\n"
        let upstream = "\(head)\(String(data.utf8.count, radix: 16))\r\n\(data)\r\n"
        let body = #"{"contents":[{"parts":[{"text":"hi"}]}]}"#
        var (bench, out) = try Self.stream("/v1beta/models/gpt:streamGenerateContent", body, upstream)
        #expect(bench.exchange.cut(.upstreamCut, now: Bench.now + 4, into: &out))
        let text = String(buffer: out)
        #expect(text.contains("content-type: application/json\r\n"))
        let pieces = text.components(separatedBy: "\r\n").filter {
            $0.hasPrefix("[") || $0.hasPrefix("{") || $0.hasPrefix(",")
        }
        let array = try JSONSerialization.jsonObject(with: Data(pieces.joined().utf8)) as? [[String: Any]]
        #expect(array?.count == 2 && array?.last?["error"] != nil)
    }
}
