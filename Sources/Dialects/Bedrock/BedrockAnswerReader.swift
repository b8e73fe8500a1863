import JSONScan

/// Reads Bedrock's answer to `converse` (…/APIReference/API_runtime_Converse.html, "Response Elements").
///
/// | here | neutral |
/// |---|---|
/// | `end_turn`, `stop_sequence`, `max_tokens`, `tool_use` | the same |
/// | `guardrail_intervened`, `content_filtered` | filter |
/// | `malformed_tool_use`, `malformed_model_output` | malformed call |
/// | `model_context_window_exceeded` | context full |
enum BedrockAnswerReader {
    static func decode(_ body: JSON) throws(TranslationFailure) -> ChatAnswer {
        guard let content = body["output"]?["message"]?["content"]?.array else {
            throw .badAnswer(reason: "it has no `output.message`")
        }
        var choice = ChatAnswer.Choice()
        choice.parts = content.compactMap(self.part)
        choice.stop = Stop(self.stopReason(body["stopReason"]?.string))
        var answer = ChatAnswer()
        answer.choices = [choice]
        for block in content where self.part(block) == nil {
            answer.losses.dropped("content.\(block.members?.first?.name ?? "")", AnswerLoss.part)
        }
        answer.usage = body["usage"].map(AnswerUsage.init(converse:))
        return answer
    }

    private static func part(_ block: JSON) -> Part? {
        if let text = block["text"]?.string { return .text(text) }
        if let call = block["toolUse"], let id = call["toolUseId"]?.string, let name = call["name"]?.string {
            return Part(.toolCall(ToolCall(id: id, name: name, arguments: (call["input"] ?? [:]).text)))
        }
        guard let reasoning = block["reasoningContent"] else { return nil }
        if let data = reasoning["redactedContent"]?.string {
            return Part(.thinking(Thinking(text: "", redacted: Signature(origin: .anthropic, text: data))))
        }
        let signature = reasoning["reasoningText"]?["signature"]?.string
        return Part(
            .thinking(
                Thinking(
                    text: reasoning["reasoningText"]?["text"]?.string ?? "",
                    signature: signature.map { Signature(origin: .anthropic, text: $0) }
                )
            )
        )
    }

    static func stopReason(_ word: String?) -> StopReason {
        switch word {
        case "max_tokens": .maxTokens
        case "stop_sequence": .stopSequence
        case "tool_use": .toolUse
        case "guardrail_intervened", "content_filtered": .contentFilter
        case "malformed_tool_use", "malformed_model_output": .malformedToolCall
        case "model_context_window_exceeded": .contextFull
        default: .endTurn
        }
    }
}

extension AnswerUsage {
    /// Bedrock's `usage`: cache reads and writes stand beside `inputTokens`, and `cacheDetails` divides the writes by how
    /// long they are kept (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html).
    init(converse usage: JSON) {
        self.input = usage["inputTokens"]?.count ?? 0
        self.cachedInput = (usage["cacheReadInputTokens"] ?? usage["cacheReadInputTokenCount"])?.count ?? 0
        self.cacheWrite = (usage["cacheWriteInputTokens"] ?? usage["cacheWriteInputTokenCount"])?.count ?? 0
        let details = (usage["cacheDetails"]?.array ?? []).filter { $0["ttl"]?.string == "1h" }
        self.cacheWrite1h = min(details.reduce(0) { $0 &+ ($1["inputTokens"]?.count ?? 0) }, self.cacheWrite)
        self.output = usage["outputTokens"]?.count ?? 0
    }
}

extension ProviderError {
    /// Bedrock's `{"message": …}`; what kind it is stands in the status, or in the exception's name within a stream
    /// (…/APIReference/API_runtime_ConverseStream.html, "Errors").
    init(converse body: JSON, exception: String?, status: Int?) {
        let kind: Kind =
            switch exception {
            case "throttlingException": .rateLimit
            case "validationException": .invalidRequest
            case "serviceUnavailableException": .overloaded
            case "modelTimeoutException": .timeout
            default: Kind(status: status ?? 500)
            }
        let message = (body["message"] ?? body["Message"])?.string
        self.init(
            kind: kind,
            status: status,
            message: message ?? "The upstream reported an error without words.",
            code: exception ?? body["__type"]?.string
        )
    }
}
