import JSONScan

/// Reads the body of Google's `models/…:generateContent` and `:streamGenerateContent` (ai.google.dev/api/generate-content).
/// The model, and whether to stream, stand in the path.
struct GenerateRequestDecoder {
    private var request = ChatRequest()
    private var losses = LossLedger()
    /// Ids of calls that no result has answered yet, by function, where the client gives no ids.
    private var unanswered = OpenCalls()
    private var calls = 0

    static func decode(_ body: JSON, _ losses: inout LossLedger) throws(TranslationFailure) -> ChatRequest {
        var decoder = GenerateRequestDecoder()
        decoder.losses = losses
        var top = try MemberReader(body, "", snakeCase: true)
        try decoder.read(&top)
        losses = decoder.losses
        return decoder.request
    }

    private mutating func read(_ top: inout MemberReader) throws(TranslationFailure) {
        if top.take("cachedContent") != nil {
            throw .unsupported(field: "cachedContent", reason: "what Google keeps is not known to this upstream")
        }
        _ = top.take("model")
        if var system = try top.object("systemInstruction") {
            let parts = try self.parts(&system)
            _ = system.take("role")
            system.finish(&self.losses)
            if !parts.isEmpty { self.request.messages.append(Message(.system, parts)) }
        }
        for var content in try top.objects("contents") {
            let role: Role = try content.string("role") == "model" ? .assistant : .user
            self.request.messages.append(Message(role, try self.parts(&content)))
            content.finish(&self.losses)
        }
        guard self.request.messages.contains(where: { !$0.role.isSystem }) else {
            throw .invalid(field: "contents", reason: "must hold at least one content")
        }
        try self.readTools(&top)
        if var config = try top.object("generationConfig") { try self.readConfig(&config) }
        self.request.includesUsage = true
        self.request.metadata = top.take("labels")
        top.drop(["safetySettings"], "only Google filters by it", &self.losses)
        top.finish(&self.losses)
    }

    // MARK: Settings

    private mutating func readConfig(_ config: inout MemberReader) throws(TranslationFailure) {
        self.request.sampling.maxTokens = try config.int("maxOutputTokens")
        self.request.sampling.temperature = try config.number("temperature")
        self.request.sampling.topP = try config.number("topP")
        self.request.sampling.topK = try config.number("topK")
        self.request.sampling.seed = try config.number("seed")
        self.request.sampling.count = try config.int("candidateCount")
        self.request.sampling.presencePenalty = try config.number("presencePenalty")
        self.request.sampling.frequencyPenalty = try config.number("frequencyPenalty")
        self.request.sampling.logprobs = try config.bool("responseLogprobs")
        self.request.sampling.topLogprobs = try config.int("logprobs")
        for value in try config.array("stopSequences") ?? [] {
            guard let text = value.string else { throw config.wrong("stopSequences", "an array of strings") }
            self.request.sampling.stop.append(text)
        }
        let type = try config.string("responseMimeType")
        let openAPI = config.take("responseSchema").map(GeminiSchema.jsonSchema)
        if let schema = config.take("responseJsonSchema") ?? openAPI {
            self.request.responseFormat = .schema(name: nil, description: nil, schema: schema, strict: nil)
        } else if type == "application/json" {
            self.request.responseFormat = .object
        } else if let type, type != "text/plain" {
            self.losses.dropped(config.field("responseMimeType"), "the upstream answers with text or JSON")
        }
        if let modalities = config.take("responseModalities"), modalities != ["TEXT"] {
            self.losses.dropped(config.field("responseModalities"), "the upstream answers with text")
        }
        if var thinking = try config.object("thinkingConfig") { try self.readThinking(&thinking) }
        config.finish(&self.losses)
    }

    /// A budget of -1 leaves it to the model, 0 turns it off (ai.google.dev/gemini-api/docs/thinking).
    private mutating func readThinking(_ thinking: inout MemberReader) throws(TranslationFailure) {
        var reasoning = Reasoning()
        reasoning.showsThoughts = try thinking.bool("includeThoughts")
        reasoning.effort = try thinking.string("thinkingLevel")?.lowercased()
        if let budget = try thinking.int("thinkingBudget") {
            if budget == 0 { reasoning.isOff = true } else if budget > 0 { reasoning.budget = budget }
        }
        thinking.finish(&self.losses)
        self.request.reasoning = reasoning
    }

    // MARK: Tools

    private mutating func readTools(_ top: inout MemberReader) throws(TranslationFailure) {
        for var tool in try top.objects("tools") {
            for var function in try tool.objects("functionDeclarations") {
                let openAPI = function.take("parameters").map(GeminiSchema.jsonSchema)
                let read = Tool(
                    name: try function.required("name"),
                    description: try function.string("description"),
                    parameters: function.take("parametersJsonSchema") ?? openAPI
                )
                function.drop(["response", "responseJsonSchema", "behavior"], "no other dialect has it", &self.losses)
                function.finish(&self.losses)
                self.request.tools.append(read)
            }
            tool.finish(&self.losses)
        }
        guard var config = try top.object("toolConfig") else { return }
        if var calling = try config.object("functionCallingConfig") {
            let names = try calling.array("allowedFunctionNames") ?? []
            switch try calling.string("mode") {
            case "NONE": self.request.toolChoice = .forbidden
            case "ANY":
                self.request.toolChoice = names.count == 1 ? names[0].string.map(ToolChoice.tool) : .required
                if names.count > 1 {
                    self.losses.changed(
                        calling.field("allowedFunctionNames"),
                        "several allowed names become all of them"
                    )
                }
            case nil: break
            default: self.request.toolChoice = .auto
            }
            calling.finish(&self.losses)
        }
        config.finish(&self.losses)
    }

    // MARK: Contents

    private mutating func parts(_ content: inout MemberReader) throws(TranslationFailure) -> [Part] {
        var parts: [Part] = []
        for var part in try content.objects("parts") {
            if let read = try self.part(&part) { Self.append(Part(read), to: &parts) }
            part.finish(&self.losses)
        }
        return parts
    }

    /// A streamed thought comes back in the pieces that it was sent in, with its proof in the last one.
    private static func append(_ part: Part, to parts: inout [Part]) {
        guard case .thinking(let piece) = part.content, case .thinking(var thought) = parts.last?.content,
            thought.signature == nil, thought.redacted == nil, piece.redacted == nil
        else { return parts.append(part) }
        thought.text += piece.text
        thought.signature = piece.signature
        parts[parts.count - 1] = Part(.thinking(thought))
    }

    private mutating func part(_ part: inout MemberReader) throws(TranslationFailure) -> Part.Content? {
        let signature = try part.string("thoughtSignature").map { Signature(carried: $0, home: .gemini) }
        let isThought = try part.bool("thought") ?? false
        if let text = try part.string("text") {
            if isThought { return .thinking(Thinking(text: text, signature: signature)) }
            // What signs a text may be left out, unlike what signs a call (…/docs/thought-signatures).
            return text.isEmpty ? nil : .text(text)
        }
        if var data = try part.object("inlineData") {
            let type = try data.string("mimeType") ?? "image/png"
            let bytes = Base64.standard(try data.required("data"))
            let media = Media(.data(bytes), type: type, name: try data.string("displayName"))
            data.finish(&self.losses)
            return Self.content(media)
        }
        if var file = try part.object("fileData") {
            let uri = try file.required("fileUri")
            let isOwn = uri.hasPrefix("gs://") || uri.contains("generativelanguage.googleapis.com")
            let media = Media(isOwn ? .stored(uri) : .url(uri), type: try file.string("mimeType"))
            file.finish(&self.losses)
            return Self.content(media)
        }
        if var call = try part.object("functionCall") { return .toolCall(try self.call(&call, signature)) }
        if var response = try part.object("functionResponse") { return .toolResult(try self.result(&response)) }
        return nil
    }

    private static func content(_ media: Media) -> Part.Content {
        let type = media.type ?? "image/png"
        if type.hasPrefix("image/") { return .image(media) }
        return type.hasPrefix("audio/") ? .audio(media) : .file(media)
    }

    private mutating func call(
        _ call: inout MemberReader,
        _ signature: Signature?
    ) throws(TranslationFailure) -> ToolCall {
        let name = try call.required("name")
        let given = try call.string("id")
        let id = given ?? "call_\(self.calls)"
        self.calls += 1
        self.unanswered.add(id, name)
        let arguments = call.take("args") ?? [:]
        call.finish(&self.losses)
        let own = signature?.origin == .gemini ? signature : nil
        return ToolCall(id: id, name: name, arguments: arguments.text, signature: own)
    }

    /// Results without ids answer the calls of their function in order.
    private mutating func result(_ response: inout MemberReader) throws(TranslationFailure) -> ToolResult {
        let name = try response.required("name")
        let given = try response.string("id")
        let id = self.unanswered.take(given, name) ?? given ?? name
        let content = response.take("response") ?? [:]
        response.drop(["scheduling", "willContinue"], "no other dialect has it", &self.losses)
        response.finish(&self.losses)
        let isError = content.members?.count == 1 && content["error"] != nil
        let only = content.members?.count == 1 ? content["result"] ?? content["output"] ?? content["error"] : nil
        let value = only ?? content
        return ToolResult(id: id, name: name, parts: [.text(value.string ?? value.text)], isError: isError)
    }
}

/// Calls that have no result yet. All is found in constant time: a conversation may have very many.
private struct OpenCalls {
    private var ids: Set<String> = []
    /// In order; ids that are answered already are passed over.
    private var byName: [String: (ids: [String], next: Int)] = [:]

    mutating func add(_ id: String, _ name: String) {
        self.ids.insert(id)
        self.byName[name, default: ([], 0)].ids.append(id)
    }

    /// The call that a result answers: the one of its id, else the first of its function. It is not open any more.
    mutating func take(_ id: String?, _ name: String) -> String? {
        if let id {
            if self.ids.remove(id) == nil { _ = self.first(name) }
            return id
        }
        return self.first(name)
    }

    private mutating func first(_ name: String) -> String? {
        guard var calls = self.byName.removeValue(forKey: name) else { return nil }
        defer { self.byName[name] = calls }
        while calls.next < calls.ids.count {
            let id = calls.ids[calls.next]
            calls.next += 1
            if self.ids.remove(id) != nil { return id }
        }
        return nil
    }
}

/// Google's schemas are OpenAPI's: types in capitals, and `nullable` (ai.google.dev/api/caching, "Schema").
enum GeminiSchema {
    /// The same as a JSON schema.
    static func jsonSchema(_ schema: JSON) -> JSON {
        guard let members = schema.members else { return schema }
        var isNullable = false
        var written: [JSON.Member] = []
        for member in members {
            switch (member.name, member.value) {
            case ("type", .string(let type)): written.append(.init(name: "type", value: .string(type.lowercased())))
            case ("nullable", let value): isNullable = value == true
            case ("properties", .object(let properties)):
                let inner = properties.map { JSON.Member(name: $0.name, value: self.jsonSchema($0.value)) }
                written.append(.init(name: "properties", value: .object(inner)))
            case ("items", let value): written.append(.init(name: "items", value: self.jsonSchema(value)))
            case ("anyOf", .array(let values)):
                written.append(.init(name: "anyOf", value: .array(values.map(self.jsonSchema))))
            case ("propertyOrdering", _): break
            default: written.append(member)
            }
        }
        let json = JSON.object(written)
        guard isNullable, let type = json["type"] else { return json }
        return json.setting("type", [type, "null"])
    }
}
