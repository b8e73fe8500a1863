import JSONScan

/// OpenAI's `chat.completion` object (platform.openai.com/docs/api-reference/chat/object).
///
/// | here | neutral |
/// |---|---|
/// | `stop` | end of turn, stop sequence, pause |
/// | `length` | bound reached, context full |
/// | `tool_calls`, `function_call` | tool use |
/// | `content_filter` | filter, refusal |
///
/// Thoughts stand in `reasoning_content`, as with DeepSeek and vLLM; their proof in `reasoning_signature` beside it.
enum ChatAnswerCoder {
    // MARK: Reading

    static func decode(_ body: JSON) throws(TranslationFailure) -> ChatAnswer {
        guard let choices = body["choices"]?.array else { throw .badAnswer(reason: "it has no `choices`") }
        var answer = ChatAnswer()
        answer.id = body["id"]?.string
        answer.model = body["model"]?.string
        answer.created = body["created"]?.int
        answer.choices = choices.map(self.choice)
        answer.usage = body["usage"].map(AnswerUsage.init(openAI:))
        answer.serviceTier = body["service_tier"]?.string
        return answer
    }

    private static func choice(_ choice: JSON) -> ChatAnswer.Choice {
        var read = ChatAnswer.Choice()
        let message = choice["message"] ?? [:]
        if let thoughts = (message["reasoning_content"] ?? message["reasoning"])?.string, !thoughts.isEmpty {
            read.parts.append(Part(.thinking(Thinking(text: thoughts))))
        }
        switch message["content"] {
        case .string(let text) where !text.isEmpty: read.parts.append(.text(text))
        case .array(let parts): read.parts += parts.compactMap { $0["text"]?.string.map(Part.text) }
        default: break
        }
        if let refusal = message["refusal"]?.string { read.parts.append(Part(.refusal(refusal))) }
        let calls = (message["tool_calls"]?.array ?? []).compactMap(self.call)
        read.parts += calls.map { Part(.toolCall($0)) }
        read.stop = Stop(self.stopReason(choice["finish_reason"]?.string, hasCalls: !calls.isEmpty))
        read.logprobs = self.logprobs(choice["logprobs"])
        return read
    }

    private static func call(_ call: JSON) -> ToolCall? {
        guard let name = call["function"]?["name"]?.string else { return nil }
        let arguments = call["function"]?["arguments"]
        return ToolCall(
            id: call["id"]?.string ?? "",
            name: name,
            // Some servers give the object instead of its text.
            arguments: arguments?.string ?? arguments?.text ?? "",
            signature: self.signature(call)
        )
    }

    /// Google's own place for it (ai.google.dev/gemini-api/docs/thought-signatures, "OpenAI compatibility").
    static func signature(_ call: JSON) -> Signature? {
        call["extra_content"]?["google"]?["thought_signature"]?.string.map { Signature(origin: .gemini, text: $0) }
    }

    /// Many servers say `stop` although there are calls; those that say nothing mean the same.
    static func stopReason(_ word: String?, hasCalls: Bool) -> StopReason {
        switch word {
        case "length": .maxTokens
        case "tool_calls", "function_call": .toolUse
        case "content_filter": .contentFilter
        default: hasCalls ? .toolUse : .endTurn
        }
    }

    /// `{"content":[{token, logprob, bytes, top_logprobs}]}`.
    static func logprobs(_ json: JSON?) -> [TokenLogprob]? {
        guard let tokens = json?["content"]?.array, !tokens.isEmpty else { return nil }
        return tokens.map { token in
            var read = self.logprob(token)
            read.top = (token["top_logprobs"]?.array ?? []).map(self.logprob)
            return read
        }
    }

    private static func logprob(_ json: JSON) -> TokenLogprob {
        TokenLogprob(token: json["token"]?.string ?? "", logprob: json["logprob"] ?? 0, bytes: json["bytes"])
    }

    // MARK: Writing

    static func encode(_ answer: ChatAnswer, _ context: AnswerContext) -> JSON {
        var body = MemberWriter()
        body.set("id", answer.id ?? "chatcmpl-\(context.id)")
        body.set("object", "chat.completion" as String)
        body.set("created", answer.created ?? context.created)
        body.set("model", context.model)
        body.set("choices", .array(answer.choices.enumerated().map { self.choice($1, $0) }))
        body.set("usage", (answer.usage ?? AnswerUsage()).openAIChat)
        body.set("service_tier", answer.serviceTier)
        return body.json
    }

    private static func choice(_ choice: ChatAnswer.Choice, _ index: Int) -> JSON {
        var message = MemberWriter()
        var texts: [String] = []
        var refusal: String?
        var calls: [JSON] = []
        var thoughts: [Thinking] = []
        for part in choice.parts {
            switch part.content {
            case .text(let text): texts.append(text)
            case .refusal(let text): refusal = (refusal ?? "") + text
            case .toolCall(let call): calls.append(ChatRequestEncoder.call(call, isForClient: true))
            case .thinking(let thinking) where thinking.redacted == nil: thoughts.append(thinking)
            default: break
            }
        }
        message.set("role", "assistant" as String)
        message.set("content", texts.isEmpty ? JSON.null : .string(texts.joined()))
        message.set("refusal", JSON.optional(refusal))
        if !thoughts.isEmpty {
            message.set("reasoning_content", thoughts.map(\.text).joined())
            // A proof covers one text; joined texts have none.
            if thoughts.count == 1 { message.set("reasoning_signature", thoughts[0].signature?.carried(to: .openai)) }
        }
        if !calls.isEmpty { message.set("tool_calls", .array(calls)) }
        return [
            "index": .int(index), "message": message.json,
            "logprobs": choice.logprobs.map { ["content": self.encode($0)] } ?? .null,
            "finish_reason": .string(self.word(choice.stop.reason)),
        ]
    }

    static func word(_ reason: StopReason) -> String {
        switch reason {
        case .endTurn, .stopSequence, .pauseTurn, .malformedToolCall: "stop"
        case .maxTokens, .contextFull: "length"
        case .toolUse: "tool_calls"
        case .contentFilter, .refusal: "content_filter"
        }
    }

    static func encode(_ logprobs: [TokenLogprob]) -> JSON {
        .array(
            logprobs.map { token in
                self.plain(token).setting("top_logprobs", .array(token.top.map(self.plain)))
            }
        )
    }

    private static func plain(_ token: TokenLogprob) -> JSON {
        let bytes = token.bytes ?? .array(token.token.utf8.map { .int(Int($0)) })
        return ["token": .string(token.token), "logprob": token.logprob, "bytes": bytes]
    }
}

extension AnswerUsage {
    /// OpenAI's `usage`, of chat or of responses: the details are parts of the totals
    /// (platform.openai.com/docs/api-reference, "usage").
    init(openAI usage: JSON) {
        let prompt = (usage["prompt_tokens"] ?? usage["input_tokens"])?.count ?? 0
        let completion = (usage["completion_tokens"] ?? usage["output_tokens"])?.count ?? 0
        let of = usage["prompt_tokens_details"] ?? usage["input_tokens_details"]
        let by = usage["completion_tokens_details"] ?? usage["output_tokens_details"]
        self.cachedInput = min(of?["cached_tokens"]?.count ?? 0, prompt)
        self.cacheWrite = min(of?["cache_write_tokens"]?.count ?? 0, prompt.less(self.cachedInput))
        self.audioInput = min(of?["audio_tokens"]?.count ?? 0, prompt.less(self.cachedInput, self.cacheWrite))
        self.imageInput = min(
            of?["image_tokens"]?.count ?? 0,
            prompt.less(self.cachedInput, self.cacheWrite, self.audioInput)
        )
        self.input = prompt.less(self.cachedInput, self.cacheWrite, self.audioInput, self.imageInput)
        self.reasoning = min(by?["reasoning_tokens"]?.count ?? 0, completion)
        self.audioOutput = min(by?["audio_tokens"]?.count ?? 0, completion.less(self.reasoning))
        self.imageOutput = min(by?["image_tokens"]?.count ?? 0, completion.less(self.reasoning, self.audioOutput))
        self.output = completion.less(self.reasoning, self.audioOutput, self.imageOutput)
    }

    /// `usage` of a chat completion.
    var openAIChat: JSON {
        [
            "prompt_tokens": .count(self.allInput), "completion_tokens": .count(self.allOutput),
            "total_tokens": .count(self.allInput &+ self.allOutput), "prompt_tokens_details": self.inputDetails(true),
            "completion_tokens_details": [
                "reasoning_tokens": .count(self.reasoning), "audio_tokens": .count(self.audioOutput),
            ],
        ]
    }

    /// `usage` of a response.
    var openAIResponses: JSON {
        [
            "input_tokens": .count(self.allInput), "input_tokens_details": self.inputDetails(false),
            "output_tokens": .count(self.allOutput),
            "output_tokens_details": ["reasoning_tokens": .count(self.reasoning)],
            "total_tokens": .count(self.allInput &+ self.allOutput),
        ]
    }

    private func inputDetails(_ withAudio: Bool) -> JSON {
        var details = MemberWriter()
        details.set("cached_tokens", JSON.count(self.cachedInput))
        if self.cacheWrite > 0 { details.set("cache_write_tokens", JSON.count(self.cacheWrite)) }
        if withAudio { details.set("audio_tokens", JSON.count(self.audioInput)) }
        return details.json
    }
}
