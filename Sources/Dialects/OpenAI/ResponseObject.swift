import JSONScan

/// OpenAI's `response` object (platform.openai.com/docs/api-reference/responses/object).
///
/// A text is a `message` of one part, a call a `function_call`, thoughts a `reasoning` whose summary they are and whose
/// `encrypted_content` is their proof. A bound that was reached, or a filter, makes the status `incomplete`.
struct ResponseObject {
    let context: AnswerContext
    var id: String
    var created: Int

    init(_ context: AnswerContext, id: String?, created: Int?) {
        self.context = context
        self.id = id ?? "resp_\(context.id)"
        self.created = created ?? context.created
    }

    static func encode(_ answer: ChatAnswer, _ context: AnswerContext) -> JSON {
        let object = ResponseObject(context, id: answer.id, created: answer.created)
        let choice = answer.choices.first ?? ChatAnswer.Choice()
        var items: [JSON] = []
        for part in choice.parts {
            if case .toolCall(let call) = part.content, let signature = call.signature {
                items.append(object.reasoning("", signature, items.count))
            }
            if let item = object.item(part, items.count, choice.logprobs) { items.append(item) }
        }
        return object.json(choice.stop.reason, items, answer.usage ?? AnswerUsage())
    }

    /// The whole object. `reason` is nil while the answer is on its way.
    func json(_ reason: StopReason?, _ output: [JSON], _ usage: AnswerUsage?) -> JSON {
        let incomplete: String? =
            switch reason {
            case .maxTokens, .contextFull: "max_output_tokens"
            case .contentFilter, .refusal: "content_filter"
            default: nil
            }
        let status = reason == nil ? "in_progress" : incomplete == nil ? "completed" : "incomplete"
        return [
            "id": .string(self.id), "object": "response", "created_at": .int(self.created), "status": .string(status),
            "error": nil, "incomplete_details": incomplete.map { ["reason": .string($0)] } ?? .null,
            "instructions": nil, "max_output_tokens": nil, "model": .string(self.context.model),
            "output": .array(output), "parallel_tool_calls": true, "previous_response_id": nil,
            "reasoning": ["effort": nil, "summary": nil], "store": false, "temperature": nil,
            "text": ["format": ["type": "text"]], "tool_choice": "auto", "tools": [], "top_p": nil,
            "truncation": "disabled", "usage": usage.map(\.openAIResponses) ?? .null, "user": nil, "metadata": [:],
        ]
    }

    // MARK: Items

    func itemID(_ prefix: String, _ index: Int) -> String { "\(prefix)_\(self.context.id)_\(index)" }

    private func item(_ part: Part, _ index: Int, _ logprobs: [TokenLogprob]?) -> JSON? {
        switch part.content {
        case .text(let text): return self.message(Self.text(text, logprobs), index)
        case .refusal(let text): return self.message(["type": "refusal", "refusal": .string(text)], index)
        case .toolCall(let call):
            let arguments = call.arguments.isEmpty ? "{}" : call.arguments
            return self.call(call.id, call.name, arguments, "completed", index)
        case .thinking(let thinking):
            return self.reasoning(thinking.text, thinking.redacted ?? thinking.signature, index)
        case .image, .audio, .file, .toolResult: return nil
        }
    }

    static func text(_ text: String, _ logprobs: [TokenLogprob]?) -> JSON {
        [
            "type": "output_text", "text": .string(text), "annotations": [],
            "logprobs": logprobs.map(ChatAnswerCoder.encode) ?? [],
        ]
    }

    func message(_ part: JSON?, _ index: Int) -> JSON {
        [
            "id": .string(self.itemID("msg", index)), "type": "message",
            "status": part == nil ? "in_progress" : "completed", "role": "assistant",
            "content": part.map { [$0] } ?? [],
        ]
    }

    func call(_ id: String, _ name: String, _ arguments: String, _ status: String, _ index: Int) -> JSON {
        [
            "id": .string(self.itemID("fc", index)), "type": "function_call", "status": .string(status),
            "arguments": .string(arguments), "call_id": .string(id), "name": .string(name),
        ]
    }

    func reasoning(_ text: String, _ signature: Signature?, _ index: Int) -> JSON {
        let item: JSON = [
            "id": .string(self.itemID("rs", index)), "type": "reasoning",
            "summary": text.isEmpty ? [] : [["type": "summary_text", "text": .string(text)]],
        ]
        return signature.map { item.setting("encrypted_content", .string($0.carried(to: .openai))) } ?? item
    }
}
