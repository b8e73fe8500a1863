import JSONScan

/// Writes the body of `POST /chat/completions` for OpenAI, Azure and the many servers that speak their dialect
/// (platform.openai.com/docs/api-reference/chat/create).
enum ChatRequestEncoder {
    /// `request` has the upstream's model and says whether to stream.
    static func encode(_ request: ChatRequest, _ losses: inout LossLedger) throws(TranslationFailure) -> JSON {
        var body = MemberWriter()
        body.set("model", request.model)
        var messages: [JSON] = []
        for (index, message) in request.messages.enumerated() {
            messages += try self.messages(message, "messages[\(index)]", &losses)
        }
        body.set("messages", .array(messages))
        self.setSampling(request, &body, &losses)
        self.setTools(request, &body, &losses)
        body.set("response_format", request.responseFormat.map(self.format))
        self.setReasoning(request, &body, &losses)
        if request.stream {
            body.set("stream", true)
            // Always, because it is the only way to learn the usage; a client that did not ask is not shown it.
            body.set("stream_options", ["include_usage": true])
        }
        body.set("user", request.user)
        if let metadata = request.metadata, metadata != [:] {
            losses.dropped("metadata", "OpenAI takes it only for answers that it stores")
        }
        self.setTier(request.serviceTier, &body, &losses)
        return body.json
    }

    private static func setSampling(_ request: ChatRequest, _ body: inout MemberWriter, _ losses: inout LossLedger) {
        let sampling = request.sampling
        body.set(self.isReasoningModel(request.model) ? "max_completion_tokens" : "max_tokens", sampling.maxTokens)
        body.set("temperature", sampling.temperature)
        body.set("top_p", sampling.topP)
        losses.dropped("top_k", ifPresent: sampling.topK, "OpenAI has no such choice of tokens")
        if sampling.stop.count > 4 { losses.changed("stop", "OpenAI takes four sequences, the first four are kept") }
        if !sampling.stop.isEmpty { body.set("stop", .array(sampling.stop.prefix(4).map(JSON.string))) }
        body.set("seed", sampling.seed)
        body.set("presence_penalty", sampling.presencePenalty)
        body.set("frequency_penalty", sampling.frequencyPenalty)
        body.set("n", sampling.count)
        body.set("logprobs", sampling.logprobs)
        body.set("top_logprobs", sampling.topLogprobs)
    }

    /// OpenAI's reasoning models refuse `max_tokens`; most other servers know nothing else.
    static func isReasoningModel(_ model: String) -> Bool {
        let name = model.split(separator: "/").last.map(String.init) ?? model
        return ["o1", "o3", "o4", "gpt-5", "gpt-6"].contains { name.hasPrefix($0) }
    }

    private static func setReasoning(_ request: ChatRequest, _ body: inout MemberWriter, _ losses: inout LossLedger) {
        guard let reasoning = request.reasoning else { return }
        let name = request.model.split(separator: "/").last.map(String.init) ?? request.model
        // These refuse the member; to most others it is new and unknown at worst.
        let cannotThink = ["gpt-4", "gpt-3.5", "chatgpt"].contains { name.hasPrefix($0) }
        if reasoning.isOff {
            // Which models can be told so differs from version to version; those that do not think need not be told.
            if self.isReasoningModel(request.model) {
                losses.changed("thinking", "how much to think is left to the upstream")
            }
            return
        }
        if cannotThink {
            losses.dropped("reasoning", "this model does not think")
            return
        }
        if reasoning.showsThoughts == false {
            losses.changed("thinking.display", "whether thoughts are shown is left to the upstream")
        }
        guard let effort = reasoning.anyEffort else {
            losses.changed("thinking", "how much to think is left to the upstream")
            return
        }
        if reasoning.effort == nil { losses.changed("thinking", "a budget of tokens becomes the level `\(effort)`") }
        let known = effort == "max" ? "xhigh" : effort
        if known != effort { losses.changed("effort", "`\(effort)` becomes `\(known)`") }
        body.set("reasoning_effort", known)
    }

    private static func setTier(_ tier: String?, _ body: inout MemberWriter, _ losses: inout LossLedger) {
        switch tier {
        case "standard_only": body.set("service_tier", "default" as String)
        default: body.set("service_tier", tier)
        }
    }

    static func format(_ format: ResponseFormat) -> JSON {
        guard case .schema(let name, let description, let schema, let strict) = format else {
            return ["type": "json_object"]
        }
        var inner = MemberWriter()
        inner.set("name", name ?? "answer")
        inner.set("description", description)
        inner.set("schema", schema)
        inner.set("strict", strict)
        return ["type": "json_schema", "json_schema": inner.json]
    }

    // MARK: Tools

    private static func setTools(_ request: ChatRequest, _ body: inout MemberWriter, _ losses: inout LossLedger) {
        guard !request.tools.isEmpty else {
            losses.dropped("tool_choice", ifPresent: request.toolChoice, "there are no tools that it could choose from")
            return
        }
        let tools: [JSON] = request.tools.map { tool in
            if tool.cache != nil { losses.dropped("cache_control", "OpenAI decides itself what it caches") }
            var function = MemberWriter()
            function.set("name", tool.name)
            function.set("description", tool.description)
            function.set("parameters", tool.parameters)
            function.set("strict", tool.strict)
            return ["type": "function", "function": function.json]
        }
        body.set("tools", .array(tools))
        switch request.toolChoice {
        case nil: break
        case .auto: body.set("tool_choice", "auto" as String)
        case .forbidden: body.set("tool_choice", "none" as String)
        case .required: body.set("tool_choice", "required" as String)
        case .tool(let name): body.set("tool_choice", ["type": "function", "function": ["name": .string(name)]])
        }
        body.set("parallel_tool_calls", request.allowsParallelCalls)
    }

    // MARK: Messages

    /// One message, or several: results of tools are messages of their own here.
    private static func messages(
        _ message: Message,
        _ field: String,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> [JSON] {
        if message.parts.contains(where: { $0.cache != nil }) {
            losses.dropped("cache_control", "OpenAI decides itself what it caches")
        }
        switch message.role {
        case .system, .developer:
            // Every server of the dialect knows `system`; to OpenAI both words mean the same.
            return [
                self.plain("system", message.name, .string(message.parts.compactMap(\.text).joined(separator: "\n\n")))
            ]
        case .assistant: return self.assistant(message, field, &losses).map { [$0] } ?? []
        case .user: return try self.user(message, field, &losses)
        }
    }

    private static func plain(_ role: String, _ name: String?, _ content: JSON) -> JSON {
        var writer = MemberWriter()
        writer.set("role", role)
        writer.set("name", name)
        writer.set("content", content)
        return writer.json
    }

    private static func user(
        _ message: Message,
        _ field: String,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> [JSON] {
        var results: [JSON] = []
        var rest: [Part] = []
        for part in message.parts {
            guard case .toolResult(let result) = part.content else {
                rest.append(part)
                continue
            }
            if result.isError { losses.dropped("\(field).is_error", "a tool's message has no mark for errors here") }
            let others = result.parts.filter { $0.text == nil }
            if !others.isEmpty {
                losses.changed("\(field).tool_result", "what is no text follows in a user's message")
                rest += others
            }
            results.append(["role": "tool", "tool_call_id": .string(result.id), "content": .string(result.text)])
        }
        var content: [JSON] = []
        for part in rest { if let written = try self.part(part, field) { content.append(written) } }
        guard !content.isEmpty else { return results }
        return results + [self.plain("user", message.name, self.content(rest, content))]
    }

    /// A string where the content is one text, as the simplest servers want it.
    private static func content(_ parts: [Part], _ written: [JSON]) -> JSON {
        if written.count == 1, let text = written[0]["text"]?.string { return .string(text) }
        return .array(written)
    }

    private static func part(_ part: Part, _ field: String) throws(TranslationFailure) -> JSON? {
        switch part.content {
        case .text(let text): return ["type": "text", "text": .string(text)]
        case .image(let media):
            guard let url = media.url(defaultType: "image/png") else { break }
            var image = MemberWriter()
            image.set("url", url)
            image.set("detail", media.detail)
            return ["type": "image_url", "image_url": image.json]
        case .audio(let media):
            guard case .data(let data) = media.source else { break }
            return [
                "type": "input_audio",
                "input_audio": ["data": .string(data), "format": .string(media.subtype ?? "wav")],
            ]
        case .file(let media): return try self.file(media, field)
        case .refusal(let text): return ["type": "text", "text": .string(text)]
        case .thinking, .toolCall, .toolResult: return nil
        }
        throw .unsupported(field: field, reason: "media that another provider keeps cannot be sent to this upstream")
    }

    private static func file(_ media: Media, _ field: String) throws(TranslationFailure) -> JSON {
        var file = MemberWriter()
        switch media.source {
        case .text(let text): return ["type": "text", "text": .string(text)]
        case .stored, .url:
            throw .unsupported(
                field: field,
                reason: "this upstream takes documents with their data, not by address or id"
            )
        case .data:
            file.set("filename", media.name ?? "document.\(media.subtype ?? "pdf")")
            file.set("file_data", media.url(defaultType: "application/pdf"))
            return ["type": "file", "file": file.json]
        }
    }

    private static func assistant(_ message: Message, _ field: String, _ losses: inout LossLedger) -> JSON? {
        var texts: [String] = []
        var refusal: String?
        var calls: [JSON] = []
        for part in message.parts {
            switch part.content {
            case .text(let text): texts.append(text)
            case .refusal(let text): refusal = (refusal ?? "") + text
            case .toolCall(let call):
                losses.dropped(
                    "\(field).signature",
                    ifPresent: call.signature,
                    "a proof of thoughts is good only where it was made"
                )
                calls.append(self.call(call, isForClient: false))
            case .thinking: losses.dropped("\(field).thinking", "OpenAI takes no thoughts back")
            case .image, .audio, .file, .toolResult:
                losses.dropped(field, "an assistant's message holds text and calls here")
            }
        }
        guard !texts.isEmpty || refusal != nil || !calls.isEmpty else { return nil }
        var writer = MemberWriter()
        writer.set("role", "assistant" as String)
        writer.set("name", message.name)
        writer.set("content", texts.isEmpty ? JSON.null : .string(texts.joined()))
        writer.set("refusal", refusal)
        if !calls.isEmpty { writer.set("tool_calls", .array(calls)) }
        return writer.json
    }

    /// A client is given Google's proof where Google's own servers put it in this dialect, and brings it back; marked, because
    /// another server of the dialect may be asked next.
    static func call(_ call: ToolCall, isForClient: Bool) -> JSON {
        var writer = MemberWriter()
        writer.set("id", call.id)
        writer.set("type", "function" as String)
        writer.set(
            "function",
            ["name": .string(call.name), "arguments": .string(call.arguments.isEmpty ? "{}" : call.arguments)]
        )
        if isForClient, let signature = call.signature, signature.origin == .gemini {
            writer.set("extra_content", ["google": ["thought_signature": .string(signature.carried(to: .openai))]])
        }
        return writer.json
    }
}
