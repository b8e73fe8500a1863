import HTTPTypes
import JSONScan

/// What the body of Anthropic's messages asks for.
struct MessagePrompt: Sendable {
    let prompt: Prompt
    let tools: ToolChoice
    /// Whether thoughts come without their text.
    let omitsThoughts: Bool

    init(_ call: Call) throws {
        guard let messages = try call.required("messages").array, !messages.isEmpty else {
            throw APIError.invalid("messages: at least one message is required")
        }
        guard messages.allSatisfy({ ["user", "assistant", "system"].contains($0["role"]?.string) }) else {
            throw APIError.invalid("messages: each needs the role 'user' or 'assistant'")
        }
        var prompt = Prompt()
        let system = Self.tokens(in: call.json["system"] ?? .null)
        prompt.tokens = max(1, system + messages.reduce(0) { $0 + Self.tokens(in: $1["content"] ?? .null) })
        prompt.outputLimit = call.json["max_tokens"]?.int
        prompt.stop = ChatPrompt.strings(call.json["stop_sequences"])
        let thinking = call.json["thinking"]
        prompt.thinks = ["enabled", "adaptive"].contains(thinking?["type"]?.string)
        prompt.fixedText = try Self.fixedText(call)
        self.omitsThoughts = thinking?["display"]?.string == "omitted"
        self.prompt = prompt
        self.tools = Self.tools(call.json, messages)
        try MessageRules.check(call.json, messages)
    }

    /// The tokens of a content: a text, or blocks with text, tool use or tool results; any other block counts as 100.
    private static func tokens(in content: JSON) -> Int {
        if let text = content.string { return Text.tokens(in: text) }
        return (content.array ?? []).reduce(0) { sum, block in
            switch block["type"]?.string {
            case "text": sum + Text.tokens(in: block["text"]?.string ?? "")
            case "tool_use": sum + Text.tokens(in: block["input"]?.text ?? "") + 1
            case "thinking": sum + Text.tokens(in: block["thinking"]?.string ?? "")
            case "tool_result": sum + Self.tokens(in: block["content"] ?? .null)
            default: sum + 100
            }
        }
    }

    /// The text that a schema asks for; it stands in `output_config.format`, in the beta's form in `output_format`.
    private static func fixedText(_ call: Call) throws -> String? {
        let isBeta = call.headers.contains { field in
            field.name.canonicalName == "anthropic-beta" && field.value.contains("structured-outputs-")
        }
        guard call.json["output_format"] == nil || isBeta else {
            throw APIError.invalid("output_format: Extra inputs are not permitted")
        }
        guard let format = call.json["output_config"]?["format"] ?? call.json["output_format"] else { return nil }
        guard format["type"]?.string == "json_schema", format["schema"]?.members != nil else {
            throw APIError.invalid("output_config.format.schema: Field required")
        }
        return ChatPrompt.fixedText(format, seed: Text.seed(call.json["messages"]?.text ?? ""))
    }

    private static func tools(_ json: JSON, _ messages: [JSON]) -> ToolChoice {
        let tools = (json["tools"]?.array ?? []).compactMap { tool -> Tool? in
            guard let name = tool["name"]?.string else { return nil }
            return Tool(name: name, schema: tool["input_schema"] ?? [:])
        }
        let choice = json["tool_choice"]
        let mode: ToolChoice.Mode =
            switch choice?["type"]?.string {
            case "none": .none
            case "any": .required
            case "tool": (choice?["name"]?.string).map { .named($0) } ?? .required
            default: .auto
            }
        let sinceAnswer = messages.reversed().prefix { $0["role"]?.string != "assistant" }.reversed()
        let blocks = sinceAnswer.flatMap { $0["content"]?.array ?? [] }
        let disablesParallel = choice?["disable_parallel_tool_use"]?.bool ?? false
        return ToolChoice(
            tools: tools,
            mode: mode,
            allowsParallel: !disablesParallel,
            lastUserText: ChatPrompt.userText(in: sinceAnswer),
            endsWithToolResult: blocks.contains { $0["type"]?.string == "tool_result" }
        )
    }
}
