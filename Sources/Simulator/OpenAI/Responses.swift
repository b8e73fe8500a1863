import HTTPTypes
import JSONScan

/// OpenAI's responses: created (whole or as numbered events), kept unless `store` is false, read, cancelled, deleted.
enum Responses {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/responses") { call, provider in
            try Self.create(call, provider)
        },
        Endpoint(method: .get, path: "/v1/responses/{id}") { call, provider in
            let object = try provider.object(.response, call, example: Self.example)
            guard call.query["stream"] == "true" else { return .json(object.json) }
            return .events { outlet in
                try await outlet.event(
                    "response.completed",
                    ["type": "response.completed", "sequence_number": 0, "response": object.json]
                )
            }
        },
        Endpoint(method: .delete, path: "/v1/responses/{id}") { call, provider in
            try provider.remove(.response, call)
            return .json(["id": .string(call.id), "object": "response", "deleted": true])
        },
        Endpoint(method: .post, path: "/v1/responses/{id}/cancel") { call, provider in
            var object = try provider.object(.response, call, example: Self.example)
            object.json = object.json.setting("status", "cancelled")
            provider.store.put(object)
            return .json(object.json)
        },
        Endpoint(method: .get, path: "/v1/responses/{id}/input_items") { call, provider in
            ListPage.answer(try provider.object(.response, call, example: Self.example).items, call)
        },
        Endpoint(method: .post, path: "/v1/responses/input_tokens") { call, _ in
            let prompt = try ResponsePrompt(call.json)
            return .json(["object": "response.input_tokens", "input_tokens": .int(prompt.prompt.tokens)])
        },
        Endpoint(method: .post, path: "/v1/responses/compact") { call, _ in
            let prompt = try ResponsePrompt(call.json)
            return .json([
                "id": .string(Text.identifier("resp_", call.seed)), "object": "response.compaction",
                "created_at": .int(call.created),
                "output": [
                    [
                        "id": .string(Text.identifier("cmp_", call.seed)), "type": "compaction",
                        "encrypted_content": "c2lt",
                    ]
                ],
                "usage": ResponseObject.usage(input: prompt.prompt.tokens, output: 0),
            ])
        },
    ]

    private static func create(_ call: Call, _ provider: Provider) throws -> Answer {
        let model = call.model ?? "sim-example"
        try provider.checkModel(model)
        if !provider.options.acceptsPlaceholders { try ResponseRules.check(call.json) }
        let needsInput = call.json["prompt"] == nil && call.json["previous_response_id"] == nil
        if needsInput, !provider.options.acceptsPlaceholders { _ = try call.required("input") }
        let isStored = call.json["store"]?.bool ?? true
        let id = isStored ? provider.newID("resp_", call) : Text.identifier("resp_", call.seed)
        let prompt = try ResponsePrompt(call.json)
        let body = ResponseObject(id: id, model: model, call: call, prompt: prompt)
        if isStored {
            provider.store.put(StoredObject(kind: .response, id: id, json: body.finished, items: prompt.items))
        }
        if call.streams { return .events { outlet in try await body.stream(to: outlet) } }
        return .json(body.finished, tokens: body.generation.tokens)
    }

    private static func example(_ call: Call) throws -> StoredObject {
        let prompt = try ResponsePrompt(["input": "An example."])
        let body = ResponseObject(id: call.id, model: "sim-example", call: call, prompt: prompt)
        return StoredObject(kind: .response, id: call.id, json: body.finished, items: prompt.items)
    }
}

/// What the body of a response's creation asks for.
struct ResponsePrompt: Sendable {
    let prompt: Prompt
    let tools: ToolChoice
    /// The input as a list of items with identifiers.
    let items: [JSON]

    init(_ json: JSON) throws(APIError) {
        let input: [JSON] =
            json["input"]?.string.map { [["type": "message", "role": "user", "content": .string($0)]] }
            ?? json["input"]?.array ?? []
        var prompt = Prompt()
        let instructions = Text.tokens(in: json["instructions"]?.string ?? "")
        prompt.tokens = max(1, instructions + input.reduce(0) { $0 + ChatPrompt.tokens(in: $1) })
        prompt.outputLimit = json["max_output_tokens"]?.int.map { max(1, $0) }
        prompt.fixedText = ChatPrompt.fixedText(json["text"]?["format"], seed: Text.seed(json["input"]?.text ?? ""))
        if let effort = json["reasoning"]?["effort"]?.string { prompt.thinks = effort != "none" && effort != "minimal" }
        prompt.thinks = prompt.thinks || json["reasoning"]?["summary"] != nil
        self.prompt = prompt
        self.tools = Self.tools(json, input)
        try ResponseRules.check(input, continues: json["previous_response_id"] != nil || json["conversation"] != nil)
        self.items = input.enumerated().map { index, item in Self.item(item, index) }
    }

    private static func item(_ item: JSON, _ index: Int) -> JSON {
        var item = item.setting("id", .string("msg_\(index)"))
        if let text = item["content"]?.string {
            item = item.setting("content", [["type": "input_text", "text": .string(text)]])
        }
        return item.setting("type", item["type"] ?? "message").setting("status", "completed")
    }

    /// What the model itself said.
    private static func isOutput(_ item: JSON) -> Bool {
        item["role"]?.string == "assistant" || ["function_call", "reasoning"].contains(item["type"]?.string)
    }

    private static func tools(_ json: JSON, _ input: [JSON]) -> ToolChoice {
        let sinceAnswer = input.reversed().prefix { !Self.isOutput($0) }.reversed()
        let tools = (json["tools"]?.array ?? []).compactMap { tool -> Tool? in
            guard tool["type"]?.string == "function", let name = tool["name"]?.string else { return nil }
            return Tool(name: name, schema: tool["parameters"] ?? [:])
        }
        let choice = json["tool_choice"]
        let mode: ToolChoice.Mode =
            switch choice?.string {
            case "none": .none
            case "required": .required
            default: (choice?["name"]?.string).map { .named($0) } ?? .auto
            }
        return ToolChoice(
            tools: tools,
            mode: mode,
            allowsParallel: json["parallel_tool_calls"]?.bool ?? true,
            lastUserText: ChatPrompt.userText(in: sinceAnswer),
            endsWithToolResult: sinceAnswer.contains { $0["type"]?.string == "function_call_output" }
        )
    }
}
