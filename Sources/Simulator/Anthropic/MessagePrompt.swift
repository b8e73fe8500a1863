import JSONScan

/// What the body of Anthropic's messages asks for.
struct MessagePrompt: Sendable {
    let prompt: Prompt
    let tools: ToolChoice

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
        self.prompt = prompt
        self.tools = Self.tools(call.json, last: messages.last ?? .null)
    }

    /// The tokens of a content: a text, or blocks with text, tool use or tool results; any other block counts as 100.
    private static func tokens(in content: JSON) -> Int {
        if let text = content.string { return Text.tokens(in: text) }
        return (content.array ?? []).reduce(0) { sum, block in
            switch block["type"]?.string {
            case "text": sum + Text.tokens(in: block["text"]?.string ?? "")
            case "tool_use": sum + Text.tokens(in: block["input"]?.text ?? "") + 1
            case "tool_result": sum + Self.tokens(in: block["content"] ?? .null)
            default: sum + 100
            }
        }
    }

    private static func tools(_ json: JSON, last: JSON) -> ToolChoice {
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
        let blocks = last["content"]?.array ?? []
        let disablesParallel = choice?["disable_parallel_tool_use"]?.bool ?? false
        return ToolChoice(
            tools: tools,
            mode: mode,
            allowsParallel: !disablesParallel,
            lastUserText: last["role"]?.string == "user" ? ChatPrompt.text(of: last) : nil,
            endsWithToolResult: blocks.contains { $0["type"]?.string == "tool_result" }
        )
    }
}
