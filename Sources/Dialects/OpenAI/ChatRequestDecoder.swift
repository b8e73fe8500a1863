import JSONScan

/// Reads the body of OpenAI's `POST /chat/completions` (platform.openai.com/docs/api-reference/chat/create), with what
/// others have added and many clients send: `top_k`, `reasoning_content`, `cache_control` on parts.
struct ChatRequestDecoder {
    private var request = ChatRequest()
    private(set) var losses = LossLedger()

    static func decode(_ body: JSON, _ losses: inout LossLedger) throws(TranslationFailure) -> ChatRequest {
        var decoder = ChatRequestDecoder()
        decoder.losses = losses
        var top = try MemberReader(body, "")
        try decoder.read(&top)
        losses = decoder.losses
        return decoder.request
    }

    private mutating func read(_ top: inout MemberReader) throws(TranslationFailure) {
        self.request.model = try top.string("model") ?? ""
        for var message in try top.objects("messages") { try self.readMessage(&message) }
        guard !self.request.messages.isEmpty else {
            throw .invalid(field: "messages", reason: "must hold at least one message")
        }
        try self.readTools(&top)
        try self.readSampling(&top)
        try self.readFormat(&top)
        self.request.stream = try top.bool("stream") ?? false
        if var options = try top.object("stream_options") {
            self.request.includesUsage = try options.bool("include_usage") ?? false
            _ = options.take("include_obfuscation")
            options.finish(&self.losses)
        }
        let identifier = try top.string("safety_identifier")
        self.request.user = try top.string("user") ?? identifier
        self.request.metadata = top.take("metadata")
        self.request.serviceTier = try top.string("service_tier")
        if top.take("store")?.bool == true { self.losses.dropped("store", "the upstream keeps no answers") }
        if let modalities = top.take("modalities"), modalities != ["text"] {
            self.losses.dropped("modalities", "the upstream answers with text")
        }
        top.drop(
            ["logit_bias", "prediction", "web_search_options", "verbosity", "audio", "prompt_cache_key"],
            "no other dialect has it",
            &self.losses
        )
        top.finish(&self.losses)
    }

    // MARK: Settings

    private mutating func readSampling(_ top: inout MemberReader) throws(TranslationFailure) {
        let legacy = try top.int("max_tokens")
        self.request.sampling.maxTokens = try top.int("max_completion_tokens") ?? legacy
        self.request.sampling.temperature = try top.number("temperature")
        self.request.sampling.topP = try top.number("top_p")
        self.request.sampling.topK = try top.number("top_k")
        self.request.sampling.count = try top.int("n")
        self.request.sampling.seed = try top.number("seed")
        self.request.sampling.presencePenalty = try top.number("presence_penalty")
        self.request.sampling.frequencyPenalty = try top.number("frequency_penalty")
        self.request.sampling.logprobs = try top.bool("logprobs")
        self.request.sampling.topLogprobs = try top.int("top_logprobs")
        switch top.take("stop") {
        case nil: break
        case .string(let one): self.request.sampling.stop = [one]
        case .array(let many):
            for value in many {
                guard let text = value.string else { throw top.wrong("stop", "a string or an array of strings") }
                self.request.sampling.stop.append(text)
            }
        default: throw top.wrong("stop", "a string or an array of strings")
        }
        if let effort = try top.string("reasoning_effort") { self.request.reasoning = .init(openAI: effort) }
    }

    private mutating func readFormat(_ top: inout MemberReader) throws(TranslationFailure) {
        guard var format = try top.object("response_format") else { return }
        switch try format.required("type") {
        case "text": break
        case "json_object": self.request.responseFormat = .object
        case "json_schema":
            guard var schema = try format.object("json_schema") else { throw format.wrong("json_schema", "an object") }
            self.request.responseFormat = .schema(
                name: try schema.string("name"),
                description: try schema.string("description"),
                schema: schema.take("schema") ?? [:],
                strict: try schema.bool("strict")
            )
            schema.finish(&self.losses)
        default: throw format.wrong("type", "text, json_object or json_schema")
        }
        format.finish(&self.losses)
    }

    // MARK: Tools

    private mutating func readTools(_ top: inout MemberReader) throws(TranslationFailure) {
        for var tool in try top.objects("tools") {
            let type = try tool.string("type") ?? "function"
            guard type == "function", var function = try tool.object("function") else {
                self.losses.dropped(tool.path, "only functions can be translated, not `\(type)`")
                continue
            }
            var read = try self.tool(&function)
            read.cache = CacheMark(tool.take("cache_control"))
            self.request.tools.append(read)
            tool.finish(&self.losses)
        }
        for var function in try top.objects("functions") { self.request.tools.append(try self.tool(&function)) }
        self.request.allowsParallelCalls = try top.bool("parallel_tool_calls")
        if let choice = top.take("tool_choice") {
            self.request.toolChoice = try self.toolChoice(choice, top.field("tool_choice"))
        } else if let choice = top.take("function_call") {
            self.request.toolChoice =
                choice["name"]?.string.map(ToolChoice.tool) ?? (choice == "none" ? .forbidden : .auto)
        }
    }

    private mutating func tool(_ function: inout MemberReader) throws(TranslationFailure) -> Tool {
        let tool = Tool(
            name: try function.required("name"),
            description: try function.string("description"),
            parameters: function.take("parameters"),
            strict: try function.bool("strict")
        )
        function.finish(&self.losses)
        return tool
    }

    private mutating func toolChoice(_ choice: JSON, _ field: String) throws(TranslationFailure) -> ToolChoice? {
        switch choice {
        case "auto": return .auto
        case "none": return ToolChoice.forbidden
        case "required": return .required
        default: break
        }
        if let name = choice["function"]?["name"]?.string { return .tool(name) }
        guard let allowed = choice["allowed_tools"] else {
            throw .invalid(field: field, reason: "must be auto, none, required or a function")
        }
        self.losses.changed(field, "the list of allowed tools becomes all tools")
        return allowed["mode"] == "required" ? .required : .auto
    }

    // MARK: Messages

    private mutating func readMessage(_ message: inout MemberReader) throws(TranslationFailure) {
        let role = try message.required("role")
        let name = try message.string("name")
        var parts = try self.parts(&message)
        switch role {
        case "system": self.request.messages.append(Message(.system, parts, name: name))
        case "developer": self.request.messages.append(Message(.developer, parts, name: name))
        case "user": self.request.messages.append(Message(.user, parts, name: name))
        case "assistant":
            parts = try self.assistantParts(&message, text: parts)
            self.request.messages.append(Message(.assistant, parts, name: name))
        case "tool":
            let result = ToolResult(id: try message.required("tool_call_id"), name: name, parts: parts)
            self.request.messages.append(Message(.user, [Part(.toolResult(result))]))
        case "function":
            let result = ToolResult(id: name ?? "", name: name, parts: parts)
            self.request.messages.append(Message(.user, [Part(.toolResult(result))]))
        default: throw message.wrong("role", "system, developer, user, assistant or tool")
        }
        message.finish(&self.losses)
    }

    private mutating func parts(_ message: inout MemberReader) throws(TranslationFailure) -> [Part] {
        switch message.take("content") {
        case nil: return []
        case .string(let text): return text.isEmpty ? [] : [.text(text)]
        case .array(let values):
            var parts: [Part] = []
            for (index, value) in values.enumerated() {
                var reader = try MemberReader(value, "\(message.field("content"))[\(index)]")
                if let part = try self.part(&reader) { parts.append(part) }
            }
            return parts
        default: throw message.wrong("content", "a string or an array of parts")
        }
    }

    private mutating func part(_ reader: inout MemberReader) throws(TranslationFailure) -> Part? {
        let content: Part.Content
        switch try reader.required("type") {
        case "text": content = .text(try reader.required("text"))
        case "refusal": content = .refusal(try reader.required("refusal"))
        case "image_url":
            guard var image = try reader.object("image_url") else { throw reader.wrong("image_url", "an object") }
            content = .image(Media(url: try image.required("url"), detail: try image.string("detail")))
            image.finish(&self.losses)
        case "input_audio":
            guard var audio = try reader.object("input_audio") else { throw reader.wrong("input_audio", "an object") }
            let format = try audio.string("format") ?? "wav"
            content = .audio(Media(.data(try audio.required("data")), type: "audio/\(format)"))
            audio.finish(&self.losses)
        case "file":
            guard var file = try reader.object("file") else { throw reader.wrong("file", "an object") }
            content = .file(try self.file(&file))
            file.finish(&self.losses)
        case let type:
            self.losses.dropped(reader.path, "parts of type `\(type)` cannot be translated")
            return nil
        }
        let cache = CacheMark(reader.take("cache_control"))
        reader.finish(&self.losses)
        return Part(content, cache: cache)
    }

    private func file(_ file: inout MemberReader) throws(TranslationFailure) -> Media {
        let name = try file.string("filename")
        if let data = try file.string("file_data") {
            var media = Media(url: data.hasPrefix("data:") ? data : "data:application/pdf;base64,\(data)")
            media.name = name
            return media
        }
        return Media(.stored(try file.required("file_id")), name: name)
    }

    private mutating func assistantParts(
        _ message: inout MemberReader,
        text: [Part]
    ) throws(TranslationFailure) -> [Part] {
        var parts: [Part] = []
        let openRouter = try message.string("reasoning")
        let thoughts = try message.string("reasoning_content") ?? openRouter
        let signature = try message.string("reasoning_signature").map { Signature(carried: $0, home: .openai) }
        if let thoughts { parts.append(Part(.thinking(Thinking(text: thoughts, signature: signature)))) }
        parts += text
        if let refusal = try message.string("refusal") { parts.append(Part(.refusal(refusal))) }
        for var call in try message.objects("tool_calls") {
            guard let id = try call.string("id"), var function = try call.object("function") else {
                self.losses.dropped(call.path, "only calls of functions can be translated")
                continue
            }
            parts.append(Part(.toolCall(try self.call(&call, &function, id))))
        }
        if var function = try message.object("function_call") {
            let name = try function.required("name")
            let arguments = try function.string("arguments") ?? ""
            parts.append(Part(.toolCall(ToolCall(id: name, name: name, arguments: arguments))))
        }
        message.drop(["audio"], "spoken answers are kept by OpenAI alone", &self.losses)
        _ = message.take("annotations")
        return parts
    }

    private mutating func call(
        _ call: inout MemberReader,
        _ function: inout MemberReader,
        _ id: String
    ) throws(TranslationFailure) -> ToolCall {
        var read = ToolCall(
            id: id,
            name: try function.required("name"),
            arguments: try function.string("arguments") ?? ""
        )
        // Google's own place for it (ai.google.dev/gemini-api/docs/thought-signatures, "OpenAI compatibility").
        if let google = call.take("extra_content")?["google"]?["thought_signature"]?.string {
            // Marked when it came through a translation, unmarked from Google's own server of this dialect.
            let text = Signature(carried: google, home: .openai)
            read.signature = Signature(origin: .gemini, text: text.origin == .gemini ? text.text : google)
        }
        _ = call.take("type")
        _ = call.take("index")
        function.finish(&self.losses)
        call.finish(&self.losses)
        return read
    }
}

extension CacheMark {
    /// Anthropic's `cache_control`.
    init?(_ json: JSON?) {
        guard json?["type"]?.string == "ephemeral" else { return nil }
        self.init(ttl: json?["ttl"]?.string)
    }
}

extension Reasoning {
    /// OpenAI's `reasoning_effort`.
    init(openAI effort: String) {
        self.init()
        if effort == "none" { self.isOff = true } else { self.effort = effort }
    }
}
