import JSONScan

/// Reads the answers of Amazon Bedrock's Converse (docs.aws.amazon.com/bedrock/latest/APIReference, "Converse").
enum ConverseAnswerDecoder {
    static func decode(_ body: JSON) throws(TranslationFailure) -> ChatAnswer {
        guard let content = body["output"]?["message"]?["content"]?.array else {
            throw .badAnswer(reason: "it has no `output.message.content`")
        }
        var choice = ChatAnswer.Choice()
        choice.parts = content.compactMap(self.part)
        choice.stop = self.stop(body)
        var answer = ChatAnswer()
        answer.choices = [choice]
        answer.usage = body["usage"].map { AnswerUsage(bedrock: $0) }
        answer.serviceTier = body["serviceTier"]?["type"]?.string
        return answer
    }

    private static func part(_ block: JSON) -> Part? {
        if let text = block["text"]?.string { return .text(text) }
        if let call = block["toolUse"], let name = call["name"]?.string {
            let arguments = call["input"].map { $0.text } ?? ""
            return Part(.toolCall(ToolCall(id: call["toolUseId"]?.string ?? "", name: name, arguments: arguments)))
        }
        guard let reasoning = block["reasoningContent"] else { return nil }
        if let data = reasoning["redactedContent"]?.string {
            return Part(.thinking(Thinking(text: "", redacted: Signature(origin: .anthropic, text: data))))
        }
        let text = reasoning["reasoningText"]
        let signature = text?["signature"]?.string.map { Signature(origin: .anthropic, text: $0) }
        return Part(.thinking(Thinking(text: text?["text"]?.string ?? "", signature: signature)))
    }

    /// `stopReason`, of an answer or of `messageStop`; the sequence stands in the fields of Anthropic's models.
    static func stop(_ body: JSON) -> Stop {
        let reason: StopReason =
            switch body["stopReason"]?.string {
            case "tool_use": .toolUse
            case "max_tokens": .maxTokens
            case "stop_sequence": .stopSequence
            case "guardrail_intervened", "content_filtered": .contentFilter
            case "malformed_tool_use", "malformed_model_output": .malformedToolCall
            case "model_context_window_exceeded": .contextFull
            default: .endTurn
            }
        return Stop(reason, sequence: body["additionalModelResponseFields"]?["stop_sequence"]?.string)
    }

    /// `{"message":…}` of an error, its type in `__type` or in a header (`ValidationException:http://…`).
    static func error(_ body: JSON, status: Int, type: String?) -> ProviderError {
        let written = type ?? body["__type"]?.string
        let code = written?.split(separator: ":").first.flatMap { $0.split(separator: "#").last }.map(String.init)
        let message = (body["message"] ?? body["Message"])?.string ?? "The upstream answered with status \(status)."
        return ProviderError(
            kind: code.flatMap(self.kind) ?? .init(status: status),
            status: status,
            message: message,
            code: code
        )
    }

    /// The kinds of exceptions ("Common errors", and the exceptions of ConverseStream), as they are written in either place.
    static func kind(_ exception: String) -> ProviderError.Kind? {
        switch exception.lowercased() {
        case "validationexception": .invalidRequest
        case "accessdeniedexception": .permission
        case "resourcenotfoundexception": .notFound
        case "throttlingexception", "servicequotaexceededexception": .rateLimit
        case "modelnotreadyexception", "serviceunavailableexception": .overloaded
        case "modeltimeoutexception": .timeout
        case "unrecognizedclientexception", "expiredtokenexception", "invalidsignatureexception": .authentication
        case "internalserverexception", "modelerrorexception", "modelstreamerrorexception": .server
        default: nil
        }
    }
}

extension AnswerUsage {
    /// Bedrock's `usage`: what was read from and written to the cache is not part of `inputTokens` ("TokenUsage").
    init(bedrock usage: JSON) {
        self.init()
        self.input = usage["inputTokens"]?.count ?? 0
        self.cachedInput = usage["cacheReadInputTokens"]?.count ?? 0
        self.cacheWrite = usage["cacheWriteInputTokens"]?.count ?? 0
        self.output = usage["outputTokens"]?.count ?? 0
    }
}
