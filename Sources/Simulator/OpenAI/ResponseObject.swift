import JSONScan

// The events of a streamed response, each with `type` and a `sequence_number` that counts from 0:
//
//     response.created, response.in_progress,
//     for the reasoning: response.output_item.added, with a summary response.reasoning_summary_part.added,
//         response.reasoning_summary_text.delta …, response.reasoning_summary_text.done,
//         response.reasoning_summary_part.done; response.output_item.done
//     for the message: response.output_item.added, response.content_part.added, response.output_text.delta …,
//         response.output_text.done, response.content_part.done, response.output_item.done; of a refusal,
//         response.refusal.delta … and response.refusal.done
//     for each call:   response.output_item.added, response.function_call_arguments.delta …,
//         response.function_call_arguments.done, response.output_item.done
//     response.completed, or response.incomplete where the limit ended it

/// One response, as an object and as a stream of events.
struct ResponseObject: Sendable {
    let generation: Generation
    private let id: String
    private let head: JSON
    private let inputTokens: Int
    private let reasoning: JSON?

    init(id: String, model: String, call: Call, prompt: ResponsePrompt) {
        let seed = Text.mix(call.seed)
        self.generation = Generation(prompt.prompt, prompt.tools, idPrefix: "call_", seed: seed, dials: call.dials)
        self.id = id
        self.inputTokens = prompt.prompt.tokens
        let json = call.json
        self.reasoning = self.generation.thought.map { Self.reasoning($0, id: id, json) }
        self.head = [
            "id": .string(id), "object": "response", "created_at": .int(call.created), "status": "in_progress",
            "background": json["background"] ?? false, "error": nil, "incomplete_details": nil,
            "instructions": json["instructions"] ?? .null, "max_output_tokens": json["max_output_tokens"] ?? .null,
            "model": .string(model), "output": [], "parallel_tool_calls": json["parallel_tool_calls"] ?? true,
            "previous_response_id": json["previous_response_id"] ?? .null,
            "reasoning": [
                "effort": json["reasoning"]?["effort"] ?? .null, "summary": json["reasoning"]?["summary"] ?? .null,
            ], "service_tier": "default", "store": json["store"] ?? true,
            "temperature": json["temperature"] ?? 1.0, "text": ["format": json["text"]?["format"] ?? ["type": "text"]],
            "tool_choice": json["tool_choice"] ?? "auto", "tools": json["tools"] ?? [],
            "top_p": json["top_p"] ?? 1.0, "truncation": "disabled", "usage": nil, "metadata": json["metadata"] ?? [:],
        ]
    }

    /// The finished response.
    var finished: JSON {
        let answer = self.generation.toolCalls.isEmpty ? [self.message] : self.callItems
        let output = (self.reasoning.map { [$0] } ?? []) + answer
        var body = self.head.setting("output", .array(output)).setting("status", .string(self.status))
        if self.isCutShort { body = body.setting("incomplete_details", ["reason": "max_output_tokens"]) }
        return body.setting(
            "usage",
            Self.usage(
                input: self.inputTokens,
                output: self.generation.tokens,
                reasoning: self.generation.thoughtTokens
            )
        )
    }

    /// Tokens in the form that responses count them in.
    static func usage(input: Int, output: Int, reasoning: Int = 0) -> JSON {
        [
            "input_tokens": .int(input), "input_tokens_details": ["cached_tokens": 0, "cache_write_tokens": 0],
            "output_tokens": .int(output), "output_tokens_details": ["reasoning_tokens": .int(reasoning)],
            "total_tokens": .int(input + output),
        ]
    }

    /// Sends the response as events.
    func stream(to outlet: Outlet) async throws {
        var events = NumberedEvents(outlet: outlet)
        do {
            try await self.stream(&events)
        } catch let fault as StreamFault {
            try await events.send(
                "error",
                ["code": "server_error", "message": .string(fault.error.message), "param": nil]
            )
        }
    }

    private func stream(_ events: inout NumberedEvents) async throws {
        try await events.send("response.created", ["response": self.head])
        try await events.send("response.in_progress", ["response": self.head])
        if let item = self.reasoning { try await self.stream(reasoning: item, &events) }
        let index = self.reasoning == nil ? 0 : 1
        if self.generation.toolCalls.isEmpty {
            try await self.streamMessage(index, &events)
        } else {
            try await self.streamCalls(from: index, &events)
        }
        try await events.send(
            self.isCutShort ? "response.incomplete" : "response.completed",
            ["response": self.finished]
        )
    }

    private func stream(reasoning item: JSON, _ events: inout NumberedEvents) async throws {
        try await events.send("response.output_item.added", ["output_index": 0, "item": item.setting("summary", [])])
        if let thought = self.generation.thought, item["summary"] != [] {
            let place: JSON = ["item_id": item["id"] ?? .null, "output_index": 0, "summary_index": 0]
            let empty: JSON = ["type": "summary_text", "text": ""]
            try await events.send("response.reasoning_summary_part.added", place.setting("part", empty))
            for index in 0..<thought.pieceCount {
                let event = place.setting("delta", .string(thought.piece(index)))
                try await events.send("response.reasoning_summary_text.delta", event, isToken: true)
            }
            let text = JSON.string(thought.text)
            try await events.send("response.reasoning_summary_text.done", place.setting("text", text))
            let part = place.setting("part", empty.setting("text", text))
            try await events.send("response.reasoning_summary_part.done", part)
        }
        try await events.send("response.output_item.done", ["output_index": 0, "item": item])
    }

    private func streamMessage(_ index: Int, _ events: inout NumberedEvents) async throws {
        let item: JSON = ["output_index": .int(index)]
        let place: JSON = [
            "item_id": .string(self.messageID), "output_index": .int(index), "content_index": 0,
        ]
        let empty = self.message.setting("content", []).setting("status", "in_progress")
        try await events.send("response.output_item.added", item.setting("item", empty))
        try await events.send("response.content_part.added", place.setting("part", self.part("")))
        let kind = self.isRefusal ? "refusal" : "output_text"
        for index in 0..<self.generation.pieceCount {
            let event = place.setting("delta", .string(self.generation.piece(index)))
            try await events.send(
                "response.\(kind).delta",
                self.isRefusal ? event : event.setting("logprobs", []),
                isToken: true
            )
        }
        let text = JSON.string(self.generation.text)
        let done =
            self.isRefusal ? place.setting("refusal", text) : place.setting("text", text).setting("logprobs", [])
        try await events.send("response.\(kind).done", done)
        let part = self.part(self.generation.text)
        try await events.send("response.content_part.done", place.setting("part", part))
        try await events.send("response.output_item.done", item.setting("item", self.message))
    }

    private func streamCalls(from first: Int, _ events: inout NumberedEvents) async throws {
        for (number, item) in self.callItems.enumerated() {
            let call = self.generation.toolCalls[number]
            let index = first + number
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
            "content": [self.part(self.generation.text)],
        ]
    }

    /// The thought as an item: its summary where one is asked for, its encrypted form where the answer is not kept.
    private static func reasoning(_ thought: Thought, id: String, _ json: JSON) -> JSON {
        let isSummarised = json["reasoning"]?["summary"] != nil
        let summary: JSON = isSummarised ? [["type": "summary_text", "text": .string(thought.text)]] : []
        let item: JSON = [
            "id": .string("rs_\(id.drop { $0 != "_" }.dropFirst())"), "type": "reasoning", "summary": summary,
        ]
        let isEncrypted = ChatPrompt.strings(json["include"]).contains("reasoning.encrypted_content")
        return isEncrypted ? item.setting("encrypted_content", .string(thought.signature)) : item
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

    private var isRefusal: Bool { self.generation.finish == .refusal }

    private func part(_ text: String) -> JSON {
        if self.isRefusal { return ["type": "refusal", "refusal": .string(text)] }
        return ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": []]
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
