package import GatewayModel
import JSONScan

/// The way from a client's endpoint to an upstream of another dialect, and back. Pure: no I/O, no clock, no chance.
package struct Translation: Sendable {
    package let client: WireFormat
    package let upstream: Dialect

    /// Nil where there is nothing to translate, or no words for it. A client of responses and an upstream of OpenAI's is a
    /// pair: many servers of that dialect know chat alone, and who calls knows which.
    package init?(client: WireFormat, upstream: Dialect) {
        let isClient: Bool =
            switch client {
            case .openAIChat: upstream != .openAI && upstream != .azureOpenAI
            case .anthropicMessages: upstream != .anthropic
            case .openAIResponses: true
            case .geminiGenerate, .geminiArray: upstream != .gemini
            case .openAIPlain, .geminiPlain: false
            }
        guard isClient, upstream != .simulator else { return nil }
        self.client = client
        self.upstream = upstream
    }

    /// What a request becomes.
    package struct Request: Sendable {
        package let body: [UInt8]
        /// Below the upstream's base URL, with its query.
        package let path: String
        package let isStream: Bool
        /// The client asked for the usage at the end of the stream.
        package let includesUsage: Bool
        /// What the upstream will not see as it was meant.
        package let losses: LossLedger
    }

    /// Translates a request for the upstream's `model`. `defaultMaxTokens` stands in where the client set no bound and the
    /// upstream demands one. `stream` is what the client's path says, in dialects whose body does not.
    package func request(
        _ body: [UInt8],
        model: String,
        defaultMaxTokens: Int,
        stream: Bool? = nil
    ) throws(TranslationFailure) -> Request {
        var losses = LossLedger()
        var request = try self.decode(body, &losses)
        request.model = model
        if let stream { request.stream = stream }
        let (json, path) = try Self.encode(request, self.upstream, defaultMaxTokens, &losses)
        return Request(
            body: json.bytes,
            path: path,
            isStream: request.stream,
            includesUsage: request.includesUsage,
            losses: losses
        )
    }

    func decode(_ body: [UInt8], _ losses: inout LossLedger) throws(TranslationFailure) -> ChatRequest {
        let json = try Self.json(body)
        switch self.client {
        case .anthropicMessages: return try MessagesRequestDecoder.decode(json, &losses)
        case .geminiGenerate, .geminiArray, .geminiPlain: return try GenerateRequestDecoder.decode(json, &losses)
        case .openAIResponses: return try ResponsesRequestDecoder.decode(json, &losses)
        case .openAIChat, .openAIPlain: return try ChatRequestDecoder.decode(json, &losses)
        }
    }

    private static func json(_ body: [UInt8]) throws(TranslationFailure) -> JSON {
        do { return try JSON(parsing: body) } catch {
            throw .invalid(field: "body", reason: "is not JSON: \(error.reason) at byte \(error.offset)")
        }
    }

    static func encode(
        _ request: ChatRequest,
        _ upstream: Dialect,
        _ defaultMaxTokens: Int,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> (JSON, path: String) {
        switch upstream {
        case .openAI, .azureOpenAI, .simulator: (try ChatRequestEncoder.encode(request, &losses), "/chat/completions")
        case .anthropic:
            (
                try MessagesRequestEncoder.encode(request, defaultMaxTokens: defaultMaxTokens, &losses), "/messages"
            )
        case .gemini:
            (
                try GenerateRequestEncoder.encode(request, &losses),
                GenerateRequestEncoder.path(request.model, stream: request.stream)
            )
        case .bedrock:
            (
                try BedrockRequestWriter.encode(request, defaultMaxTokens: defaultMaxTokens, &losses),
                BedrockRequestWriter.path(request.model, stream: request.stream)
            )
        }
    }

    // MARK: Answers

    /// A whole answer for the client.
    package struct Answer: Sendable {
        package let body: [UInt8]
        package let usage: TokenUsage
        /// What of the upstream's answer the client does not get.
        package var losses = LossLedger()
    }

    /// Translates a whole answer of the upstream's.
    package func answer(_ body: [UInt8], _ context: AnswerContext) throws(TranslationFailure) -> Answer {
        guard let json = try? JSON(parsing: body), json.members != nil else {
            throw .badAnswer(reason: "it is not a JSON object")
        }
        let answer = try self.decode(json, context)
        let usage = answer.usage?.tokens(.provider) ?? TokenUsage()
        return Answer(body: self.encode(answer, context).bytes, usage: usage, losses: answer.losses)
    }

    private func decode(_ json: JSON, _ context: AnswerContext) throws(TranslationFailure) -> ChatAnswer {
        switch self.upstream {
        case .openAI, .azureOpenAI, .simulator: return try ChatAnswerCoder.decode(json)
        case .anthropic: return try MessagesAnswerCoder.decode(json)
        case .gemini: return try GenerateAnswerCoder.decode(json, context)
        case .bedrock: return try BedrockAnswerReader.decode(json)
        }
    }

    private func encode(_ answer: ChatAnswer, _ context: AnswerContext) -> JSON {
        switch self.client {
        case .anthropicMessages: MessagesAnswerCoder.encode(answer, context)
        case .geminiGenerate, .geminiArray, .geminiPlain: GenerateAnswerCoder.encode(answer, context)
        case .openAIResponses: ResponseObject.encode(answer, context)
        case .openAIChat, .openAIPlain: ChatAnswerCoder.encode(answer, context)
        }
    }

    /// Translates the body of a refusal; the status stays the upstream's.
    package func error(status: Int, body: [UInt8], requestID: String) -> [UInt8] {
        let error = self.providerError(status, body)
        switch self.client {
        case .anthropicMessages: return error.anthropic(requestID: requestID).bytes
        case .geminiGenerate, .geminiArray, .geminiPlain: return error.gemini.bytes
        case .openAIChat, .openAIPlain, .openAIResponses: return error.openAI.bytes
        }
    }

    private func providerError(_ status: Int, _ body: [UInt8]) -> ProviderError {
        guard let json = try? JSON(parsing: body), json.members != nil else {
            return ProviderError(status: status, unreadable: body)
        }
        switch self.upstream {
        case .anthropic:
            if let error = json["error"] { return ProviderError(anthropic: error, status: status) }
        case .gemini:
            if let error = json["error"] { return ProviderError(gemini: error, status: status) }
        case .bedrock: return ProviderError(converse: json, exception: nil, status: status)
        case .openAI, .azureOpenAI, .simulator:
            // Some servers leave out the outer object, or call it `detail`.
            if let error = json["error"] ?? json["detail"] { return ProviderError(openAI: error, status: status) }
            if json["message"]?.string != nil { return ProviderError(openAI: json, status: status) }
        }
        return ProviderError(status: status, unreadable: body)
    }

    /// Translates a stream of the upstream's.
    package func stream(_ context: AnswerContext) -> StreamTranslator {
        StreamTranslator(self, context)
    }
}
