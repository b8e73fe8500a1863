import JSONScan

/// Writes the body of Amazon Bedrock's `POST /model/{id}/converse` and `/converse-stream`
/// (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
struct BedrockRequestWriter {
    private let request: ChatRequest
    private var losses: LossLedger
    private var body = MemberWriter()
    /// The names that documents have, each with the last number given to another of that name.
    private var documentNames: [String: Int] = [:]

    static func encode(
        _ request: ChatRequest,
        defaultMaxTokens: Int,
        _ losses: inout LossLedger
    ) throws(TranslationFailure) -> JSON {
        var writer = BedrockRequestWriter(request: request, losses: losses)
        try writer.write(defaultMaxTokens)
        losses = writer.losses
        return writer.body.json
    }

    /// Below the base URL. An ARN holds colons and slashes, which are encoded.
    static func path(_ model: String, stream: Bool) -> String {
        "/model/\(PathText.encoded(model, keeping: ""))/converse\(stream ? "-stream" : "")"
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
            let blocks = try self.blocks(message, "messages[\(index)]")
            guard !blocks.isEmpty else { continue }
            messages.append(["role": message.role == .assistant ? "assistant" : "user", "content": .array(blocks)])
        }
        self.body.set("messages", .array(messages))
        var system: [JSON] = []
        for part in self.request.hoistedSystem(&self.losses) {
            guard let text = part.text, !text.isEmpty else { continue }
            system.append(["text": .string(text)])
            if let cache = part.cache { system.append(self.cachePoint(cache)) }
        }
        if !system.isEmpty { self.body.set("system", .array(system)) }
        self.writeConfig(defaultMaxTokens)
        self.writeTools()
        self.writeFormat()
        if let members = self.request.metadata?.members, !members.isEmpty {
            let texts = members.filter { $0.value.string != nil }
            if texts.count != members.count { self.losses.dropped("metadata", "Bedrock keeps texts alone") }
            if !texts.isEmpty { self.body.set("requestMetadata", .object(texts)) }
        }
        self.losses.dropped("user", ifPresent: self.request.user, "Bedrock does not ask for it")
        switch self.request.serviceTier {
        case nil, "auto", "standard_only": break
        case "default", "priority", "flex":
            self.body.set("serviceTier", ["type": .optional(self.request.serviceTier)])
        case let tier: self.losses.dropped("service_tier", "Bedrock has no tier `\(tier ?? "")`")
        }
    }

    /// `5m` or `1h` (…/APIReference/API_runtime_CachePointBlock.html).
    private mutating func cachePoint(_ mark: CacheMark) -> JSON {
        let point: JSON = ["type": "default"]
        guard let ttl = mark.ttl else { return ["cachePoint": point] }
        guard ["5m", "1h"].contains(ttl) else {
            self.losses.changed("cache_control.ttl", "Bedrock keeps for `5m` or `1h`")
            return ["cachePoint": point]
        }
        return ["cachePoint": point.setting("ttl", .string(ttl))]
    }

    // MARK: Settings

    private var isClaude: Bool { self.request.model.contains("claude") }

    private mutating func writeConfig(_ defaultMaxTokens: Int) {
        let sampling = self.request.sampling
        let bounds = ThinkingBounds(self.request, defaultMaxTokens, &self.losses, isClaude: self.isClaude)
        var config = MemberWriter()
        var extra = MemberWriter()
        config.set("maxTokens", bounds.isGiven ? bounds.maxTokens : nil)
        let isFixed = AnthropicModel.choosesTokensItself(self.request.model)
        if isFixed {
            bounds.listSampling(sampling, &self.losses)
        } else if bounds.thinks {
            let isOne = sampling.temperature.map { $0.double == 1 } ?? true
            if !isOne { self.losses.dropped("temperature", "it cannot be chosen while the model thinks") }
            self.losses.dropped("top_k", ifPresent: sampling.topK, "it cannot be chosen while the model thinks")
        } else {
            config.set("temperature", self.temperature(sampling.temperature))
            if self.isClaude {
                extra.set("top_k", sampling.topK)
            } else {
                self.losses.dropped("top_k", ifPresent: sampling.topK, "Bedrock has it for Anthropic's models alone")
            }
        }
        if !isFixed { config.set("topP", sampling.topP) }
        let stop = sampling.stop.filter { !$0.allSatisfy(\.isWhitespace) }
        if stop.count != sampling.stop.count { self.losses.dropped("stop", "sequences of blanks alone are refused") }
        if !stop.isEmpty { config.set("stopSequences", .array(stop.map(JSON.string))) }
        if !config.isEmpty { self.body.set("inferenceConfig", config.json) }
        extra.set("thinking", bounds.thinking)
        if let effort = bounds.effort { extra.set("output_config", ["effort": .string(effort)]) }
        self.writeEffort(&extra)
        if !extra.isEmpty { self.body.set("additionalModelRequestFields", extra.json) }
        self.losses.dropped("seed", ifPresent: sampling.seed, "Bedrock has none")
        self.losses.dropped("presence_penalty", ifPresent: sampling.presencePenalty, "Bedrock has none")
        self.losses.dropped("frequency_penalty", ifPresent: sampling.frequencyPenalty, "Bedrock has none")
        if sampling.logprobs == true { self.losses.dropped("logprobs", "Bedrock tells none") }
    }

    /// OpenAI's open models on Bedrock take OpenAI's own word; of others it is not known how they are told.
    private mutating func writeEffort(_ extra: inout MemberWriter) {
        guard !self.isClaude, let reasoning = self.request.reasoning, !reasoning.isOff else { return }
        if self.request.model.contains("openai."), let effort = reasoning.anyEffort {
            extra.set("reasoning_effort", effort)
        } else {
            self.losses.dropped("reasoning", "it is not known how this model is told to think")
        }
    }

    private mutating func temperature(_ value: JSON?) -> JSON? {
        guard let value, let number = value.double, number > 1 else { return value }
        self.losses.changed("temperature", "Bedrock's highest is 1")
        return 1
    }

    /// Structured output (…/latest/userguide/structured-output.html): the schema is text here.
    private mutating func writeFormat() {
        switch self.request.responseFormat {
        case nil: break
        case .object: self.losses.dropped("response_format", "Bedrock wants a schema, not just any JSON object")
        case .schema(let name, let description, let schema, _):
            var inner = MemberWriter()
            inner.set("schema", schema.text)
            inner.set("name", name)
            inner.set("description", description)
            self.body.set(
                "outputConfig",
                ["textFormat": ["type": "json_schema", "structure": ["jsonSchema": inner.json]]]
            )
        }
    }

    // MARK: Tools

    private mutating func writeTools() {
        var tools: [JSON] = []
        for tool in self.request.tools {
            var spec = MemberWriter()
            spec.set("name", tool.name)
            spec.set("description", tool.description.flatMap { $0.isEmpty ? nil : $0 })
            let schema = tool.parameters ?? ["type": "object", "properties": [:]]
            spec.set("inputSchema", ["json": schema["type"] == nil ? schema.setting("type", "object") : schema])
            spec.set("strict", tool.strict == true ? true : nil)
            tools.append(["toolSpec": spec.json])
            if let cache = tool.cache { tools.append(self.cachePoint(cache)) }
        }
        if tools.isEmpty {
            // A conversation that holds calls is refused without the tools that were called.
            for name in Set(self.request.toolNames.values).sorted() {
                self.losses.changed("tools", "the tools that were called before are named, since Bedrock demands it")
                tools.append(["toolSpec": ["name": .string(name), "inputSchema": ["json": ["type": "object"]]]])
            }
        }
        guard !tools.isEmpty else { return }
        var config = MemberWriter()
        config.set("tools", .array(tools))
        switch self.request.toolChoice {
        case nil: break
        case .auto: config.set("toolChoice", ["auto": [:]])
        case .required: config.set("toolChoice", ["any": [:]])
        case .tool(let name): config.set("toolChoice", ["tool": ["name": .string(name)]])
        case .forbidden: self.losses.dropped("tool_choice", "Bedrock cannot forbid the use of tools")
        }
        self.body.set("toolConfig", config.json)
        if self.request.allowsParallelCalls == false {
            self.losses.dropped("parallel_tool_calls", "Bedrock cannot be held to one call at a time")
        }
    }

    // MARK: Messages

    private mutating func blocks(_ message: Message, _ field: String) throws(TranslationFailure) -> [JSON] {
        self.losses.dropped("\(field).name", ifPresent: message.name, "Bedrock does not name participants")
        var first: [JSON] = []
        var rest: [JSON] = []
        for part in message.parts {
            guard let block = try self.block(part, field) else { continue }
            let isResult = if case .toolResult = part.content { true } else { false }
            let written = [block] + (part.cache.map { [self.cachePoint($0)] } ?? [])
            if isResult { first += written } else { rest += written }
        }
        return first + rest
    }

    private mutating func block(_ part: Part, _ field: String) throws(TranslationFailure) -> JSON? {
        switch part.content {
        case .text(let text), .refusal(let text): return text.isEmpty ? nil : ["text": .string(text)]
        case .image(let media):
            self.losses.dropped("\(field).image.detail", ifPresent: media.detail, "Bedrock has no levels of detail")
            return ["image": try self.source(media, "png", Self.imageFormats, field)]
        case .file(let media):
            if case .text(let text) = media.source { return ["text": .string(text)] }
            let name = JSON.Member(name: "name", value: .string(self.documentName(media.name)))
            let source = try self.source(media, "pdf", Self.documentFormats, field)
            return ["document": .object([name] + (source.members ?? []))]
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
            let id = ToolCallID.legal(call.id)
            return ["toolUse": ["toolUseId": .string(id), "name": .string(call.name), "input": input]]
        case .toolResult(let result): return try self.result(result, field)
        case .thinking(let thinking): return self.thinking(thinking, field)
        }
    }

    private mutating func result(_ result: ToolResult, _ field: String) throws(TranslationFailure) -> JSON {
        var blocks: [JSON] = []
        for part in result.parts { if let block = try self.block(part, field) { blocks.append(block) } }
        if blocks.isEmpty { blocks = [["text": " "]] }
        var writer = MemberWriter()
        writer.set("toolUseId", ToolCallID.legal(result.id))
        writer.set("content", .array(blocks))
        writer.set("status", result.isError ? "error" : nil as String?)
        return ["toolResult": writer.json]
    }

    private mutating func thinking(_ thinking: Thinking, _ field: String) -> JSON? {
        if let data = thinking.redacted, data.origin == .anthropic {
            return ["reasoningContent": ["redactedContent": .string(data.text)]]
        }
        guard let signature = thinking.signature, signature.origin == .anthropic else {
            self.losses.dropped("\(field).thinking", "thoughts are taken back only with the model's own proof")
            return nil
        }
        let text: JSON = ["text": .string(thinking.text), "signature": .string(signature.text)]
        return ["reasoningContent": ["reasoningText": text]]
    }

    private func source(
        _ media: Media,
        _ format: String,
        _ allowed: [String],
        _ field: String
    ) throws(TranslationFailure) -> JSON {
        guard case .data(let data) = media.source else {
            throw .unsupported(field: field, reason: "this upstream takes media with their data, not by address or id")
        }
        let word = media.subtype ?? format
        let ending = media.name?.split(separator: ".").last.map { $0.lowercased() } ?? ""
        // A type that says nothing (`application/octet-stream`) leaves it to the name.
        guard let known = [word, ending].map({ Self.formats[$0] ?? $0 }).first(where: allowed.contains) else {
            let list = allowed.joined(separator: ", ")
            throw .unsupported(field: field, reason: "this upstream takes \(list), not `\(media.type ?? word)`")
        }
        return ["format": .string(known), "source": ["bytes": .string(data)]]
    }

    /// The formats of `ImageBlock` and `DocumentBlock` (…/APIReference/API_runtime_DocumentBlock.html).
    private static let imageFormats = ["png", "jpeg", "gif", "webp"]
    private static let documentFormats = ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"]

    /// What `DocumentBlock` and `ImageBlock` call some media types.
    private static let formats = [
        "jpg": "jpeg", "plain": "txt", "markdown": "md", "json": "txt", "msword": "doc", "vnd.ms-excel": "xls",
        "vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    ]

    /// The name without its ending, which the format says; a second one of a name gets a number that no other has.
    private mutating func documentName(_ given: String?) -> String {
        let words = (given ?? "document").split(separator: ".", omittingEmptySubsequences: false)
        let ending = words.count > 1 ? words.last.map { $0.lowercased() } : nil
        let isFormat = ending.map { Self.documentFormats.contains(Self.formats[$0] ?? $0) } ?? false
        let name = Self.plain((isFormat ? words.dropLast()[...] : words[...]).joined(separator: "."))
        guard let last = self.documentNames[name] else {
            self.documentNames[name] = 1
            return name
        }
        var (number, unique) = (last, name)
        while self.documentNames[unique] != nil {
            number += 1
            unique = "\(name) [\(number)]"
        }
        self.documentNames[name] = number
        self.documentNames[unique] = 1
        return unique
    }

    /// Letters, digits, single blanks, hyphens, parentheses and brackets (DocumentBlock, `name`).
    private static func plain(_ name: String) -> String {
        var written = ""
        for character in name {
            let isPlain = character.isASCII && (character.isLetter || character.isNumber || "-()[]".contains(character))
            if isPlain { written.append(character) } else if written.last != " " { written.append(" ") }
        }
        let trimmed = String(written.prefix(190))
        return trimmed.allSatisfy { $0 == " " } ? "document" : trimmed
    }
}
