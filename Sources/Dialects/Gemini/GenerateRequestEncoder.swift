import JSONScan

/// Writes the body of Google's `models/…:generateContent` (ai.google.dev/api/generate-content).
struct GenerateRequestEncoder {
    private let request: ChatRequest
    private var losses: LossLedger
    private var body = MemberWriter()
    private let names: [String: String]

    static func encode(_ request: ChatRequest, _ losses: inout LossLedger) throws(TranslationFailure) -> JSON {
        var encoder = GenerateRequestEncoder(request, losses)
        try encoder.write()
        losses = encoder.losses
        return encoder.body.json
    }

    /// Below the base URL, which ends in the API's version.
    static func path(_ model: String, stream: Bool) -> String {
        "/\(GeminiResource.path(model))"
            + (stream ? ":streamGenerateContent?alt=sse" : ":generateContent")
    }

    private init(_ request: ChatRequest, _ losses: LossLedger) {
        self.request = request
        self.losses = losses
        self.names = request.toolNames
    }

    private mutating func write() throws(TranslationFailure) {
        let system = self.request.hoistedSystem(&self.losses).compactMap { part in
            part.text.map { ["text": .string($0)] as JSON }
        }
        if !system.isEmpty { self.body.set("systemInstruction", ["parts": .array(system)]) }
        var contents: [JSON] = []
        for (index, message) in self.request.turns.enumerated() {
            let parts = try self.parts(message, "messages[\(index)]")
            guard !parts.isEmpty else { continue }
            contents.append(["role": message.role == .assistant ? "model" : "user", "parts": .array(parts)])
        }
        self.body.set("contents", .array(contents))
        self.writeTools()
        self.writeConfig()
        let isMarked = self.request.messages.contains { $0.parts.contains { $0.cache != nil } }
        if isMarked || self.request.tools.contains(where: { $0.cache != nil }) {
            self.losses.dropped("cache_control", "Google decides itself what it caches")
        }
        self.losses.dropped("user", ifPresent: self.request.user, "Google does not ask for it")
        self.losses.dropped("service_tier", ifPresent: self.request.serviceTier, "Google has no such choice")
        if let metadata = self.request.metadata, metadata != [:] {
            self.losses.dropped("metadata", "Google does not keep any")
        }
    }

    // MARK: Settings

    private mutating func writeConfig() {
        let sampling = self.request.sampling
        var config = MemberWriter()
        config.set("maxOutputTokens", sampling.maxTokens)
        config.set("temperature", sampling.temperature)
        config.set("topP", sampling.topP)
        config.set("topK", sampling.topK)
        if sampling.stop.count > 5 {
            self.losses.changed("stop", "Google takes five sequences, the first five are kept")
        }
        if !sampling.stop.isEmpty { config.set("stopSequences", .array(sampling.stop.prefix(5).map(JSON.string))) }
        config.set("seed", sampling.seed)
        config.set("presencePenalty", sampling.presencePenalty)
        config.set("frequencyPenalty", sampling.frequencyPenalty)
        config.set("candidateCount", sampling.count.flatMap { $0 == 1 ? nil : $0 })
        config.set("responseLogprobs", sampling.logprobs == true ? true : nil)
        config.set("logprobs", sampling.topLogprobs)
        switch self.request.responseFormat {
        case nil: break
        case .object: config.set("responseMimeType", "application/json" as String)
        case .schema(let name, let description, let schema, _):
            config.set("responseMimeType", "application/json" as String)
            config.set("responseJsonSchema", schema)
            if name != nil || description != nil {
                self.losses.changed("response_format.json_schema", "the schema goes without its name and description")
            }
        }
        config.set("thinkingConfig", self.thinking())
        if !config.isEmpty { self.body.set("generationConfig", config.json) }
    }

    /// Gemini 3 takes levels, earlier models budgets (ai.google.dev/gemini-api/docs/thinking).
    private mutating func thinking() -> JSON? {
        guard let reasoning = self.request.reasoning else { return nil }
        var config = MemberWriter()
        if self.request.model.contains("gemini-3") {
            if reasoning.isOff {
                self.losses.changed("reasoning", "this model always thinks: it is asked to think least")
                config.set("thinkingLevel", "low" as String)
            } else if let effort = reasoning.anyEffort {
                // The levels that all models of the generation know.
                let level = ["minimal", "low"].contains(effort) ? "low" : "high"
                if level != reasoning.effort { self.losses.changed("reasoning", "it becomes the level `\(level)`") }
                config.set("thinkingLevel", level)
            }
        } else if reasoning.isOff {
            config.set("thinkingBudget", 0)
        } else if let budget = reasoning.anyBudget {
            let bounded = min(budget, 24576)
            if bounded != reasoning.budget {
                self.losses.changed("reasoning", "it becomes a budget of \(bounded) tokens")
            }
            config.set("thinkingBudget", bounded)
        } else {
            config.set("thinkingBudget", -1)
        }
        // Other clients show what thoughts they get, and do not ask for them.
        config.set("includeThoughts", !reasoning.isOff && reasoning.showsThoughts ?? true ? true : nil)
        return config.isEmpty ? nil : config.json
    }

    // MARK: Tools

    private mutating func writeTools() {
        guard !self.request.tools.isEmpty else { return }
        let functions: [JSON] = self.request.tools.map { tool in
            var function = MemberWriter()
            function.set("name", tool.name)
            function.set("description", tool.description)
            function.set("parametersJsonSchema", tool.parameters)
            if tool.strict == true {
                self.losses.dropped("tools.strict", "Google does not promise it for one function")
            }
            return function.json
        }
        self.body.set("tools", [["functionDeclarations": .array(functions)]])
        if self.request.allowsParallelCalls == false {
            self.losses.dropped("parallel_tool_calls", "Google cannot be held to one call at a time")
        }
        let config: JSON
        switch self.request.toolChoice {
        case nil: return
        case .auto: config = ["mode": "AUTO"]
        case .forbidden: config = ["mode": "NONE"]
        case .required: config = ["mode": "ANY"]
        case .tool(let name): config = ["mode": "ANY", "allowedFunctionNames": [.string(name)]]
        }
        self.body.set("toolConfig", ["functionCallingConfig": config])
    }

    // MARK: Contents

    private mutating func parts(_ message: Message, _ field: String) throws(TranslationFailure) -> [JSON] {
        self.losses.dropped("\(field).name", ifPresent: message.name, "Google does not name participants")
        var written: [JSON] = []
        var isFirstCall = true
        for part in message.parts {
            switch part.content {
            case .text(let text), .refusal(let text): if !text.isEmpty { written.append(["text": .string(text)]) }
            case .image(let media):
                self.losses.dropped("\(field).image.detail", ifPresent: media.detail, "Google has no such levels")
                written.append(try self.media(media, "image/png", field))
            case .audio(let media): written.append(try self.media(media, "audio/wav", field))
            case .file(let media): written.append(try self.media(media, "application/pdf", field))
            case .toolCall(let call):
                written.append(self.call(call, isFirst: isFirstCall, field))
                isFirstCall = false
            case .toolResult(let result): written += try self.result(result, field)
            case .thinking(let thinking):
                guard let signature = thinking.signature, signature.origin == .gemini else {
                    self.losses.dropped("\(field).thinking", "thoughts are taken back only with Google's own proof")
                    continue
                }
                written.append([
                    "text": .string(thinking.text), "thought": true, "thoughtSignature": .string(signature.text),
                ])
            }
        }
        return written
    }

    private mutating func call(_ call: ToolCall, isFirst: Bool, _ field: String) -> JSON {
        if call.argumentsObject == nil {
            self.losses.changed(field, "arguments that are no JSON object are wrapped in one")
        }
        let arguments = call.argumentsObject ?? ["arguments": .string(call.arguments)]
        var part: JSON = ["functionCall": ["id": .string(call.id), "name": .string(call.name), "args": arguments]]
        if let signature = call.signature {
            part = part.setting("thoughtSignature", .string(signature.text))
        } else if isFirst, self.request.model.contains("gemini-3") {
            // Google's own word for calls that another model made; without it they are refused
            // (ai.google.dev/gemini-api/docs/thought-signatures, "FAQs").
            part = part.setting("thoughtSignature", "skip_thought_signature_validator")
        }
        return part
    }

    private func result(_ result: ToolResult, _ field: String) throws(TranslationFailure) -> [JSON] {
        let text = result.text
        let object = (try? JSON(parsing: Array(text.utf8))).flatMap { $0.members == nil ? nil : $0 }
        let response: JSON
        if result.isError {
            response = ["error": .string(text)]
        } else {
            response = object ?? ["result": .string(text)]
        }
        let name = result.name ?? self.names[result.id] ?? result.id
        var written: [JSON] = [
            ["functionResponse": ["id": .string(result.id), "name": .string(name), "response": response]]
        ]
        for part in result.parts {
            switch part.content {
            case .image(let media): written.append(try self.media(media, "image/png", field))
            case .file(let media): written.append(try self.media(media, "application/pdf", field))
            case .audio(let media): written.append(try self.media(media, "audio/wav", field))
            default: break
            }
        }
        return written
    }

    private func media(_ media: Media, _ type: String, _ field: String) throws(TranslationFailure) -> JSON {
        switch media.source {
        case .text(let text): return ["text": .string(text)]
        case .data(let data):
            return ["inlineData": ["mimeType": .string(media.type ?? type), "data": .string(data)]]
        case .url(let url):
            let type = media.type ?? PathText.mediaType(of: url) ?? type
            return ["fileData": ["mimeType": .string(type), "fileUri": .string(url)]]
        case .stored: throw .unsupported(field: field, reason: "a file that another provider keeps cannot be sent")
        }
    }
}

/// A model as Google's API names it.
package enum GeminiResource {
    /// A name that begins with its kind stays as it is; any other one is a base model's.
    static func name(_ model: String) -> String {
        let kinds = ["models/", "tunedModels/", "publishers/", "projects/"]
        return kinds.contains(where: model.hasPrefix) ? model : "models/\(model)"
    }

    /// The same for a path, without the slash before it. A slash within a base model's name is escaped.
    package static func path(_ model: String) -> String {
        let name = Self.name(model)
        if name == model { return PathText.encoded(name, keeping: "/") }
        return "models/\(PathText.encoded(model, keeping: ""))"
    }
}

/// Names in paths (RFC 3986).
enum PathText {
    /// `text` with everything percent-encoded but unreserved characters and those of `keeping`.
    static func encoded(_ text: String, keeping: String) -> String {
        var written: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                written.append(byte)
            case _ where keeping.utf8.contains(byte): written.append(byte)
            default: written += "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8
            }
        }
        return String(decoding: written, as: UTF8.self)
    }

    /// What the end of an address says of a picture or document.
    static func mediaType(of url: String) -> String? {
        let path = url.split(whereSeparator: { $0 == "?" || $0 == "#" }).first.map(String.init) ?? url
        switch path.split(separator: ".").last?.lowercased() {
        case "png": return "image/png"
        case "jpg", "jpeg": return "image/jpeg"
        case "gif": return "image/gif"
        case "webp": return "image/webp"
        case "pdf": return "application/pdf"
        default: return nil
        }
    }
}
