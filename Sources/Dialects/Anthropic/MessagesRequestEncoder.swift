import JSONScan

/// Writes the body of Anthropic's `POST /v1/messages` (docs.anthropic.com, "Messages").
struct MessagesRequestEncoder {
    private let request: ChatRequest
    private var losses: LossLedger
    private var body = MemberWriter()

    /// `defaultMaxTokens` stands in where the client set no bound: this dialect demands one.
    static func encode(
        _ request: ChatRequest,
        defaultMaxTokens: Int,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> JSON {
        var encoder = MessagesRequestEncoder(request: request, losses: losses)
        try encoder.write(defaultMaxTokens)
        losses = encoder.losses
        return encoder.body.json
    }

    private init(request: ChatRequest, losses: LossLedger) {
        self.request = request
        self.losses = losses
    }

    private mutating func write(_ defaultMaxTokens: Int) throws(TranslationFailure) {
        if let count = self.request.sampling.count, count > 1 {
            throw .unsupported(field: "n", reason: "this upstream gives one answer at a time")
        }
        self.body.set("model", self.request.model)
        let system = self.request.hoistedSystem(&self.losses).compactMap { part in
            part.text.flatMap { $0.isEmpty ? nil : self.text($0, part.cache) }
        }
        let bounds = ThinkingBounds(self.request, defaultMaxTokens, &self.losses)
        self.body.set("max_tokens", bounds.maxTokens)
        if !system.isEmpty { self.body.set("system", self.shortened(system)) }
        var messages: [JSON] = []
        let turns = self.request.turns
        for (index, message) in turns.enumerated() {
            let isPrefill = index == turns.count - 1 && message.role == .assistant
            if let written = try self.message(message, "messages[\(index)]", isPrefill: isPrefill) {
                messages.append(written)
            }
        }
        self.body.set("messages", .array(messages))
        if AnthropicModel.choosesTokensItself(self.request.model) {
            bounds.listSampling(self.request.sampling, &self.losses)
        } else {
            self.writeSampling(thinks: bounds.thinks)
        }
        self.writeStop()
        self.writeTools(thinks: bounds.thinks)
        self.body.set("thinking", bounds.thinking)
        self.writeOutputConfig(bounds.effort)
        if self.request.stream { self.body.set("stream", true) }
        self.body.set("metadata", self.request.user.map { ["user_id": .string($0)] })
        if let metadata = self.request.metadata, metadata != [:] {
            self.losses.dropped("metadata", "Anthropic takes only the user's id")
        }
        self.writeTier()
    }

    private func text(_ text: String, _ cache: CacheMark?) -> JSON {
        self.marked(["type": "text", "text": .string(text)], cache)
    }

    private func marked(_ block: JSON, _ cache: CacheMark?) -> JSON {
        guard let cache else { return block }
        let mark: JSON = ["type": "ephemeral"]
        return block.setting("cache_control", cache.ttl.map { mark.setting("ttl", .string($0)) } ?? mark)
    }

    /// A string where one plain text is all.
    private func shortened(_ blocks: [JSON]) -> JSON {
        if blocks.count == 1, blocks[0].members?.count == 2, let text = blocks[0]["text"] { return text }
        return .array(blocks)
    }

    // MARK: Settings

    private mutating func writeSampling(thinks: Bool) {
        let sampling = self.request.sampling
        if thinks {
            let isOne = sampling.temperature.map { $0.double == 1 } ?? true
            if !isOne { self.losses.dropped("temperature", "it cannot be chosen while the model thinks") }
            self.losses.dropped("top_k", ifPresent: sampling.topK, "it cannot be chosen while the model thinks")
        } else {
            self.body.set("temperature", self.temperature(sampling.temperature))
            self.body.set("top_k", sampling.topK)
        }
        if sampling.temperature != nil, sampling.topP != nil {
            self.losses.dropped("top_p", "Anthropic's newer models take it or `temperature`, not both")
        } else {
            self.body.set("top_p", sampling.topP)
        }
    }

    private mutating func writeStop() {
        let sampling = self.request.sampling
        let stop = sampling.stop.filter { !$0.allSatisfy(\.isWhitespace) }
        if stop.count != sampling.stop.count {
            self.losses.dropped("stop", "Anthropic refuses sequences of blanks alone")
        }
        if !stop.isEmpty { self.body.set("stop_sequences", .array(stop.map(JSON.string))) }
        self.losses.dropped("seed", ifPresent: sampling.seed, "Anthropic has none")
        self.losses.dropped("presence_penalty", ifPresent: sampling.presencePenalty, "Anthropic has none")
        self.losses.dropped("frequency_penalty", ifPresent: sampling.frequencyPenalty, "Anthropic has none")
        if sampling.logprobs == true { self.losses.dropped("logprobs", "Anthropic tells none") }
    }

    /// From 0 to 1 here, to 2 elsewhere.
    private mutating func temperature(_ value: JSON?) -> JSON? {
        guard let value, let number = value.double, number > 1 else { return value }
        self.losses.changed("temperature", "Anthropic's highest is 1")
        return 1
    }

    private mutating func writeOutputConfig(_ effort: String?) {
        var config = MemberWriter()
        config.set("effort", effort)
        switch self.request.responseFormat {
        case nil: break
        case .object: self.losses.dropped("response_format", "Anthropic wants a schema, not just any JSON object")
        case .schema(let name, let description, let schema, _):
            config.set("format", ["type": "json_schema", "schema": schema])
            if name != nil || description != nil {
                self.losses.changed("response_format.json_schema", "the schema goes without its name and description")
            }
        }
        if !config.isEmpty { self.body.set("output_config", config.json) }
    }

    private mutating func writeTier() {
        switch self.request.serviceTier {
        case nil: break
        case "auto", "standard_only": self.body.set("service_tier", self.request.serviceTier)
        case "default": self.body.set("service_tier", "standard_only" as String)
        case let tier: self.losses.dropped("service_tier", "Anthropic has no tier `\(tier ?? "")`")
        }
    }

    // MARK: Tools

    private mutating func writeTools(thinks: Bool) {
        let tools: [JSON] = self.request.tools.map { tool in
            var writer = MemberWriter()
            writer.set("name", tool.name)
            writer.set("description", tool.description)
            let schema = tool.parameters ?? ["type": "object", "properties": [:]]
            writer.set("input_schema", schema["type"] == nil ? schema.setting("type", "object") : schema)
            writer.set("strict", tool.strict == true ? true : nil)
            return self.marked(writer.json, tool.cache)
        }
        if !tools.isEmpty { self.body.set("tools", .array(tools)) }
        var choice = MemberWriter()
        switch self.request.toolChoice {
        case nil, .auto: choice.set("type", "auto" as String)
        case .forbidden: choice.set("type", "none" as String)
        case .required, .tool:
            if thinks {
                self.losses.changed("tool_choice", "no call can be forced while the model thinks")
                choice.set("type", "auto" as String)
            } else if case .tool(let name) = self.request.toolChoice {
                choice.set("type", "tool" as String)
                choice.set("name", name)
            } else {
                choice.set("type", "any" as String)
            }
        }
        let isSerial = self.request.allowsParallelCalls == false
        guard !tools.isEmpty, self.request.toolChoice != nil || isSerial else { return }
        if isSerial, self.request.toolChoice != ToolChoice.forbidden { choice.set("disable_parallel_tool_use", true) }
        self.body.set("tool_choice", choice.json)
    }

    // MARK: Messages

    private mutating func message(
        _ message: Message,
        _ field: String,
        isPrefill: Bool
    ) throws(TranslationFailure) -> JSON? {
        self.losses.dropped("\(field).name", ifPresent: message.name, "Anthropic does not name participants")
        var first: [JSON] = []
        var rest: [JSON] = []
        for part in message.parts {
            guard let block = try self.block(part, field) else { continue }
            // Results must come before the words beside them.
            if case .toolResult = part.content { first.append(block) } else { rest.append(block) }
        }
        if isPrefill, let last = rest.last, let text = last["text"]?.string, text.last?.isWhitespace == true {
            let trimmed = String(text.reversed().drop(while: \.isWhitespace).reversed())
            self.losses.changed(field, "blanks at the end of a begun answer are refused")
            rest.removeLast()
            if !trimmed.isEmpty { rest.append(last.setting("text", .string(trimmed))) }
        }
        let blocks = first + rest
        guard !blocks.isEmpty else { return nil }
        return ["role": message.role == .assistant ? "assistant" : "user", "content": self.shortened(blocks)]
    }

    private mutating func block(_ part: Part, _ field: String) throws(TranslationFailure) -> JSON? {
        switch part.content {
        case .text(let text), .refusal(let text): return text.isEmpty ? nil : self.text(text, part.cache)
        case .image(let media):
            self.losses.dropped("\(field).image.detail", ifPresent: media.detail, "Anthropic has no levels of detail")
            return self.marked(["type": "image", "source": try self.source(media, field)], part.cache)
        case .file(let media):
            let block: JSON = ["type": "document", "source": try self.source(media, field)]
            return self.marked(media.name.map { block.setting("title", .string($0)) } ?? block, part.cache)
        case .audio: throw .unsupported(field: field, reason: "this upstream does not listen to audio")
        case .toolCall(let call):
            if call.argumentsObject == nil {
                self.losses.changed(field, "arguments that are no JSON object are wrapped in one")
            }
            let input = call.argumentsObject ?? ["arguments": .string(call.arguments)]
            self.losses.dropped(
                "\(field).signature",
                ifPresent: call.signature,
                "a proof of thoughts is good only where it was made"
            )
            return self.marked(
                [
                    "type": "tool_use", "id": .string(ToolCallID.legal(call.id)), "name": .string(call.name),
                    "input": input,
                ],
                part.cache
            )
        case .toolResult(let result): return self.marked(try self.result(result, field), part.cache)
        case .thinking(let thinking): return self.thinking(thinking, field)
        }
    }

    private mutating func result(_ result: ToolResult, _ field: String) throws(TranslationFailure) -> JSON {
        var blocks: [JSON] = []
        for part in result.parts { if let block = try self.block(part, field) { blocks.append(block) } }
        var writer = MemberWriter()
        writer.set("type", "tool_result" as String)
        writer.set("tool_use_id", ToolCallID.legal(result.id))
        writer.set("content", blocks.isEmpty ? nil : self.shortened(blocks))
        writer.set("is_error", result.isError ? true : nil)
        return writer.json
    }

    private mutating func thinking(_ thinking: Thinking, _ field: String) -> JSON? {
        if let data = thinking.redacted, data.origin == .anthropic {
            return ["type": "redacted_thinking", "data": .string(data.text)]
        }
        guard let signature = thinking.signature, signature.origin == .anthropic else {
            self.losses.dropped("\(field).thinking", "thoughts are taken back only with Anthropic's own proof")
            return nil
        }
        return ["type": "thinking", "thinking": .string(thinking.text), "signature": .string(signature.text)]
    }

    private func source(_ media: Media, _ field: String) throws(TranslationFailure) -> JSON {
        switch media.source {
        case .url(let url): return ["type": "url", "url": .string(url)]
        case .text(let text): return ["type": "text", "media_type": "text/plain", "data": .string(text)]
        case .stored: throw .unsupported(field: field, reason: "a file that another provider keeps cannot be sent")
        case .data(let data):
            if let type = media.type, type.hasPrefix("text/") || type == "application/json" {
                guard let bytes = Base64.decode(data), let text = String(validating: bytes, as: UTF8.self) else {
                    throw .invalid(field: field, reason: "must hold UTF-8 text in base64")
                }
                return ["type": "text", "media_type": "text/plain", "data": .string(text)]
            }
            return ["type": "base64", "media_type": .string(media.type ?? "image/png"), "data": .string(data)]
        }
    }
}
