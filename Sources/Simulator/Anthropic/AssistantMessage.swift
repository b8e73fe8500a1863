// Streams: message_start; ping; for each block content_block_start, content_block_delta …, content_block_stop; message_delta
// with the stop reason and the output tokens; message_stop. A thought's last delta is its signature.

import JSONScan

/// One message of the assistant, as an object and as a stream of events.
struct AssistantMessage: Sendable {
    let generation: Generation
    private let id: String
    private let model: String
    private let inputTokens: Int
    private let omitsThoughts: Bool
    private let redactsThoughts: Bool

    /// What a user may write to get a thought that cannot be read; documented by the provider for tests.
    private static let redaction =
        "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9A13E193C177646C7398A98432ECCCE4C1253D5E2D82641AC0E52CC2876CB"

    init(_ call: Call, model: String, prompt: MessagePrompt) {
        let seed = Text.mix(call.seed)
        self.generation = Generation(prompt.prompt, prompt.tools, idPrefix: "toolu_", seed: seed, dials: call.dials)
        self.id = Text.identifier("msg_", call.seed)
        self.model = model
        self.inputTokens = prompt.prompt.tokens
        self.omitsThoughts = prompt.omitsThoughts
        self.redactsThoughts = prompt.tools.lastUserText?.contains(Self.redaction) ?? false
    }

    var finished: JSON {
        let answer = self.generation.toolCalls.isEmpty ? [Self.text(self.generation.text)] : self.toolUses
        let thought = self.generation.thought.map { [self.block(of: $0)] } ?? []
        return self.head(thought + answer, outputTokens: self.generation.tokens)
            .setting("stop_reason", .string(self.generation.finish.anthropicName))
            .setting("stop_sequence", self.stopSequence)
            .setting("stop_details", self.stopDetails)
    }

    func stream(to outlet: Outlet) async throws {
        try await Self.send("message_start", ["message": self.head([], outputTokens: 1)], to: outlet)
        try await Self.send("ping", [:], to: outlet)
        var index = 0
        if let thought = self.generation.thought {
            try await self.stream(thought, to: outlet)
            index += 1
        }
        if self.generation.toolCalls.isEmpty {
            try await self.streamText(index, to: outlet)
        } else {
            try await self.streamToolUses(from: index, to: outlet)
        }
        let delta: JSON = [
            "stop_reason": .string(self.generation.finish.anthropicName), "stop_sequence": self.stopSequence,
            "stop_details": self.stopDetails,
        ]
        let usage: JSON = [
            "output_tokens": .int(self.generation.tokens),
            "output_tokens_details": ["thinking_tokens": .int(self.generation.thoughtTokens)],
        ]
        try await Self.send("message_delta", ["delta": delta, "usage": usage], to: outlet)
        try await Self.send("message_stop", [:], to: outlet)
    }

    private func stream(_ thought: Thought, to outlet: Outlet) async throws {
        let whole = self.block(of: thought)
        let start = self.redactsThoughts ? whole : whole.setting("thinking", "").setting("signature", "")
        try await Self.send("content_block_start", ["index": 0, "content_block": start], to: outlet)
        if !self.redactsThoughts {
            for place in 0..<(self.omitsThoughts ? 0 : thought.pieceCount) {
                let delta: JSON = ["type": "thinking_delta", "thinking": .string(thought.piece(place))]
                try await Self.send("content_block_delta", ["index": 0, "delta": delta], to: outlet, isToken: true)
            }
            let delta: JSON = ["type": "signature_delta", "signature": .string(thought.signature)]
            try await Self.send("content_block_delta", ["index": 0, "delta": delta], to: outlet)
        }
        try await Self.send("content_block_stop", ["index": 0], to: outlet)
    }

    private func streamText(_ index: Int, to outlet: Outlet) async throws {
        let place: JSON = ["index": .int(index)]
        try await Self.send("content_block_start", place.setting("content_block", Self.text("")), to: outlet)
        for piece in 0..<self.generation.pieceCount {
            let delta: JSON = ["type": "text_delta", "text": .string(self.generation.piece(piece))]
            try await Self.send("content_block_delta", place.setting("delta", delta), to: outlet, isToken: true)
        }
        try await Self.send("content_block_stop", place, to: outlet)
    }

    private func streamToolUses(from first: Int, to outlet: Outlet) async throws {
        for (number, call) in self.generation.toolCalls.enumerated() {
            let place: JSON = ["index": .int(first + number)]
            let block = self.toolUses[number].setting("input", [:])
            try await Self.send("content_block_start", place.setting("content_block", block), to: outlet)
            for piece in call.argumentPieces {
                let delta: JSON = ["type": "input_json_delta", "partial_json": .string(piece)]
                try await Self.send("content_block_delta", place.setting("delta", delta), to: outlet, isToken: true)
            }
            try await Self.send("content_block_stop", place, to: outlet)
        }
    }

    private func head(_ content: [JSON], outputTokens: Int) -> JSON {
        [
            "id": .string(self.id), "type": "message", "role": "assistant", "model": .string(self.model),
            "content": .array(content), "stop_reason": nil, "stop_sequence": nil,
            "usage": [
                "input_tokens": .int(self.inputTokens), "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0, "output_tokens": .int(outputTokens),
                "output_tokens_details": [
                    "thinking_tokens": .int(content.isEmpty ? 0 : self.generation.thoughtTokens)
                ], "service_tier": "standard",
            ],
        ]
    }

    private func block(of thought: Thought) -> JSON {
        if self.redactsThoughts { return ["type": "redacted_thinking", "data": .string(thought.signature)] }
        return [
            "type": "thinking", "thinking": .string(self.omitsThoughts ? "" : thought.text),
            "signature": .string(thought.signature),
        ]
    }

    private var stopSequence: JSON {
        if case .stopSequence(let text) = self.generation.finish { .string(text) } else { .null }
    }

    private var stopDetails: JSON {
        self.generation.finish == .refusal ? ["type": "refusal", "category": nil, "explanation": nil] : .null
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

extension Generation.Finish {
    /// Anthropic's `stop_reason`.
    fileprivate var anthropicName: String {
        switch self {
        case .complete: "end_turn"
        case .length: "max_tokens"
        case .stopSequence: "stop_sequence"
        case .toolCalls: "tool_use"
        case .refusal: "refusal"
        }
    }
}
