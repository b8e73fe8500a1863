import JSONScan

/// Writes the body of Amazon Bedrock's `POST /model/{id}/converse` and `…/converse-stream`
/// (docs.aws.amazon.com/bedrock/latest/APIReference, "Converse"). The model stands in the path, not in the body.
struct ConverseRequestEncoder {
    private let request: ChatRequest
    private var losses: LossLedger
    private var body = MemberWriter()
    /// Documents need names that differ.
    private var documents = 0

    /// `defaultMaxTokens` stands in where a budget for thinking needs a bound and the client set none.
    static func encode(
        _ request: ChatRequest,
        defaultMaxTokens: Int,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> JSON {
        var encoder = ConverseRequestEncoder(request: request, losses: losses)
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
        var messages: [JSON] = []
        for (index, message) in self.request.turns.enumerated() {
            let content = try self.content(message, "messages[\(index)]")
            guard !content.isEmpty else { continue }
            let role: JSON = message.role == .assistant ? "assistant" : "user"
            messages.append(["role": role, "content": .array(content)])
        }
        self.body.set("messages", .array(messages))
        let system = self.system()
        if !system.isEmpty { self.body.set("system", .array(system)) }
        let fields = self.modelFields(defaultMaxTokens)
        self.writeInference(maxTokens: fields.maxTokens)
        self.writeTools()
        self.writeFormat()
        if !fields.additional.isEmpty { self.body.set("additionalModelRequestFields", fields.additional.json) }
        self.writeMetadata()
        self.writeTier()
    }

    private mutating func system() -> [JSON] {
        self.request.hoistedSystem(&self.losses).flatMap { part -> [JSON] in
            guard let text = part.text, !text.isEmpty else { return [] }
            return [["text": .string(text)]] + Self.cachePoint(part.cache)
        }
    }

    /// A point of its own here, behind what is to be kept.
    private static func cachePoint(_ mark: CacheMark?) -> [JSON] {
        guard let mark else { return [] }
        let point: JSON = ["type": "default"]
        return [["cachePoint": mark.ttl.map { point.setting("ttl", .string($0)) } ?? point]]
    }

    // MARK: Settings

    private mutating func writeInference(maxTokens: Int?) {
        let sampling = self.request.sampling
        var config = MemberWriter()
        config.set("maxTokens", maxTokens)
        config.set("temperature", self.temperature(sampling.temperature))
        config.set("topP", sampling.topP)
        let stop = sampling.stop.filter { !$0.allSatisfy(\.isWhitespace) }
        if stop.count != sampling.stop.count {
            self.losses.dropped("stop", "Bedrock refuses sequences of blanks alone")
        }
        if !stop.isEmpty { config.set("stopSequences", .array(stop.map(JSON.string))) }
        if !config.isEmpty { self.body.set("inferenceConfig", config.json) }
        self.losses.dropped("seed", ifPresent: sampling.seed, "Bedrock has none")
        self.losses.dropped("presence_penalty", ifPresent: sampling.presencePenalty, "Bedrock has none")
        self.losses.dropped("frequency_penalty", ifPresent: sampling.frequencyPenalty, "Bedrock has none")
        if sampling.logprobs == true { self.losses.dropped("logprobs", "Bedrock tells none") }
        self.losses.dropped("user", ifPresent: self.request.user, "Bedrock takes no end user")
    }

    /// From 0 to 1 here, to 2 elsewhere.
    private mutating func temperature(_ value: JSON?) -> JSON? {
        guard let value, let number = value.double, number > 1 else { return value }
        self.losses.changed("temperature", "Bedrock's highest is 1")
        return 1
    }

    /// What only some families of models know, in their own words.
    private mutating func modelFields(_ defaultMaxTokens: Int) -> (maxTokens: Int?, additional: MemberWriter) {
        var fields = MemberWriter()
        let given = self.request.sampling.maxTokens
        let isAnthropic = self.request.model.contains("anthropic") || self.request.model.contains("claude")
        guard isAnthropic else {
            self.losses.dropped(
                "top_k",
                ifPresent: self.request.sampling.topK,
                "this family of models takes none on Bedrock"
            )
            self.writeEffort(&fields)
            return (given, fields)
        }
        let (maxTokens, thinking) = AnthropicThinking.settings(self.request, defaultMaxTokens, &self.losses)
        let thinks = thinking != nil && thinking?["type"] != "disabled"
        if thinks {
            self.losses.dropped(
                "top_k",
                ifPresent: self.request.sampling.topK,
                "it cannot be chosen while the model thinks"
            )
        } else {
            fields.set("top_k", self.request.sampling.topK)
        }
        fields.set("thinking", thinking)
        return (thinking == nil ? given : maxTokens, fields)
    }

    private mutating func writeEffort(_ fields: inout MemberWriter) {
        guard let reasoning = self.request.reasoning, !reasoning.isOff else { return }
        let effort = reasoning.anyEffort ?? "medium"
        let level = ["low", "medium", "high"].contains(effort) ? effort : effort == "minimal" ? "low" : "high"
        if reasoning.effort != level { self.losses.changed("reasoning", "it becomes the level `\(level)`") }
        if self.request.model.contains("nova") {
            fields.set("reasoningConfig", ["type": "enabled", "maxReasoningEffort": .string(level)])
        } else if self.request.model.contains("openai") {
            fields.set("reasoning_effort", level)
        } else {
            self.losses.dropped("reasoning", "Bedrock has no common word for how much a model should think")
        }
    }

    private mutating func writeFormat() {
        switch self.request.responseFormat {
        case nil: break
        case .object: self.losses.dropped("response_format", "Bedrock wants a schema, not just any JSON object")
        case .schema(let name, let description, let schema, _):
            var inner = MemberWriter()
            inner.set("schema", schema.text)
            inner.set("name", name)
            inner.set("description", description)
            let format: JSON = ["type": "json_schema", "structure": ["jsonSchema": inner.json]]
            self.body.set("outputConfig", ["textFormat": format])
        }
    }

    /// Texts of at most 256 characters each.
    private mutating func writeMetadata() {
        guard let members = self.request.metadata?.members, !members.isEmpty else { return }
        let texts = members.filter { ($0.value.string?.count ?? 257) <= 256 }
        if texts.count < members.count {
            self.losses.dropped("metadata", "Bedrock takes texts of up to 256 characters")
        }
        if !texts.isEmpty { self.body.set("requestMetadata", .object(texts)) }
    }

    private mutating func writeTier() {
        switch self.request.serviceTier {
        case nil, "auto", "standard_only": break
        case "default", "flex", "priority": self.body.set("serviceTier", ["type": .optional(self.request.serviceTier)])
        case let tier: self.losses.dropped("service_tier", "Bedrock has no tier `\(tier ?? "")`")
        }
    }

    // MARK: Tools

    private mutating func writeTools() {
        let hasCalls = self.request.messages.contains { $0.parts.contains { $0.isOfTools } }
        guard !self.request.tools.isEmpty, self.request.toolChoice != .forbidden || hasCalls else {
            if self.request.tools.isEmpty {
                self.losses.dropped(
                    "tool_choice",
                    ifPresent: self.request.toolChoice,
                    "there are no tools to choose from"
                )
            }
            return
        }
        let tools = self.request.tools.flatMap { tool -> [JSON] in
            var spec = MemberWriter()
            spec.set("name", tool.name)
            spec.set("description", tool.description.flatMap { $0.isEmpty ? nil : $0 })
            spec.set("inputSchema", ["json": tool.parameters ?? ["type": "object", "properties": [:]]])
            spec.set("strict", tool.strict == true ? true : nil)
            return [["toolSpec": spec.json]] + Self.cachePoint(tool.cache)
        }
        var config = MemberWriter()
        config.set("tools", .array(tools))
        switch self.request.toolChoice {
        case nil: break
        case .auto: config.set("toolChoice", ["auto": [:]])
        case .required: config.set("toolChoice", ["any": [:]])
        case .tool(let name): config.set("toolChoice", ["tool": ["name": .string(name)]])
        case .forbidden: self.losses.changed("tool_choice", "calls cannot be forbidden while the conversation has some")
        }
        if self.request.allowsParallelCalls == false {
            self.losses.dropped("parallel_tool_calls", "Bedrock cannot be told to call one tool at a time")
        }
        self.body.set("toolConfig", config.json)
    }

    // MARK: Messages

    private mutating func content(_ message: Message, _ field: String) throws(TranslationFailure) -> [JSON] {
        self.losses.dropped("\(field).name", ifPresent: message.name, "Bedrock does not name participants")
        var results: [JSON] = []
        var rest: [JSON] = []
        for part in message.parts {
            guard let block = try self.block(part, field) else { continue }
            // Results must come before the words beside them.
            if case .toolResult = part.content {
                results += [block] + Self.cachePoint(part.cache)
            } else {
                rest += [block] + Self.cachePoint(part.cache)
            }
        }
        return results + rest
    }

    private mutating func block(_ part: Part, _ field: String) throws(TranslationFailure) -> JSON? {
        switch part.content {
        case .text(let text), .refusal(let text): return text.isEmpty ? nil : ["text": .string(text)]
        case .image(let media):
            self.losses.dropped("\(field).image.detail", ifPresent: media.detail, "Bedrock has no levels of detail")
            guard case .data(let data) = media.source else {
                throw .unsupported(
                    field: field,
                    reason: "this upstream takes images with their data, not by address or id"
                )
            }
            let format = media.subtype == "jpg" ? "jpeg" : media.subtype ?? "png"
            return ["image": ["format": .string(format), "source": ["bytes": .string(data)]]]
        case .file(let media): return try self.document(media, field)
        case .audio: throw .unsupported(field: field, reason: "this upstream does not listen to audio")
        case .toolCall(let call):
            if call.argumentsObject == nil {
                self.losses.changed(field, "arguments that are no JSON object are wrapped in one")
            }
            self.losses.dropped(
                "\(field).signature",
                ifPresent: call.signature,
                "a proof of thoughts is good only where it was made"
            )
            let input = call.argumentsObject ?? ["arguments": .string(call.arguments)]
            let id: JSON = .string(ToolCallID.legal(call.id))
            return ["toolUse": ["toolUseId": id, "name": .string(call.name), "input": input]]
        case .toolResult(let result): return try self.result(result, field)
        case .thinking(let thinking): return self.thinking(thinking, field)
        }
    }

    private mutating func result(_ result: ToolResult, _ field: String) throws(TranslationFailure) -> JSON {
        var content: [JSON] = []
        for part in result.parts { if let block = try self.block(part, field) { content.append(block) } }
        if content.isEmpty { content.append(["text": " "]) }
        let written: JSON = ["toolUseId": .string(ToolCallID.legal(result.id)), "content": .array(content)]
        return ["toolResult": result.isError ? written.setting("status", "error") : written]
    }

    /// Anthropic's proofs are good on Bedrock, where its models are served too.
    private mutating func thinking(_ thinking: Thinking, _ field: String) -> JSON? {
        if let data = thinking.redacted, data.origin == .anthropic {
            return ["reasoningContent": ["redactedContent": .string(data.text)]]
        }
        guard let signature = thinking.signature, signature.origin == .anthropic else {
            self.losses.dropped(
                "\(field).thinking",
                "thoughts are taken back only with the proof of the model that had them"
            )
            return nil
        }
        let text: JSON = ["text": .string(thinking.text), "signature": .string(signature.text)]
        return ["reasoningContent": ["reasoningText": text]]
    }

    private static let formats = [
        "pdf": "pdf", "csv": "csv", "msword": "doc", "html": "html", "plain": "txt", "markdown": "md",
        "vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "vnd.ms-excel": "xls",
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    ]

    private mutating func document(_ media: Media, _ field: String) throws(TranslationFailure) -> JSON {
        self.documents += 1
        let source: JSON
        switch media.source {
        case .data(let data): source = ["bytes": .string(data)]
        case .text(let text): source = ["text": .string(text)]
        case .url, .stored:
            throw .unsupported(
                field: field,
                reason: "this upstream takes documents with their data, not by address or id"
            )
        }
        let format = media.subtype.flatMap { Self.formats[$0] } ?? "txt"
        return ["document": ["format": .string(format), "name": .string(self.documentName(media)), "source": source]]
    }

    /// Letters, digits, single blanks, hyphens, parentheses and brackets are all that a name may have.
    private func documentName(_ media: Media) -> String {
        let fits = (media.name ?? "").map { character in
            character.isASCII && (character.isLetter || character.isNumber || "-()[]".contains(character))
                ? character : " "
        }
        let words = String(fits).split(separator: " ").joined(separator: " ")
        return words.isEmpty ? "document \(self.documents)" : words
    }
}

extension Part {
    /// A tool's call or result.
    fileprivate var isOfTools: Bool {
        switch self.content {
        case .toolCall, .toolResult: true
        default: false
        }
    }
}
