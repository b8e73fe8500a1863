// POST /v1/messages. Streams: message_start; ping; for each block content_block_start, content_block_delta …,
// content_block_stop; message_delta with the stop reason and the output tokens; message_stop.

import HTTPTypes
import JSONScan

/// Anthropic's messages.
enum Messages {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/messages", dialect: .anthropic) { call, provider in
            guard let limit = try call.required("max_tokens").int, limit > 0 else {
                throw APIError.invalid("max_tokens: must be at least 1")
            }
            let prompt = try MessagePrompt(call)
            let model = try call.requiredModel()
            try provider.checkModel(model)
            let message = Message(call, model: model, prompt: prompt)
            if call.streams { return .events { outlet in try await message.stream(to: outlet) } }
            return .json(message.finished, tokens: message.generation.tokens)
        },
        Endpoint(method: .post, path: "/v1/messages/count_tokens", dialect: .anthropic) { call, provider in
            try provider.checkModel(try call.requiredModel())
            return .json(["input_tokens": .int(try MessagePrompt(call).prompt.tokens)])
        },
    ]

    /// One message of the assistant.
    private struct Message: Sendable {
        let generation: Generation
        private let id: String
        private let model: String
        private let inputTokens: Int

        init(_ call: Call, model: String, prompt: MessagePrompt) {
            let calls = prompt.tools.calls(seed: call.seed, idPrefix: "toolu_")
            self.generation =
                calls.isEmpty
                ? Generation(prompt.prompt, seed: Text.mix(call.seed), dials: call.dials) : Generation(toolCalls: calls)
            self.id = Text.identifier("msg_", call.seed)
            self.model = model
            self.inputTokens = prompt.prompt.tokens
        }

        var finished: JSON {
            let content = self.generation.toolCalls.isEmpty ? [Self.text(self.generation.text)] : self.toolUses
            return self.head(content, outputTokens: self.generation.tokens)
                .setting("stop_reason", .string(self.generation.finish.anthropicName))
                .setting("stop_sequence", self.stopSequence)
        }

        func stream(to outlet: Outlet) async throws {
            try await Self.send("message_start", ["message": self.head([], outputTokens: 1)], to: outlet)
            try await Self.send("ping", [:], to: outlet)
            if self.generation.toolCalls.isEmpty {
                try await self.streamText(to: outlet)
            } else {
                try await self.streamToolUses(to: outlet)
            }
            let delta: JSON = [
                "stop_reason": .string(self.generation.finish.anthropicName), "stop_sequence": self.stopSequence,
            ]
            let usage: JSON = ["output_tokens": .int(self.generation.tokens)]
            try await Self.send("message_delta", ["delta": delta, "usage": usage], to: outlet)
            try await Self.send("message_stop", [:], to: outlet)
        }

        private func streamText(to outlet: Outlet) async throws {
            try await Self.send("content_block_start", ["index": 0, "content_block": Self.text("")], to: outlet)
            for index in 0..<self.generation.pieceCount {
                let delta: JSON = ["type": "text_delta", "text": .string(self.generation.piece(index))]
                try await Self.send("content_block_delta", ["index": 0, "delta": delta], to: outlet, isToken: true)
            }
            try await Self.send("content_block_stop", ["index": 0], to: outlet)
        }

        private func streamToolUses(to outlet: Outlet) async throws {
            for (index, call) in self.generation.toolCalls.enumerated() {
                let block = self.toolUses[index].setting("input", [:])
                try await Self.send("content_block_start", ["index": .int(index), "content_block": block], to: outlet)
                for piece in call.argumentPieces {
                    let delta: JSON = ["type": "input_json_delta", "partial_json": .string(piece)]
                    let event: JSON = ["index": .int(index), "delta": delta]
                    try await Self.send("content_block_delta", event, to: outlet, isToken: true)
                }
                try await Self.send("content_block_stop", ["index": .int(index)], to: outlet)
            }
        }

        private func head(_ content: [JSON], outputTokens: Int) -> JSON {
            [
                "id": .string(self.id), "type": "message", "role": "assistant", "model": .string(self.model),
                "content": .array(content), "stop_reason": nil, "stop_sequence": nil,
                "usage": [
                    "input_tokens": .int(self.inputTokens), "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0, "output_tokens": .int(outputTokens), "service_tier": "standard",
                ],
            ]
        }

        private var stopSequence: JSON {
            if case .stopSequence(let text) = self.generation.finish { .string(text) } else { .null }
        }

        private var toolUses: [JSON] {
            self.generation.toolCalls.map { call in
                [
                    "type": "tool_use", "id": .string(call.id), "name": .string(call.name),
                    "input": (try? JSON(parsing: Array(call.arguments.utf8))) ?? [:],
                ]
            }
        }

        private static func text(_ text: String) -> JSON {
            ["type": "text", "text": .string(text)]
        }

        private static func send(
            _ type: String,
            _ event: JSON,
            to outlet: Outlet,
            isToken: Bool = false
        ) async throws {
            let data = JSON.object([JSON.Member(name: "type", value: .string(type))] + (event.members ?? []))
            if isToken {
                try await outlet.token(type, data)
            } else {
                try await outlet.event(type, data)
            }
        }
    }
}

extension Generation.Finish {
    /// Anthropic's `stop_reason`.
    fileprivate var anthropicName: String {
        switch self {
        case .complete: "end_turn"
        case .length: "max_tokens"
        case .stopSequence: "stop_sequence"
        case .toolCalls: "tool_use"
        }
    }
}
