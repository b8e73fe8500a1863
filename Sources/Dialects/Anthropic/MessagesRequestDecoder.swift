import JSONScan

/// Reads the body of Anthropic's `POST /v1/messages` (docs.anthropic.com, "Messages").
struct MessagesRequestDecoder {
    private var request = ChatRequest()
    private var losses = LossLedger()

    static func decode(_ body: JSON, _ losses: inout LossLedger) throws(TranslationFailure) -> ChatRequest {
        var decoder = MessagesRequestDecoder()
        decoder.losses = losses
        var top = try MemberReader(body, "")
        try decoder.read(&top)
        losses = decoder.losses
        return decoder.request
    }

    private mutating func read(_ top: inout MemberReader) throws(TranslationFailure) {
        self.request.model = try top.string("model") ?? ""
        let system = try self.parts(&top, "system")
        if !system.isEmpty { self.request.messages.append(Message(.system, system)) }
        for var message in try top.objects("messages") { try self.readMessage(&message) }
        guard self.request.messages.contains(where: { !$0.role.isSystem }) else {
            throw .invalid(field: "messages", reason: "must hold at least one message")
        }
        try self.readTools(&top)
        try self.readSampling(&top)
        try self.readThinking(&top)
        self.request.stream = try top.bool("stream") ?? false
        self.request.includesUsage = true
        if var metadata = try top.object("metadata") {
            self.request.user = try metadata.string("user_id")
            metadata.finish(&self.losses)
        }
        self.request.serviceTier = try top.string("service_tier")
        top.drop(
            ["container", "mcp_servers", "context_management", "inference_geo", "speed"],
            "only Anthropic has it",
            &self.losses
        )
        top.finish(&self.losses)
    }

    // MARK: Settings

    private mutating func readSampling(_ top: inout MemberReader) throws(TranslationFailure) {
        self.request.sampling.maxTokens = try top.int("max_tokens")
        self.request.sampling.temperature = try top.number("temperature")
        self.request.sampling.topP = try top.number("top_p")
        self.request.sampling.topK = try top.number("top_k")
        for value in try top.array("stop_sequences") ?? [] {
            guard let text = value.string else { throw top.wrong("stop_sequences", "an array of strings") }
            self.request.sampling.stop.append(text)
        }
    }

    /// `thinking` ("Extended thinking", "Adaptive thinking") and `output_config` ("Effort", "Structured outputs").
    private mutating func readThinking(_ top: inout MemberReader) throws(TranslationFailure) {
        if var thinking = try top.object("thinking") {
            var reasoning = Reasoning()
            switch try thinking.required("type") {
            case "disabled": reasoning.isOff = true
            case "adaptive": break
            case "enabled": reasoning.budget = try thinking.int("budget_tokens")
            default: throw thinking.wrong("type", "enabled, adaptive or disabled")
            }
            reasoning.showsThoughts = try thinking.string("display").map { $0 != "omitted" } ?? !reasoning.isOff
            thinking.finish(&self.losses)
            self.request.reasoning = reasoning
        }
        if var config = try top.object("output_config") {
            if let effort = try config.string("effort") {
                var reasoning = self.request.reasoning ?? Reasoning()
                reasoning.effort = effort
                self.request.reasoning = reasoning
            }
            if var format = try config.object("format") { try self.readFormat(&format) }
            config.finish(&self.losses)
        }
        if top.take("output_format")?.members != nil {
            self.losses.dropped("output_format", "the form of the answer is `output_config.format`")
        }
    }

    private mutating func readFormat(_ format: inout MemberReader) throws(TranslationFailure) {
        guard try format.required("type") == "json_schema", let schema = format.take("schema") else {
            throw format.wrong("type", "json_schema, with `schema`")
        }
        self.request.responseFormat = .schema(name: nil, description: nil, schema: schema, strict: true)
        format.finish(&self.losses)
    }

    // MARK: Tools

    private mutating func readTools(_ top: inout MemberReader) throws(TranslationFailure) {
        for var tool in try top.objects("tools") {
            let type = try tool.string("type") ?? "custom"
            guard type == "custom" else {
                self.losses.dropped(tool.path, "only tools of the client's own can be translated, not `\(type)`")
                continue
            }
            let read = Tool(
                name: try tool.required("name"),
                description: try tool.string("description"),
                parameters: tool.take("input_schema"),
                strict: try tool.bool("strict"),
                cache: CacheMark(tool.take("cache_control"))
            )
            tool.finish(&self.losses)
            self.request.tools.append(read)
        }
        guard var choice = try top.object("tool_choice") else { return }
        switch try choice.required("type") {
        case "auto": self.request.toolChoice = .auto
        case "any": self.request.toolChoice = .required
        case "none": self.request.toolChoice = ToolChoice.forbidden
        case "tool": self.request.toolChoice = .tool(try choice.required("name"))
        default: throw choice.wrong("type", "auto, any, tool or none")
        }
        self.request.allowsParallelCalls = try choice.bool("disable_parallel_tool_use").map { !$0 }
        choice.finish(&self.losses)
    }

    // MARK: Messages

    private mutating func readMessage(_ message: inout MemberReader) throws(TranslationFailure) {
        let parts: [Part]
        let role: Role
        switch try message.required("role") {
        case "user": role = .user
        case "assistant": role = .assistant
        case "system": role = .system
        default: throw message.wrong("role", "user or assistant")
        }
        parts = try self.parts(&message, "content")
        message.finish(&self.losses)
        self.request.messages.append(Message(role, parts))
    }

    private mutating func parts(_ owner: inout MemberReader, _ name: String) throws(TranslationFailure) -> [Part] {
        switch owner.take(name) {
        case nil: return []
        case .string(let text): return text.isEmpty ? [] : [.text(text)]
        case .array(let values):
            var parts: [Part] = []
            for (index, value) in values.enumerated() {
                var block = try MemberReader(value, "\(owner.field(name))[\(index)]")
                guard let content = try self.content(&block) else { continue }
                let cache = CacheMark(block.take("cache_control"))
                block.finish(&self.losses)
                parts.append(Part(content, cache: cache))
            }
            return Self.joined(parts)
        default: throw owner.wrong(name, "a string or an array of blocks")
        }
    }

    /// Google's proof for a call came to the client as a thinking block without thoughts before it.
    private static func joined(_ parts: [Part]) -> [Part] {
        var joined: [Part] = []
        for var part in parts {
            if case .toolCall(var call) = part.content, case .thinking(let thinking) = joined.last?.content,
                thinking.text.isEmpty, let signature = thinking.signature, signature.origin == .gemini
            {
                joined.removeLast()
                call.signature = signature
                part.content = .toolCall(call)
            }
            joined.append(part)
        }
        return joined
    }

    private mutating func content(_ block: inout MemberReader) throws(TranslationFailure) -> Part.Content? {
        switch try block.required("type") {
        case "text": return .text(try block.required("text"))
        case "image": return .image(try self.media(&block, defaultType: "image/png"))
        case "document":
            var media = try self.media(&block, defaultType: "application/pdf")
            media.name = try block.string("title")
            if block.take("citations")?["enabled"] == true {
                self.losses.dropped(block.field("citations"), "no other dialect cites documents")
            }
            return .file(media)
        case "tool_use":
            let input = block.take("input") ?? [:]
            let id = ToolCallID.original(try block.required("id"))
            _ = block.take("caller")
            return .toolCall(ToolCall(id: id, name: try block.required("name"), arguments: input.text))
        case "tool_result":
            let id = ToolCallID.original(try block.required("tool_use_id"))
            let isError = try block.bool("is_error") ?? false
            return .toolResult(ToolResult(id: id, parts: try self.parts(&block, "content"), isError: isError))
        case "thinking":
            let signature = try block.string("signature").flatMap {
                $0.isEmpty ? nil : Signature(carried: $0, home: .anthropic)
            }
            return .thinking(Thinking(text: try block.required("thinking"), signature: signature))
        case "redacted_thinking":
            let data = Signature(carried: try block.required("data"), home: .anthropic)
            return .thinking(Thinking(text: "", redacted: data))
        case let type:
            self.losses.dropped(block.path, "blocks of type `\(type)` cannot be translated")
            return nil
        }
    }

    private mutating func media(
        _ block: inout MemberReader,
        defaultType: String
    ) throws(TranslationFailure) -> Media {
        guard var source = try block.object("source") else { throw block.wrong("source", "an object") }
        let media: Media
        switch try source.required("type") {
        case "base64":
            media = Media(.data(try source.required("data")), type: try source.string("media_type") ?? defaultType)
        case "url": media = Media(.url(try source.required("url")))
        case "file": media = Media(.stored(try source.required("file_id")))
        case "text": media = Media(.text(try source.required("data")), type: try source.string("media_type"))
        default:
            throw .unsupported(field: source.field("type"), reason: "documents made of blocks cannot be translated")
        }
        source.finish(&self.losses)
        return media
    }
}
