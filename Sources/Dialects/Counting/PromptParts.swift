import JSONScan

/// What of a call's body the model reads, in no provider's words: the texts and pictures of which its input consists. For
/// counting tokens before a call is made.
package struct PromptParts: Sendable, Equatable {
    package var messages: [Message] = []
    package var tools: [Tool] = []
    package var images: [Image] = []
    /// Recordings and documents, of whose tokens nothing is known before the provider has read them.
    package var opaqueParts = 0
    /// The model that the body names; empty when it names none.
    package var model = ""
    /// The body is a list of texts of their own (embeddings), without the frame of a conversation.
    package var isPlain = false

    /// One turn: every text of it, those of calls and results included.
    package struct Message: Sendable, Equatable {
        /// `system`, `developer`, `user` or `assistant`.
        package var role: String
        package var name: String?
        package var texts: [String]
    }

    /// A function that the model may call.
    package struct Tool: Sendable, Equatable {
        package var name: String
        package var description: String
        /// The JSON schema of its arguments; empty when it has none.
        package var schema: [UInt8]
    }

    /// A picture: its size in pixels where the body holds it, and how closely it is to be looked at.
    package struct Image: Sendable, Equatable {
        package var width: Int?
        package var height: Int?
        /// OpenAI's `detail`.
        package var detail: String?

        package init(width: Int?, height: Int?, detail: String?) {
            self.width = width
            self.height = height
            self.detail = detail
        }
    }

    /// Reads the body of a call in the dialect of its endpoint. Throws what is wrong with it.
    package init(reading body: [UInt8], as format: WireFormat) throws(TranslationFailure) {
        guard let json = try? JSON(parsing: body) else { throw .invalid(field: "body", reason: "is not JSON") }
        var losses = LossLedger()
        switch format {
        case .openAIChat: self.init(try ChatRequestDecoder.decode(json, &losses))
        case .openAIResponses: self.init(try ResponsesRequestDecoder.decode(json, &losses))
        case .anthropicMessages: self.init(try MessagesRequestDecoder.decode(json, &losses))
        case .geminiGenerate, .geminiArray, .geminiPlain: self.init(try GenerateRequestDecoder.decode(json, &losses))
        case .openAIPlain: try self.init(plain: json)
        }
    }

    /// Finds out by its members in which dialect a body is: `contents` is Google's, `messages` with a `system` beside them or
    /// blocks of Anthropic's kinds is Anthropic's, other `messages` are OpenAI's; `input` is that of responses, or, when it is
    /// text and nothing else of a response stands beside it, that of embeddings.
    package static func format(of body: [UInt8]) -> WireFormat? {
        guard let json = try? JSON(parsing: body), json.members != nil else { return nil }
        if json["contents"] != nil || json["generateContentRequest"] != nil { return .geminiGenerate }
        if json["messages"] != nil {
            let isAnthropic = json["system"] != nil || json["anthropic_version"] != nil || Self.hasAnthropicTools(json)
            return isAnthropic ? .anthropicMessages : .openAIChat
        }
        guard json["input"] != nil else { return json["prompt"] != nil ? .openAIPlain : nil }
        let embeds = json["encoding_format"] != nil || json["dimensions"] != nil
        return embeds ? .openAIPlain : .openAIResponses
    }

    private static func hasAnthropicTools(_ json: JSON) -> Bool {
        json["tools"]?.array?.contains { $0["input_schema"] != nil } ?? false
    }

    private init(plain json: JSON) throws(TranslationFailure) {
        guard let input = json["input"] ?? json["prompt"] else {
            throw .invalid(field: "input", reason: "is missing")
        }
        let texts = input.string.map { [$0] } ?? input.array?.compactMap(\.string) ?? []
        guard !texts.isEmpty else { throw .invalid(field: "input", reason: "must be a text or a list of texts") }
        self.messages = [Message(role: "user", name: nil, texts: texts)]
        self.model = json["model"]?.string ?? ""
        self.isPlain = true
    }

    private init(_ request: ChatRequest) {
        self.model = request.model
        for message in request.messages {
            var turn = Message(role: message.role.word, name: message.name, texts: [])
            self.read(message.parts, into: &turn)
            self.messages.append(turn)
        }
        for tool in request.tools {
            let schema = tool.parameters?.bytes ?? []
            self.tools.append(Tool(name: tool.name, description: tool.description ?? "", schema: schema))
        }
    }

    private mutating func read(_ parts: [Part], into turn: inout Message) {
        for part in parts {
            switch part.content {
            case .text(let text), .refusal(let text): turn.texts.append(text)
            case .thinking(let thinking): turn.texts.append(thinking.text)
            case .toolCall(let call): turn.texts += [call.name, call.arguments]
            case .toolResult(let result): self.read(result.parts, into: &turn)
            case .image(let media): self.images.append(Image(media))
            case .file(let media):
                if case .text(let text) = media.source { turn.texts.append(text) } else { self.opaqueParts += 1 }
            case .audio: self.opaqueParts += 1
            }
        }
    }
}

extension Role {
    fileprivate var word: String {
        switch self {
        case .system: "system"
        case .developer: "developer"
        case .user: "user"
        case .assistant: "assistant"
        }
    }
}

extension PromptParts.Image {
    fileprivate init(_ media: Media) {
        self.detail = media.detail
        guard case .data(let text) = media.source, let size = ImageSize(base64: text) else { return }
        (self.width, self.height) = (size.width, size.height)
    }
}
