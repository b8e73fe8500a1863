import JSONScan

/// What a chat completion's body asks for.
struct ChatPrompt: Sendable {
    let prompt: Prompt
    let tools: ToolChoice

    init(_ json: JSON, messages: [JSON], acceptsPlaceholders: Bool) throws {
        guard messages.allSatisfy({ $0["role"]?.string != nil }) else {
            throw APIError.invalid("Each message needs a 'role'.", parameter: "messages")
        }
        var prompt = Prompt()
        prompt.tokens = max(1, messages.reduce(0) { $0 + Self.tokens(in: $1) })
        prompt.outputLimit = json["max_completion_tokens"]?.int ?? json["max_tokens"]?.int
        if let limit = prompt.outputLimit, limit < (acceptsPlaceholders ? 0 : 1) {
            throw APIError.invalid("'max_tokens' must be at least 1.", parameter: "max_tokens")
        }
        prompt.stop = Self.strings(json["stop"])
        prompt.fixedText = Self.fixedText(json["response_format"], seed: Text.seed(json["messages"]?.text ?? ""))
        if let effort = json["reasoning_effort"]?.string { prompt.thinks = effort != "none" && effort != "minimal" }
        self.prompt = prompt
        self.tools = Self.tools(json, messages)
        if !acceptsPlaceholders { try ChatRules.check(json, messages) }
    }

    /// A string or a list of strings.
    static func strings(_ json: JSON?) -> [String] {
        json?.string.map { [$0] } ?? json?.array?.compactMap(\.string) ?? []
    }

    /// The text that a prescribed format asks for; `format` has OpenAI's `type` and schema.
    static func fixedText(_ format: JSON?, seed: UInt64) -> String? {
        switch format?["type"]?.string {
        case "json_object":
            let answer: JSON = ["answer": .string(Text.word(0, seed: seed))]
            return answer.text
        case "json_schema":
            let schema = format?["json_schema"]?["schema"] ?? format?["schema"] ?? [:]
            return Example.value(of: schema, seed: seed).text
        default: return nil
        }
    }

    /// The tokens of a message: those of its texts and of its tool calls; an image, a sound or a file counts as 100.
    static func tokens(in message: JSON) -> Int {
        var count = 0
        if let text = message["content"]?.string { count += Text.tokens(in: text) }
        for part in message["content"]?.array ?? [] {
            count += part["text"]?.string.map { Text.tokens(in: $0) } ?? 100
        }
        for call in message["tool_calls"]?.array ?? [] {
            count += Text.tokens(in: call["function"]?["arguments"]?.string ?? "") + 1
        }
        return count
    }

    /// What the user says in some messages; nil where the user says nothing.
    static func userText(in messages: some Sequence<JSON>) -> String? {
        let texts = messages.filter { $0["role"]?.string == "user" }.map { Self.text(of: $0) }
        return texts.isEmpty ? nil : texts.joined(separator: " ")
    }

    /// The text of a message.
    static func text(of message: JSON) -> String {
        message["content"]?.string
            ?? (message["content"]?.array ?? []).compactMap { $0["text"]?.string }.joined(separator: " ")
    }

    private static func tools(_ json: JSON, _ messages: [JSON]) -> ToolChoice {
        let tools = (json["tools"]?.array ?? []).compactMap { tool -> Tool? in
            guard let name = tool["function"]?["name"]?.string else { return nil }
            return Tool(name: name, schema: tool["function"]?["parameters"] ?? [:])
        }
        let sinceAnswer = messages.reversed().prefix { $0["role"]?.string != "assistant" }.reversed()
        let choice = json["tool_choice"]
        let mode: ToolChoice.Mode =
            switch choice?.string {
            case "none": .none
            case "required": .required
            default: (choice?["function"]?["name"]?.string).map { .named($0) } ?? .auto
            }
        return ToolChoice(
            tools: tools,
            mode: mode,
            allowsParallel: json["parallel_tool_calls"]?.bool ?? true,
            lastUserText: Self.userText(in: sinceAnswer),
            endsWithToolResult: sinceAnswer.contains { $0["role"]?.string == "tool" }
        )
    }
}
