import JSONScan

/// Reads the body of OpenAI's `POST /responses` (platform.openai.com/docs/api-reference/responses/create). What refers to
/// state that OpenAI keeps is refused: without it the answer would be to another question.
struct ResponsesRequestDecoder {
    private var request = ChatRequest()
    private var losses = LossLedger()

    static func decode(_ body: JSON, _ losses: inout LossLedger) throws(TranslationFailure) -> ChatRequest {
        var decoder = ResponsesRequestDecoder()
        decoder.losses = losses
        var top = try MemberReader(body, "")
        try decoder.read(&top)
        losses = decoder.losses
        return decoder.request
    }

    private mutating func read(_ top: inout MemberReader) throws(TranslationFailure) {
        for name in ["previous_response_id", "conversation", "prompt"] where top.take(name) != nil {
            throw .unsupported(
                field: name,
                reason: "what OpenAI keeps is not known to this upstream: send the whole input"
            )
        }
        if top.take("background")?.bool == true {
            throw .unsupported(field: "background", reason: "this upstream answers while the client waits")
        }
        self.request.model = try top.string("model") ?? ""
        if let text = try top.string("instructions"), !text.isEmpty {
            self.request.messages.append(Message(.developer, [.text(text)]))
        }
        try self.readInput(&top)
        try self.readTools(&top)
        try self.readSettings(&top)
        self.request.stream = try top.bool("stream") ?? false
        self.request.includesUsage = true
        let identifier = try top.string("safety_identifier")
        self.request.user = try top.string("user") ?? identifier
        self.request.metadata = top.take("metadata")
        self.request.serviceTier = try top.string("service_tier")
        for name in ["store", "stream_options"] { _ = top.take(name) }
        if let truncation = try top.string("truncation"), truncation != "disabled" {
            self.losses.dropped("truncation", "the upstream refuses what is too long")
        }
        top.drop(["max_tool_calls", "prompt_cache_key", "prompt_cache_retention"], "only OpenAI has it", &self.losses)
        top.finish(&self.losses)
    }

    // MARK: Settings

    private mutating func readSettings(_ top: inout MemberReader) throws(TranslationFailure) {
        self.request.sampling.maxTokens = try top.int("max_output_tokens")
        self.request.sampling.temperature = try top.number("temperature")
        self.request.sampling.topP = try top.number("top_p")
        self.request.sampling.topLogprobs = try top.int("top_logprobs")
        for value in try top.array("include") ?? [] {
            switch value.string {
            case "message.output_text.logprobs": self.request.sampling.logprobs = true
            case "reasoning.encrypted_content": break
            default: self.losses.dropped("include", "only OpenAI's own tools have `\(value.string ?? "")`")
            }
        }
        if self.request.sampling.topLogprobs != nil { self.request.sampling.logprobs = true }
        if var reasoning = try top.object("reasoning") {
            var read = try reasoning.string("effort").map(Reasoning.init(openAI:)) ?? Reasoning()
            let older = try reasoning.string("generate_summary")
            read.showsThoughts = try reasoning.string("summary") ?? older == nil ? nil : true
            reasoning.finish(&self.losses)
            if read != Reasoning() { self.request.reasoning = read }
        }
        guard var text = try top.object("text") else { return }
        if var format = try text.object("format") { try self.readFormat(&format) }
        text.drop(["verbosity"], "no other dialect has it", &self.losses)
        text.finish(&self.losses)
    }

    private mutating func readFormat(_ format: inout MemberReader) throws(TranslationFailure) {
        switch try format.required("type") {
        case "text": break
        case "json_object": self.request.responseFormat = .object
        case "json_schema":
            self.request.responseFormat = .schema(
                name: try format.string("name"),
                description: try format.string("description"),
                schema: format.take("schema") ?? [:],
                strict: try format.bool("strict")
            )
        default: throw format.wrong("type", "text, json_object or json_schema")
        }
        format.finish(&self.losses)
    }

    private mutating func readTools(_ top: inout MemberReader) throws(TranslationFailure) {
        for var tool in try top.objects("tools") {
            let type = try tool.required("type")
            guard type == "function" else {
                self.losses.dropped(tool.path, "only functions can be translated, not `\(type)`")
                continue
            }
            let read = Tool(
                name: try tool.required("name"),
                description: try tool.string("description"),
                parameters: tool.take("parameters"),
                strict: try tool.bool("strict")
            )
            tool.finish(&self.losses)
            self.request.tools.append(read)
        }
        self.request.allowsParallelCalls = try top.bool("parallel_tool_calls")
        switch top.take("tool_choice") {
        case nil: break
        case "auto": self.request.toolChoice = .auto
        case "none": self.request.toolChoice = .forbidden
        case "required": self.request.toolChoice = .required
        case let choice?:
            if let name = choice["name"]?.string, choice["type"] == "function" {
                self.request.toolChoice = .tool(name)
            } else {
                self.losses.dropped("tool_choice", "only functions can be chosen")
            }
        }
    }

    // MARK: Input

    private mutating func readInput(_ top: inout MemberReader) throws(TranslationFailure) {
        switch top.take("input") {
        case .string(let text): self.append(.user, [.text(text)])
        case .array(let items):
            for (index, item) in items.enumerated() {
                var reader = try MemberReader(item, "input[\(index)]")
                try self.read(item: &reader)
            }
        default: throw top.wrong("input", "a string or an array of items")
        }
        guard self.request.messages.contains(where: { !$0.role.isSystem }) else {
            throw .invalid(field: "input", reason: "must hold at least one message")
        }
    }

    /// What the assistant did in one turn are several items here, and one message elsewhere.
    private mutating func append(_ role: Role, _ parts: [Part]) {
        if role == .assistant, let last = self.request.messages.last, last.role == .assistant {
            self.request.messages[self.request.messages.count - 1].parts += parts
        } else {
            self.request.messages.append(Message(role, parts))
        }
    }

    private mutating func read(item: inout MemberReader) throws(TranslationFailure) {
        let type = try item.string("type") ?? "message"
        _ = item.take("id")
        _ = item.take("status")
        switch type {
        case "message": try self.read(message: &item)
        case "function_call":
            let call = ToolCall(
                id: try item.required("call_id"),
                name: try item.required("name"),
                arguments: try item.string("arguments") ?? ""
            )
            self.append(.assistant, [Part(.toolCall(self.signed(call)))])
        case "function_call_output":
            let id = try item.required("call_id")
            self.append(.user, [Part(.toolResult(ToolResult(id: id, parts: try self.parts(&item, "output"))))])
        case "reasoning":
            let summary = try item.array("summary") ?? []
            let content = try item.array("content") ?? []
            let texts = (content.isEmpty ? summary : content).compactMap { $0["text"]?.string }
            let proof = try item.string("encrypted_content").map { Signature(carried: $0, home: .openai) }
            let text = texts.joined(separator: "\n\n")
            // Anthropic's proofs without thoughts are of those that only Anthropic can read.
            let isRedacted = text.isEmpty && proof?.origin == .anthropic
            let thinking = Thinking(text: text, signature: isRedacted ? nil : proof, redacted: isRedacted ? proof : nil)
            self.append(.assistant, [Part(.thinking(thinking))])
        case "item_reference":
            throw .unsupported(field: item.path, reason: "what OpenAI keeps is not known to this upstream")
        default:
            self.losses.dropped(item.path, "items of type `\(type)` cannot be translated")
            return
        }
        item.finish(&self.losses)
    }

    /// Google's proof for a call came to the client as a reasoning item without thoughts before it.
    private mutating func signed(_ call: ToolCall) -> ToolCall {
        guard let last = self.request.messages.last, last.role == .assistant,
            case .thinking(let thinking) = last.parts.last?.content, thinking.text.isEmpty,
            let signature = thinking.signature, signature.origin == .gemini
        else { return call }
        self.request.messages[self.request.messages.count - 1].parts.removeLast()
        var call = call
        call.signature = signature
        return call
    }

    private mutating func read(message: inout MemberReader) throws(TranslationFailure) {
        let role: Role
        switch try message.required("role") {
        case "system": role = .system
        case "developer": role = .developer
        case "user": role = .user
        case "assistant": role = .assistant
        default: throw message.wrong("role", "system, developer, user or assistant")
        }
        _ = message.take("phase")
        self.append(role, try self.parts(&message, "content"))
    }

    private mutating func parts(_ owner: inout MemberReader, _ name: String) throws(TranslationFailure) -> [Part] {
        switch owner.take(name) {
        case nil: return []
        case .string(let text): return text.isEmpty ? [] : [.text(text)]
        case .array(let values):
            var parts: [Part] = []
            for (index, value) in values.enumerated() {
                var reader = try MemberReader(value, "\(owner.field(name))[\(index)]")
                if let part = try self.part(&reader) { parts.append(part) }
            }
            return parts
        default: throw owner.wrong(name, "a string or an array of parts")
        }
    }

    private mutating func part(_ reader: inout MemberReader) throws(TranslationFailure) -> Part? {
        let content: Part.Content
        switch try reader.required("type") {
        case "input_text", "output_text", "text": content = .text(try reader.required("text"))
        case "refusal": content = .refusal(try reader.required("refusal"))
        case "input_image":
            let detail = try reader.string("detail")
            if let url = try reader.string("image_url") {
                content = .image(Media(url: url, detail: detail == "auto" ? nil : detail))
            } else {
                content = .image(Media(.stored(try reader.required("file_id"))))
            }
        case "input_file":
            let name = try reader.string("filename")
            let url = try reader.string("file_url")
            if let data = try reader.string("file_data") {
                var media = Media(url: data.hasPrefix("data:") ? data : "data:application/pdf;base64,\(data)")
                media.name = name
                content = .file(media)
            } else if let url {
                var media = Media(url: url)
                media.type = media.type ?? PathText.mediaType(of: url)
                media.name = name
                content = .file(media)
            } else {
                content = .file(Media(.stored(try reader.required("file_id")), name: name))
            }
        case "input_audio":
            guard var audio = try reader.object("input_audio") else { throw reader.wrong("input_audio", "an object") }
            let format = try audio.string("format") ?? "wav"
            content = .audio(Media(.data(try audio.required("data")), type: "audio/\(format)"))
        case let type:
            self.losses.dropped(reader.path, "parts of type `\(type)` cannot be translated")
            return nil
        }
        for name in ["annotations", "logprobs"] { _ = reader.take(name) }
        reader.finish(&self.losses)
        return Part(content)
    }
}
