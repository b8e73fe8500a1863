import JSONScan

/// Anthropic's `message` object (docs.anthropic.com, "Messages"; "Handling stop reasons").
///
/// | here | neutral |
/// |---|---|
/// | `end_turn`, `stop_sequence`, `max_tokens`, `tool_use`, `pause_turn` | the same |
/// | `refusal` | refusal, filter |
/// | `model_context_window_exceeded` | context full |
enum MessagesAnswerCoder {
    // MARK: Reading

    static func decode(_ body: JSON) throws(TranslationFailure) -> ChatAnswer {
        guard let content = body["content"]?.array else { throw .badAnswer(reason: "it has no `content`") }
        var choice = ChatAnswer.Choice()
        choice.parts = content.compactMap(self.part)
        let reason = self.stopReason(body["stop_reason"]?.string)
        choice.stop = Stop(reason, sequence: body["stop_sequence"]?.string)
        var answer = ChatAnswer()
        answer.id = body["id"]?.string
        answer.model = body["model"]?.string
        answer.choices = [choice]
        for block in content where self.part(block) == nil {
            answer.losses.dropped("content.\(block["type"]?.string ?? "")", AnswerLoss.part)
        }
        answer.usage = body["usage"].map { usage in
            var read = AnswerUsage()
            read.add(anthropic: usage)
            return read
        }
        return answer
    }

    private static func part(_ block: JSON) -> Part? {
        switch block["type"]?.string {
        case "text": return block["text"]?.string.map(Part.text)
        case "tool_use":
            guard let id = block["id"]?.string, let name = block["name"]?.string else { return nil }
            return Part(.toolCall(ToolCall(id: id, name: name, arguments: (block["input"] ?? [:]).text)))
        case "thinking":
            let signature = block["signature"]?.string.map { Signature(origin: .anthropic, text: $0) }
            return Part(.thinking(Thinking(text: block["thinking"]?.string ?? "", signature: signature)))
        case "redacted_thinking":
            let data = Signature(origin: .anthropic, text: block["data"]?.string ?? "")
            return Part(.thinking(Thinking(text: "", redacted: data)))
        default: return nil
        }
    }

    static func stopReason(_ word: String?) -> StopReason {
        switch word {
        case "max_tokens": .maxTokens
        case "stop_sequence": .stopSequence
        case "tool_use": .toolUse
        case "pause_turn": .pauseTurn
        case "refusal": .refusal
        case "model_context_window_exceeded": .contextFull
        default: .endTurn
        }
    }

    // MARK: Writing

    static func encode(_ answer: ChatAnswer, _ context: AnswerContext) -> JSON {
        let choice = answer.choices.first ?? ChatAnswer.Choice()
        var blocks: [JSON] = []
        for part in choice.parts {
            if case .toolCall(let call) = part.content, let signature = call.signature {
                blocks.append(self.thinking("", signature))
            }
            if let block = self.block(part) { blocks.append(block) }
        }
        let reason = choice.toldReason
        return [
            "id": .string(answer.id ?? "msg_\(context.id)"), "type": "message", "role": "assistant",
            "model": .string(context.model), "content": .array(blocks), "stop_reason": .string(self.word(reason)),
            "stop_sequence": .optional(choice.stop.sequence), "usage": (answer.usage ?? AnswerUsage()).anthropic,
        ]
    }

    static func thinking(_ text: String, _ signature: Signature?) -> JSON {
        [
            "type": "thinking", "thinking": .string(text),
            "signature": .string(signature?.carried(to: .anthropic) ?? ""),
        ]
    }

    private static func block(_ part: Part) -> JSON? {
        switch part.content {
        case .text(let text), .refusal(let text): return ["type": "text", "text": .string(text)]
        case .toolCall(let call):
            return [
                "type": "tool_use", "id": .string(ToolCallID.legal(call.id)), "name": .string(call.name),
                "input": call.argumentsObject ?? ["arguments": .string(call.arguments)],
            ]
        case .thinking(let thinking):
            guard let data = thinking.redacted else { return self.thinking(thinking.text, thinking.signature) }
            return ["type": "redacted_thinking", "data": .string(data.carried(to: .anthropic))]
        case .image, .audio, .file, .toolResult: return nil
        }
    }

    static func word(_ reason: StopReason) -> String {
        switch reason {
        case .endTurn, .malformedToolCall: "end_turn"
        case .maxTokens: "max_tokens"
        case .stopSequence: "stop_sequence"
        case .toolUse: "tool_use"
        case .contentFilter, .refusal: "refusal"
        case .pauseTurn: "pause_turn"
        case .contextFull: "model_context_window_exceeded"
        }
    }
}

extension AnswerUsage {
    /// Takes over what an event says: its counts are cumulative. Cache reads and writes stand beside `input_tokens`
    /// (docs.anthropic.com, "Prompt caching").
    mutating func add(anthropic usage: JSON) {
        if let input = usage["input_tokens"]?.count { self.input = input }
        if let read = usage["cache_read_input_tokens"]?.count { self.cachedInput = read }
        if let write = usage["cache_creation_input_tokens"]?.count { self.cacheWrite = write }
        if let long = usage["cache_creation"]?["ephemeral_1h_input_tokens"]?.count {
            self.cacheWrite1h = min(long, self.cacheWrite)
        }
        if let output = usage["output_tokens"]?.count { self.output = output }
    }

    /// Anthropic's `usage`.
    var anthropic: JSON {
        [
            "input_tokens": .count(self.input &+ self.audioInput &+ self.imageInput),
            "cache_creation_input_tokens": .count(self.cacheWrite),
            "cache_read_input_tokens": .count(self.cachedInput), "output_tokens": .count(self.allOutput),
        ]
    }
}
