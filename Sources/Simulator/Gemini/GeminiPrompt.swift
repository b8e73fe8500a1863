import JSONScan

/// What the body of a Gemini request asks for, and whether its conversation is one that the provider accepts.
struct GeminiPrompt: Sendable {
    let prompt: Prompt
    let tools: ToolChoice
    /// Whether thoughts are shown and not only counted.
    let showsThoughts: Bool
    let candidateCount: Int

    /// `json` is a `GenerateContentRequest` as `GeminiReader` returns it.
    init(_ json: JSON, model: String) throws(APIError) {
        let contents = json["contents"]?.array ?? []
        try Self.check(contents, model: model)
        let config = json["generationConfig"] ?? [:]
        let thinking = config["thinkingConfig"]
        var prompt = Prompt()
        let system = Self.tokens(in: json["systemInstruction"] ?? .null)
        prompt.tokens = max(1, system + contents.reduce(0) { $0 + Self.tokens(in: $1) })
        prompt.outputLimit = config["maxOutputTokens"]?.int
        if let limit = prompt.outputLimit, limit < 1 {
            throw .gemini("max_output_tokens must be positive.")
        }
        prompt.stop = ChatPrompt.strings(config["stopSequences"])
        prompt.fixedText = try Self.fixedText(config, seed: Text.seed(json["contents"]?.text ?? ""))
        self.showsThoughts = thinking?["includeThoughts"]?.bool ?? false
        let budget = thinking?["thinkingBudget"]?.int
        prompt.thinks = budget != 0 && (thinking != nil || Self.needsSignatures(model))
        self.prompt = prompt
        self.tools = try Self.tools(json, contents)
        self.candidateCount = config["candidateCount"]?.int ?? 1
        guard (1...8).contains(self.candidateCount) else {
            throw .gemini("* GenerateContentRequest.generation_config.candidate_count: must be in [1, 8]\n")
        }
    }

    /// The tokens of a content; what is no text, call or result counts as 100.
    static func tokens(in content: JSON) -> Int {
        (content["parts"]?.array ?? []).reduce(0) { sum, part in
            if let text = part["text"]?.string { return sum + Text.tokens(in: text) }
            if let call = part["functionCall"] { return sum + Text.tokens(in: call["args"]?.text ?? "") + 1 }
            if let result = part["functionResponse"] {
                return sum + Text.tokens(in: result["response"]?.text ?? "") + 1
            }
            return sum + 100
        }
    }

    private static func fixedText(_ config: JSON, seed: UInt64) throws(APIError) -> String? {
        let schema = config["responseJsonSchema"] ?? config["responseSchema"]
        switch config["responseMimeType"]?.string ?? "text/plain" {
        case "application/json":
            guard let schema else { return ChatPrompt.fixedText(["type": "json_object"], seed: seed) }
            return Example.value(of: schema, seed: seed).text
        case "text/x.enum":
            return Example.value(of: schema ?? [:], seed: seed).string ?? ""
        case "text/plain":
            guard schema == nil else {
                throw .gemini(
                    "Function calling or response schema with a response mime type: 'text/plain' is unsupported"
                )
            }
            return nil
        case let type:
            throw .gemini(
                "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, "
                    + "`application/json`, `application/xml`, `application/yaml` and `text/x.enum`, not `\(type)`.\n"
            )
        }
    }

    private static func tools(_ json: JSON, _ contents: [JSON]) throws(APIError) -> ToolChoice {
        let declared = (json["tools"]?.array ?? []).flatMap { $0["functionDeclarations"]?.array ?? [] }
        var tools = declared.compactMap { tool -> Tool? in
            guard let name = tool["name"]?.string else { return nil }
            return Tool(name: name, schema: tool["parametersJsonSchema"] ?? tool["parameters"] ?? [:])
        }
        guard tools.count == declared.count else {
            throw .gemini("* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name.\n")
        }
        let config = json["toolConfig"]?["functionCallingConfig"]
        let mode: ToolChoice.Mode
        switch config?["mode"]?.string?.uppercased() {
        case "NONE": mode = .none
        case "ANY":
            let allowed = ChatPrompt.strings(config?["allowedFunctionNames"])
            if !allowed.isEmpty { tools = tools.filter { allowed.contains($0.name) } }
            mode = .required
        default: mode = .auto
        }
        let last = contents.last ?? .null
        let parts = last["parts"]?.array ?? []
        let isUser = last["role"]?.string != "model"
        return ToolChoice(
            tools: tools,
            mode: mode,
            lastUserText: isUser ? parts.compactMap { $0["text"]?.string }.joined(separator: " ") : nil,
            endsWithToolResult: parts.contains { $0["functionResponse"] != nil }
        )
    }
}

// MARK: - What a conversation must be

extension GeminiPrompt {
    /// Models of the third generation want the signatures of their calls back.
    static func needsSignatures(_ model: String) -> Bool { model.hasPrefix("gemini-3") }

    /// Signatures that the provider documents for calls that it did not make.
    private static let placeholders = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"]

    private static func check(_ contents: [JSON], model: String) throws(APIError) {
        guard !contents.isEmpty else {
            throw .gemini("* GenerateContentRequest.contents: contents is not specified\n")
        }
        for (index, content) in contents.enumerated() {
            guard ["user", "model", "function", nil].contains(content["role"]?.string) else {
                throw .gemini("Please use a valid role: user, model.")
            }
            let parts = content["parts"]?.array ?? []
            guard !parts.isEmpty else {
                throw .gemini(
                    "* GenerateContentRequest.contents[\(index)].parts: contents.parts must not be empty.\n"
                )
            }
            for (place, part) in parts.enumerated() { try Self.check(part, at: index, place) }
        }
        try Self.checkTurns(contents)
        if Self.needsSignatures(model) { try Self.checkSignatures(contents) }
    }

    private static func check(_ part: JSON, at index: Int, _ place: Int) throws(APIError) {
        let data = [
            "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
            "codeExecutionResult",
        ]
        let path = "GenerateContentRequest.contents[\(index)].parts[\(place)]"
        let count = data.count { part[$0] != nil }
        guard count == 1 || (count == 0 && part["thoughtSignature"] != nil) else {
            throw .gemini("* \(path).data: required oneof field 'data' must have one initialized field\n")
        }
        if let signature = part["thoughtSignature"]?.string {
            guard Signature.isOurs(signature) || Self.isPlaceholder(signature) else {
                throw .gemini("Thought signature is not valid.")
            }
        }
        if let image = part["inlineData"] {
            guard image["mimeType"]?.string?.contains("/") == true else {
                throw .gemini("Unsupported MIME type: \(image["mimeType"]?.string ?? "")")
            }
            guard let text = image["data"]?.string, Base64.decode(text) != nil else {
                throw .gemini(
                    "Invalid value at 'contents[\(index)].parts[\(place)].inline_data.data' (TYPE_BYTES), "
                        + "Base64 decoding failed"
                )
            }
        }
        if let call = part["functionCall"] ?? part["functionResponse"], call["name"] == nil {
            throw .gemini("* \(path).function_call.name: Name cannot be empty.\n")
        }
    }

    // The words in themselves, or as the bytes that the field is to hold.
    private static func isPlaceholder(_ signature: String) -> Bool {
        if Self.placeholders.contains(signature) { return true }
        return Base64.decode(signature).map { Self.placeholders.contains(String(decoding: $0, as: UTF8.self)) } ?? false
    }

    /// Calls are answered at once, each by one response.
    private static func checkTurns(_ contents: [JSON]) throws(APIError) {
        for (index, content) in contents.enumerated() {
            let calls = Self.count("functionCall", in: content)
            let responses = Self.count("functionResponse", in: content)
            if calls > 0, index == 0 {
                throw .gemini(
                    "Please ensure that function call turn comes immediately after a user turn or after a function "
                        + "response turn."
                )
            }
            if responses > 0, index == 0 || Self.count("functionCall", in: contents[index - 1]) == 0 {
                throw .gemini("Please ensure that function response turn comes immediately after a function call turn.")
            }
            if responses > 0 { try Self.checkNames(content, after: contents[index - 1]) }
            let next = index + 1 < contents.count ? Self.count("functionResponse", in: contents[index + 1]) : calls
            if calls > 0, next != calls {
                throw .gemini(
                    "Please ensure that the number of function response parts is equal to the number of function call "
                        + "parts of the function call turn."
                )
            }
        }
    }

    /// In the current turn, the first call of every step carries its signature.
    private static func checkSignatures(_ contents: [JSON]) throws(APIError) {
        let start = contents.lastIndex { content in
            content["role"]?.string != "model" && (content["parts"]?.array ?? []).contains { $0["text"] != nil }
        }
        for (index, content) in contents.enumerated() where index > start ?? 0 {
            let first = (content["parts"]?.array ?? []).first { $0["functionCall"] != nil }
            guard let first, first["thoughtSignature"] == nil else { continue }
            let name = first["functionCall"]?["name"]?.string ?? ""
            throw .gemini(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
                    + "correctly, and missing thought_signature may lead to degraded model performance. Additional data, "
                    + "function call `default_api:\(name)` , position \(index + 1)."
            )
        }
    }

    /// A response that names a call names one of those before it.
    private static func checkNames(_ content: JSON, after calls: JSON) throws(APIError) {
        let known = (calls["parts"]?.array ?? []).compactMap { $0["functionCall"]?["id"]?.string }
        for part in content["parts"]?.array ?? [] {
            guard let id = part["functionResponse"]?["id"]?.string, !known.isEmpty, !known.contains(id) else {
                continue
            }
            throw .gemini("Function response id `\(id)` does not match any function call of the function call turn.")
        }
    }

    private static func count(_ name: String, in content: JSON) -> Int {
        (content["parts"]?.array ?? []).count { $0[name] != nil }
    }
}

extension APIError {
    /// A bad argument.
    static func gemini(_ message: String) -> APIError {
        APIError(status: 400, type: "", message: message)
    }
}
