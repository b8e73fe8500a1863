import GatewayModel
import JSONScan
import Testing

@testable import Dialects

/// What an answer or a request loses is listed, one member at a time.
struct AnswerLossTests {
    private static let clients: [WireFormat] = [.openAIChat, .anthropicMessages, .geminiGenerate, .openAIResponses]

    /// Parts that no client's dialect has words for, whole and streamed.
    @Test(
        arguments: [
            (
                Dialect.gemini, #"{"inlineData":{"mimeType":"image/png","data":"aa"}}"#,
                "candidates.content.parts.inlineData"
            ),
            (.gemini, #"{"executableCode":{"code":"1"}}"#, "candidates.content.parts.executableCode"),
            (.gemini, #"{"codeExecutionResult":{}}"#, "candidates.content.parts.codeExecutionResult"),
            (.gemini, #"{"thoughtSignature":"x","fileData":{}}"#, "candidates.content.parts.fileData"),
            (.anthropic, #"{"type":"server_tool_use","id":"a"}"#, "content.server_tool_use"),
            (.bedrock, #"{"citationsContent":{}}"#, "content.citationsContent"),
        ]
    )
    func partsWithoutWordsAreListed(_ upstream: Dialect, _ part: String, _ field: String) throws {
        let whole =
            switch upstream {
            case .gemini: #"{"candidates":[{"content":{"parts":[\#(part),{"text":"x"}]},"finishReason":"STOP"}]}"#
            case .anthropic: #"{"content":[\#(part),{"type":"text","text":"x"}],"stop_reason":"end_turn"}"#
            default: #"{"output":{"message":{"content":[\#(part),{"text":"x"}]}},"stopReason":"end_turn"}"#
            }
        let start = #"{"type":"content_block_start","index":0,"content_block":\#(part)}"#
        for client in Self.clients {
            guard let translation = Translation(client: client, upstream: upstream) else { continue }
            let answer = try translation.answer(Array(whole.utf8), GoldenTests.context)
            #expect(answer.losses.entries.map(\.field) == [field], "\(client)")
            guard upstream != .bedrock else { continue }
            let stream = translation.stream(GoldenTests.context)
            var out: [UInt8] = []
            stream.feed(Array("data: \(upstream == .gemini ? whole : start)\n\n".utf8).span, into: &out)
            #expect(stream.losses.entries.map(\.field) == [field] && !stream.hasFailed, "\(client)")
        }
    }

    /// What is not known must not read as a normal end.
    @Test(
        arguments: [
            ("STOP", "stop", 0), ("OTHER", "content_filter", 1), ("SOMETHING_NEW", "content_filter", 1),
            ("IMAGE_RECITATION", "content_filter", 0), ("TOO_MANY_TOOL_CALLS", "stop", 0), ("MAX_TOKENS", "length", 0),
        ]
    )
    func reasonsOfGoogles(_ word: String, _ told: String, _ lost: Int) throws {
        let body = #"{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"\#(word)"}]}"#
        let translation = try #require(Translation(client: .openAIChat, upstream: .gemini))
        let answer = try translation.answer(Array(body.utf8), GoldenTests.context)
        let reason = try JSON(parsing: answer.body)["choices"]?.array?.first?["finish_reason"]
        #expect(reason?.string == told && answer.losses.entries.count == lost)
        let stream = translation.stream(GoldenTests.context)
        var out: [UInt8] = []
        stream.feed(Array("data: \(body)\n\n".utf8).span, into: &out)
        stream.finish(into: &out)
        #expect(String(decoding: out, as: UTF8.self).contains(#""finish_reason":"\#(told)""#))
        #expect(stream.losses.entries.count == lost)
    }

    /// The tokens of a streamed response reach its client behind their words, and again at the end.
    @Test func logprobsOfAStreamedResponse() throws {
        let chunk =
            #"{"candidates":[{"content":{"parts":[{"text":"x"}]},"logprobsResult":{"chosenCandidates":[{"token":"x","logProbability":-0.5}]},"finishReason":"STOP"}]}"#
        let stream = try #require(Translation(client: .openAIResponses, upstream: .gemini)).stream(GoldenTests.context)
        var out: [UInt8] = []
        stream.feed(Array("data: \(chunk)\n\n".utf8).span, into: &out)
        stream.finish(into: &out)
        var told: [String] = []
        for line in out.split(separator: 0x0A) where line.starts(with: "data: ".utf8) {
            let event = try JSON(parsing: Array(line.dropFirst(6)))
            let part = event["part"] ?? event["item"]?["content"]?.array?.first
            let last = event["response"]?["output"]?.array?.first?["content"]?.array?.first
            let tokens = (event["logprobs"] ?? part?["logprobs"] ?? last?["logprobs"])?.array ?? []
            if tokens.first?["token"] == "x", tokens.first?["logprob"]?.text == "-0.5" {
                told.append(event["type"]?.string ?? "")
            }
        }
        #expect(
            told == [
                "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                "response.output_item.done", "response.completed",
            ]
        )
    }

    // MARK: requests

    private static func request(_ client: WireFormat, _ upstream: Dialect, _ model: String, _ body: String) throws -> (
        body: JSON, losses: [String]
    ) {
        let translation = try #require(Translation(client: client, upstream: upstream))
        let made = try translation.request(Array(body.utf8), model: model, defaultMaxTokens: 4096)
        return (try JSON(parsing: made.body), made.losses.entries.map { "\($0.kind.rawValue) \($0.field)" })
    }

    /// The newest models of Anthropic's refuse every choice of tokens but their own.
    @Test(arguments: [
        ("claude-opus-4-6", 3), ("claude-opus-4-7", 0), ("claude-opus-4.7", 0), ("claude-opus-5", 0),
        ("claude-haiku-5-5", 0), ("claude-sonnet-4-5", 3), ("claude-3-5-haiku", 3),
    ])
    func choiceOfTokens(_ model: String, _ sent: Int) throws {
        let body =
            #"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"temperature":0.5,"topK":3,"topP":0.9}}"#
        let (direct, losses) = try Self.request(.geminiGenerate, .anthropic, model, body)
        // Beside a temperature `top_p` is lost everywhere.
        let names = ["temperature", "top_p", "top_k"].filter { direct[$0] != nil }
        #expect(names.count == min(sent, 2) && losses.count == 3 - names.count)
        let (amazon, lost) = try Self.request(.geminiGenerate, .bedrock, "anthropic.\(model)", body)
        let config = amazon["inferenceConfig"]
        let count = [config?["temperature"], config?["topP"], amazon["additionalModelRequestFields"]?["top_k"]]
        #expect(count.count { $0 != nil } == sent && lost.count == 3 - sent)
        let normal = #"{"messages":[{"role":"user","content":"x"}],"temperature":1}"#
        #expect(try Self.request(.openAIChat, .anthropic, model, normal).losses.isEmpty)
    }

    @Test(arguments: [(true, "summarized"), (false, "omitted")])
    func whetherThoughtsAreShown(_ shows: Bool, _ display: String) throws {
        let body =
            #"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":\#(shows),"thinkingBudget":2048}}}"#
        let newest = try Self.request(.geminiGenerate, .anthropic, "claude-opus-4-7", body)
        #expect(newest.body["thinking"]?["display"]?.string == display)
        let older = try Self.request(.geminiGenerate, .anthropic, "claude-sonnet-4-5", body)
        #expect(older.body["thinking"]?["display"] == nil)
        #expect(older.losses.contains("changed thinking.display") == !shows)
        let other = try Self.request(.geminiGenerate, .openAI, "gpt-5", body)
        #expect(other.losses.contains("changed thinking.display") == !shows)
    }

    @Test(arguments: [("1h", "1h", 0), ("5m", "5m", 0), ("9d", nil, 1)])
    func howLongBedrockKeeps(_ ttl: String, _ sent: String?, _ lost: Int) throws {
        let mark = #""cache_control":{"type":"ephemeral","ttl":"\#(ttl)"}"#
        let body =
            #"{"max_tokens":9,"system":[{"type":"text","text":"s",\#(mark)}],"messages":[{"role":"user","content":[{"type":"text","text":"x",\#(mark)}]}],"tools":[{"name":"f","input_schema":{},\#(mark)}]}"#
        let made = try Self.request(.anthropicMessages, .bedrock, "anthropic.claude-sonnet-4-5", body)
        let places = [
            made.body["system"], made.body["messages"]?.array?.first?["content"], made.body["toolConfig"]?["tools"],
        ]
        for place in places {
            #expect(place?.array?.last?["cachePoint"]?["type"] == "default")
            #expect(place?.array?.last?["cachePoint"]?["ttl"]?.string == sent)
        }
        #expect(made.losses.count == lost)
    }

    @Test(arguments: [
        ("application/msword", "doc"), ("application/pdf", "pdf"), ("text/csv", "csv"), ("text/html", "html"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("application/vnd.ms-excel", "xls"), ("text/markdown", "md"), ("text/plain", "txt"),
    ])
    func formatsOfDocuments(_ type: String, _ format: String) throws {
        let body = #"{"contents":[{"parts":[{"inlineData":{"mimeType":"\#(type)","data":"YQ=="}},{"text":"x"}]}]}"#
        let made = try Self.request(.geminiGenerate, .bedrock, "m", body)
        let document = made.body["messages"]?.array?.first?["content"]?.array?.first?["document"]
        #expect(document?["format"]?.string == format)
    }

    @Test(arguments: [
        (#"[{"content":{"parts":[{"text":"a"},{"inlineData":{}}]}}]"#, "requests[0].content.parts"),
        (
            #"[{"content":{"parts":[{"text":"a"}]},"outputDimensionality":2},{"content":{"parts":[{"text":"a"}]}}]"#,
            "requests[1].outputDimensionality"
        ),
    ])
    func embeddingsThatHaveNoWords(_ requests: String, _ field: String) throws {
        let translation = try #require(EmbeddingsTranslation(client: .gemini, upstream: .openAI))
        #expect {
            _ = try translation.request(Array(#"{"requests":\#(requests)}"#.utf8), model: "m")
        } throws: { error in
            if case TranslationFailure.unsupported(field, _) = error { true } else { false }
        }
    }
}
