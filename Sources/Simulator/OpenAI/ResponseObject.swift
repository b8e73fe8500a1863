import JSONScan

// The events of a streamed response, each with `type` and a `sequence_number` that counts from 0:
//
//     response.created, response.in_progress,
//     for the message: response.output_item.added, response.content_part.added, response.output_text.delta …,
//         response.output_text.done, response.content_part.done, response.output_item.done
//     for each call:   response.output_item.added, response.function_call_arguments.delta …,
//         response.function_call_arguments.done, response.output_item.done
//     response.completed, or response.incomplete where the limit ended it

/// One response, as an object and as a stream of events.
struct ResponseObject: Sendable {
    let generation: Generation
    private let id: String
    private let head: JSON
    private let inputTokens: Int

    init(id: String, model: String, call: Call, prompt: ResponsePrompt) {
        let calls = prompt.tools.calls(seed: call.seed, idPrefix: "call_")
        self.generation =
            calls.isEmpty
            ? Generation(prompt.prompt, seed: Text.mix(call.seed), dials: call.dials) : Generation(toolCalls: calls)
        self.id = id
        self.inputTokens = prompt.prompt.tokens
        let json = call.json
        self.head = [
            "id": .string(id), "object": "response", "created_at": .int(call.created), "status": "in_progress",
            "background": json["background"] ?? false, "error": nil, "incomplete_details": nil,
            "instructions": json["instructions"] ?? .null, "max_output_tokens": json["max_output_tokens"] ?? .null,
            "model": .string(model), "output": [], "parallel_tool_calls": json["parallel_tool_calls"] ?? true,
            "previous_response_id": json["previous_response_id"] ?? .null,
            "reasoning": ["effort": nil, "summary": nil], "service_tier": "default", "store": json["store"] ?? true,
            "temperature": json["temperature"] ?? 1.0, "text": ["format": ["type": "text"]],
            "tool_choice": json["tool_choice"] ?? "auto", "tools": json["tools"] ?? [],
            "top_p": json["top_p"] ?? 1.0, "truncation": "disabled", "usage": nil, "metadata": json["metadata"] ?? [:],
        ]
    }

    /// The finished response.
    var finished: JSON {
        let output = self.generation.toolCalls.isEmpty ? [self.message] : self.callItems
        var body = self.head.setting("output", .array(output)).setting("status", .string(self.status))
        if self.isCutShort { body = body.setting("incomplete_details", ["reason": "max_output_tokens"]) }
        return body.setting("usage", Self.usage(input: self.inputTokens, output: self.generation.tokens))
    }

    /// Tokens in the form that responses count them in.
    static func usage(input: Int, output: Int) -> JSON {
        [
            "input_tokens": .int(input), "input_tokens_details": ["cached_tokens": 0, "cache_write_tokens": 0],
            "output_tokens": .int(output), "output_tokens_details": ["reasoning_tokens": 0],
            "total_tokens": .int(input + output),
        ]
    }

    /// Sends the response as events.
    func stream(to outlet: Outlet) async throws {
        var events = NumberedEvents(outlet: outlet)
        try await events.send("response.created", ["response": self.head])
        try await events.send("response.in_progress", ["response": self.head])
        if self.generation.toolCalls.isEmpty {
            try await self.streamMessage(&events)
        } else {
            try await self.streamCalls(&events)
        }
        try await events.send(
            self.isCutShort ? "response.incomplete" : "response.completed",
            ["response": self.finished]
        )
    }

    private func streamMessage(_ events: inout NumberedEvents) async throws {
        let place: JSON = ["item_id": .string(self.messageID), "output_index": 0, "content_index": 0]
        let empty = self.message.setting("content", []).setting("status", "in_progress")
        try await events.send("response.output_item.added", ["output_index": 0, "item": empty])
        try await events.send("response.content_part.added", place.setting("part", Self.part("")))
        for index in 0..<self.generation.pieceCount {
            let delta = JSON.string(self.generation.piece(index))
            let event = place.setting("delta", delta).setting("logprobs", [])
            try await events.send("response.output_text.delta", event, isToken: true)
        }
        let text = self.generation.text
        try await events.send(
            "response.output_text.done",
            place.setting("text", .string(text)).setting("logprobs", [])
        )
        try await events.send("response.content_part.done", place.setting("part", Self.part(text)))
        try await events.send("response.output_item.done", ["output_index": 0, "item": self.message])
    }

    private func streamCalls(_ events: inout NumberedEvents) async throws {
        for (index, item) in self.callItems.enumerated() {
            let call = self.generation.toolCalls[index]
            let place: JSON = ["item_id": item["id"] ?? .null, "output_index": .int(index)]
            let empty = item.setting("arguments", "").setting("status", "in_progress")
            try await events.send("response.output_item.added", ["output_index": .int(index), "item": empty])
            for piece in call.argumentPieces {
                let event = place.setting("delta", .string(piece))
                try await events.send("response.function_call_arguments.delta", event, isToken: true)
            }
            let done = place.setting("arguments", .string(call.arguments)).setting("name", .string(call.name))
            try await events.send("response.function_call_arguments.done", done)
            try await events.send("response.output_item.done", ["output_index": .int(index), "item": item])
        }
    }

    private var isCutShort: Bool { self.generation.finish == .length }
    private var status: String { self.isCutShort ? "incomplete" : "completed" }
    private var messageID: String { "msg_\(self.id.drop { $0 != "_" }.dropFirst())" }

    private var message: JSON {
        [
            "id": .string(self.messageID), "type": "message", "status": .string(self.status), "role": "assistant",
            "content": [Self.part(self.generation.text)],
        ]
    }

    private var callItems: [JSON] {
        self.generation.toolCalls.map { call in
            [
                "id": .string("fc_\(call.id.drop { $0 != "_" }.dropFirst())"), "type": "function_call",
                "status": "completed", "call_id": .string(call.id), "name": .string(call.name),
                "arguments": .string(call.arguments),
            ]
        }
    }

    private static func part(_ text: String) -> JSON {
        ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": []]
    }
}

/// Events that carry their type and their number.
private struct NumberedEvents {
    let outlet: Outlet
    var next = 0

    init(outlet: Outlet) {
        self.outlet = outlet
    }

    mutating func send(_ type: String, _ event: JSON, isToken: Bool = false) async throws {
        let numbered: JSON = ["type": .string(type), "sequence_number": .int(self.next)]
        let data = JSON.object((numbered.members ?? []) + (event.members ?? []))
        self.next += 1
        if isToken {
            try await self.outlet.token(type, data)
        } else {
            try await self.outlet.event(type, data)
        }
    }
}
