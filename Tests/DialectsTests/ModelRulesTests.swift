import GatewayModel
import JSONScan
import Testing

@testable import Dialects

/// What depends on the model's name, and the small translations beside chat.
struct ModelRulesTests {
    private static func body(_ client: WireFormat, _ upstream: Dialect, _ model: String, _ text: String) throws -> JSON
    {
        let translation = try #require(Translation(client: client, upstream: upstream))
        return try JSON(parsing: translation.request(Array(text.utf8), model: model, defaultMaxTokens: 4096).body)
    }

    @Test(arguments: [
        ("claude-3-7-sonnet-20250219", #"{"type":"enabled","budget_tokens":8192}"#, ""),
        ("claude-sonnet-4-5", #"{"type":"enabled","budget_tokens":8192}"#, ""),
        ("claude-opus-4-6", #"{"type":"adaptive","display":"summarized"}"#, #"{"effort":"medium"}"#),
    ])
    func tellsAnthropicsModelsHowToThink(_ model: String, _ thinking: String, _ config: String) throws {
        let text = #"{"messages":[{"role":"user","content":"x"}],"reasoning_effort":"medium"}"#
        let direct = try Self.body(.openAIChat, .anthropic, model, text)
        #expect(direct["thinking"]?.text == thinking)
        #expect((direct["output_config"]?.text ?? "") == config)
        let extra = try Self.body(.openAIChat, .bedrock, "anthropic.\(model)-v1:0", text)[
            "additionalModelRequestFields"
        ]
        #expect(extra?["thinking"]?.text == thinking)
    }

    @Test(arguments: [
        ("gemini-2.5-pro", #"{"thinkingBudget":8192,"includeThoughts":true}"#),
        ("gemini-3-pro", #"{"thinkingLevel":"high","includeThoughts":true}"#),
    ])
    func tellsGooglesModelsHowToThink(_ model: String, _ thinking: String) throws {
        let text = #"{"messages":[{"role":"user","content":"x"}],"reasoning_effort":"medium"}"#
        let body = try Self.body(.openAIChat, .gemini, model, text)
        #expect(body["generationConfig"]?["thinkingConfig"]?.text == thinking)
    }

    @Test(arguments: [
        ("gpt-5", "max_completion_tokens"), ("o3-mini", "max_completion_tokens"), ("mistral", "max_tokens"),
    ])
    func boundsByTheNameThatTheModelKnows(_ model: String, _ name: String) throws {
        let text = #"{"max_tokens":7,"messages":[{"role":"user","content":"x"}]}"#
        #expect(try Self.body(.anthropicMessages, .openAI, model, text)[name]?.int == 7)
    }

    /// The answer's proof comes back with the call, whatever the client speaks.
    @Test(arguments: [WireFormat.openAIChat, .anthropicMessages])
    func googlesProofComesBack(_ client: WireFormat) throws {
        let translation = try #require(Translation(client: client, upstream: .gemini))
        let upstream =
            #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"Q2s="}]},"finishReason":"STOP"}]}"#
        let answer = try JSON(parsing: translation.answer(Array(upstream.utf8), GoldenTests.context).body)
        let turn: JSON =
            client == .openAIChat
            ? answer["choices"]?.array?.first?["message"] ?? .null
            : ["role": "assistant", "content": answer["content"] ?? .null]
        let request: JSON = ["max_tokens": 9, "messages": [["role": "user", "content": "x"], turn]]
        let body = try Self.body(client, .gemini, "gemini-3-pro", request.text)
        #expect(body.text.contains(#""thoughtSignature":"Q2s=""#))
        #expect(!body.text.contains(#""thought":true"#))
    }

    @Test(arguments: ["call_1", "a b", "é/ü", "", "agwx_zz"])
    func idsComeBack(_ id: String) {
        let legal = ToolCallID.legal(id)
        #expect(legal.utf8.allSatisfy { $0 < 0x80 && $0 != 0x20 && $0 != UInt8(ascii: "/") })
        #expect(ToolCallID.original(legal) == id)
    }

    @Test(arguments: [[], [0], [1, 2], [255, 254, 253], [1, 2, 3, 4]] as [[UInt8]])
    func base64ComesBack(_ bytes: [UInt8]) {
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }

    @Test
    func listsOnlySoMuch() {
        var losses = LossLedger()
        for index in 0..<100 { losses.dropped("f\(index)", "why") }
        #expect(losses.entries.count == LossLedger.capacity)
        #expect(losses.uncounted == 100 - LossLedger.capacity)
    }

    @Test
    func embeddingsReachGoogle() throws {
        let translation = try #require(EmbeddingsTranslation(client: .openAI, upstream: .gemini))
        let text = #"{"model":"a","input":["x","y"],"dimensions":2,"encoding_format":"base64","user":"u"}"#
        let request = try translation.request(Array(text.utf8), model: "e")
        #expect(request.path == "/models/e:batchEmbedContents")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"requests":[{"model":"models/e","content":{"parts":[{"text":"x"}]},"outputDimensionality":2},{"model":"models/e","content":{"parts":[{"text":"y"}]},"outputDimensionality":2}]}"#
        )
        #expect(request.losses.entries.map(\.field) == ["user"])
        let answer = try translation.answer(
            Array(#"{"embeddings":[{"values":[1,-0.5]}]}"#.utf8),
            to: request,
            GoldenTests.context
        )
        let json = try JSON(parsing: answer.body)
        #expect(json["data"]?.array?.first?["embedding"] == "AACAPwAAAL8=")
        #expect(answer.usage.source == .none)
    }

    @Test
    func embeddingsReachOpenAI() throws {
        let translation = try #require(EmbeddingsTranslation(client: .gemini, upstream: .openAI))
        let request = try translation.request(Array(#"{"content":{"parts":[{"text":"x"}]}}"#.utf8), model: "e")
        #expect(
            String(decoding: request.body, as: UTF8.self) == #"{"model":"e","input":["x"],"encoding_format":"float"}"#
        )
        let upstream = #"{"data":[{"embedding":[0.10,2]}],"usage":{"prompt_tokens":3,"total_tokens":3}}"#
        let answer = try translation.answer(Array(upstream.utf8), to: request, GoldenTests.context)
        #expect(
            String(decoding: answer.body, as: UTF8.self)
                == #"{"embedding":{"values":[0.10,2]},"usageMetadata":{"promptTokenCount":3}}"#
        )
        #expect(answer.usage.total == 3)
    }

    @Test
    func countsReachBothWays() throws {
        let there = try #require(CountTranslation(client: .anthropic, upstream: .gemini))
        let text = #"{"model":"a","system":"s","messages":[{"role":"user","content":"x"}]}"#
        let request = try there.request(Array(text.utf8), model: "g")
        #expect(request.path == "/models/g:countTokens")
        #expect(try JSON(parsing: request.body)["generateContentRequest"]?["model"] == "models/g")
        #expect(try there.answer(Array(#"{"totalTokens":5}"#.utf8)) == Array(#"{"input_tokens":5}"#.utf8))
        let back = try #require(CountTranslation(client: .gemini, upstream: .anthropic))
        let made = try back.request(Array(#"{"contents":[{"parts":[{"text":"x"}]}]}"#.utf8), model: "c")
        #expect(
            String(decoding: made.body, as: UTF8.self) == #"{"model":"c","messages":[{"role":"user","content":"x"}]}"#
        )
        #expect(try back.answer(Array(#"{"input_tokens":5}"#.utf8)) == Array(#"{"totalTokens":5}"#.utf8))
    }

    /// The kinds of a usage sum to the provider's total, and every dialect writes a total that does too.
    @Test(arguments: [
        #"{"prompt_tokens":20,"completion_tokens":12,"total_tokens":32,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":2,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":3}}"#,
        #"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":99},"completion_tokens_details":{"reasoning_tokens":7}}"#,
    ])
    func kindsSumToTheTotal(_ text: String) throws {
        let json = try JSON(parsing: Array(text.utf8))
        let usage = AnswerUsage(openAI: json)
        let total = (json["prompt_tokens"]?.int ?? 0) + (json["completion_tokens"]?.int ?? 0)
        #expect(usage.tokens(.provider).total == UInt64(total))
        #expect(usage.openAIChat["total_tokens"]?.int == total)
        #expect(usage.openAIResponses["total_tokens"]?.int == total)
        #expect(usage.gemini["totalTokenCount"]?.int == total)
        var anthropic = AnswerUsage()
        anthropic.add(anthropic: usage.anthropic)
        #expect(anthropic.tokens(.provider).total == UInt64(total))
    }

    /// An event without end is not kept for ever.
    @Test(arguments: [Dialect.openAI, .bedrock])
    func whatIsKeptIsBounded(_ upstream: Dialect) throws {
        let stream = try #require(Translation(client: .anthropicMessages, upstream: upstream)).stream(
            GoldenTests.context
        )
        let piece = Array(repeating: UInt8(ascii: "a"), count: 1 << 20)
        var out: [UInt8] = []
        for _ in 0..<6 { stream.feed(piece.span, into: &out) }
        #expect(stream.hasFailed)
        #expect(out == ErrorBody.event(.upstreamBroken, requestID: "req-1", in: .anthropicMessages))
    }

    /// Each probe's requests are what its client's dialect takes.
    @Test(arguments: TranslationProbe.allCases)
    func probesAreValid(_ probe: TranslationProbe) {
        for client in TranslationProbe.clients {
            for upstream in TranslationProbe.upstreams {
                let outcome = probe.outcome(client.format, upstream) ?? ""
                #expect(!outcome.contains("must ") && !outcome.contains("is not JSON"), "\(client.name): \(outcome)")
            }
        }
    }
}
