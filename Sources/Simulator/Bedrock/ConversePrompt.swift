import Foundation
import JSONScan

/// What the body of a Converse request asks for, and whether its conversation is one that the provider accepts.
struct ConversePrompt: Sendable {
    let prompt: Prompt
    let tools: ToolChoice

    init(_ json: JSON) throws(APIError) {
        let messages = json["messages"]?.array ?? []
        try ConverseRules(json).check(messages)
        var prompt = Prompt()
        let system = (json["system"]?.array ?? []).reduce(0) { $0 + Text.tokens(in: $1["text"]?.string ?? "") }
        prompt.tokens = max(1, system + messages.reduce(0) { $0 + Self.tokens(in: $1["content"]?.array ?? []) })
        let config = json["inferenceConfig"]
        prompt.outputLimit = config?["maxTokens"]?.int
        prompt.stop = ChatPrompt.strings(config?["stopSequences"])
        prompt.fixedText = try Self.fixedText(json["outputConfig"], seed: Text.seed(json["messages"]?.text ?? ""))
        prompt.thinks = Self.thinks(json["additionalModelRequestFields"])
        self.prompt = prompt
        self.tools = Self.tools(json["toolConfig"], messages)
    }

    private static func tokens(in blocks: [JSON]) -> Int {
        blocks.reduce(0) { sum, block in
            if let text = block["text"]?.string { return sum + Text.tokens(in: text) }
            if let json = block["json"] { return sum + Text.tokens(in: json.text) }
            if let call = block["toolUse"] { return sum + Text.tokens(in: call["input"]?.text ?? "") + 1 }
            if let result = block["toolResult"] { return sum + Self.tokens(in: result["content"]?.array ?? []) }
            if block["cachePoint"] != nil { return sum }
            if let thought = block["reasoningContent"]?["reasoningText"]?["text"]?.string {
                return sum + Text.tokens(in: thought)
            }
            return sum + 100
        }
    }

    /// Each family of models has a field of its own for it.
    private static func thinks(_ fields: JSON?) -> Bool {
        let thinking = fields?["thinking"] ?? fields?["reasoning_config"] ?? fields?["reasoningConfig"]
        let type = thinking?["type"]?.string
        return type == "enabled" || type == "adaptive" || fields?["reasoning_effort"] != nil
    }

    private static func fixedText(_ config: JSON?, seed: UInt64) throws(APIError) -> String? {
        guard let format = config?["textFormat"] else { return nil }
        guard format["type"]?.string == "json_schema", let text = format["structure"]?["jsonSchema"]?["schema"]?.string,
            let schema = try? JSON(parsing: Array(text.utf8)), schema.members != nil
        else {
            throw .bedrock("The value at outputConfig.textFormat.structure.jsonSchema.schema is not a JSON schema.")
        }
        return Example.value(of: schema, seed: seed).text
    }

    private static func tools(_ config: JSON?, _ messages: [JSON]) -> ToolChoice {
        let tools = (config?["tools"]?.array ?? []).compactMap { tool -> Tool? in
            guard let spec = tool["toolSpec"], let name = spec["name"]?.string else { return nil }
            return Tool(name: name, schema: spec["inputSchema"]?["json"] ?? [:])
        }
        let choice = config?["toolChoice"]
        let mode: ToolChoice.Mode =
            if let name = choice?["tool"]?["name"]?.string {
                .named(name)
            } else if choice?["any"] != nil {
                .required
            } else {
                .auto
            }
        let last = messages.last ?? .null
        let blocks = last["content"]?.array ?? []
        let texts = blocks.compactMap { $0["text"]?.string }
        return ToolChoice(
            tools: tools,
            mode: mode,
            lastUserText: last["role"]?.string == "user" ? texts.joined(separator: " ") : nil,
            endsWithToolResult: blocks.contains { $0["toolResult"] != nil }
        )
    }
}

extension APIError {
    /// A request that does not validate.
    static func bedrock(_ message: String) -> APIError {
        APIError(status: 400, type: "", message: message, code: "ValidationException")
    }
}
