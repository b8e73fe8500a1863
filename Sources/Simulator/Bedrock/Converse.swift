// POST /model/{model}/converse and /converse-stream. A stream: messageStart; for each block contentBlockStart (tool uses only),
// contentBlockDelta …, contentBlockStop; messageStop with the stop reason; metadata with the usage. Every event of the stream
// carries `p`, letters that hide how long its text is.

import HTTPTypes
import JSONScan

/// Amazon Bedrock's Converse.
enum Converse {
    static let endpoints = [
        Endpoint(method: .post, path: "/model/{model}/converse", dialect: .bedrock) { call, provider in
            let answer = try ConverseAnswer(call, provider)
            return .json(answer.whole, tokens: answer.generation.tokens)
        },
        Endpoint(method: .post, path: "/model/{model}/converse-stream", dialect: .bedrock) { call, provider in
            let answer = try ConverseAnswer(call, provider)
            return Answer(
                headers: [.contentType: "application/vnd.amazon.eventstream"],
                body: .events { outlet in try await answer.stream(to: outlet) }
            )
        },
    ]
}

/// One answer of Converse.
private struct ConverseAnswer: Sendable {
    let generation: Generation
    private let inputTokens: Int
    private let additionalFields: JSON?

    init(_ call: Call, _ provider: Provider) throws {
        let model = call.model ?? ""
        let prompt = try ConversePrompt(call.json)
        if let models = provider.options.models, !models.contains(model), !model.hasPrefix("sim-") {
            throw APIError.bedrock("The provided model identifier is invalid.")
        }
        let seed = Text.mix(call.seed)
        self.generation = Generation(
            prompt.prompt,
            prompt.tools,
            idPrefix: "tooluse_",
            seed: seed,
            dials: call.dials
        )
        self.inputTokens = prompt.prompt.tokens
        self.additionalFields = Self.additionalFields(call, self.generation)
    }

    var whole: JSON {
        var content: [JSON] = []
        if let thought = self.generation.thought {
            let text: JSON = ["text": .string(thought.text), "signature": .string(thought.signature)]
            content.append(["reasoningContent": ["reasoningText": text]])
        }
        if self.generation.toolCalls.isEmpty { content.append(["text": .string(self.generation.text)]) }
        content += self.generation.toolCalls.map { call in
            let input = (try? JSON(parsing: Array(call.arguments.utf8))) ?? [:]
            return ["toolUse": Self.start(call).setting("input", input)]
        }
        let body: JSON = [
            "output": ["message": ["role": "assistant", "content": .array(content)]],
            "stopReason": .string(self.generation.finish.bedrockName), "usage": self.usage,
            "metrics": ["latencyMs": 1],
        ]
        return self.additionalFields.map { body.setting("additionalModelResponseFields", $0) } ?? body
    }

    func stream(to outlet: Outlet) async throws {
        try await Self.send("messageStart", ["role": "assistant"], to: outlet)
        var index = 0
        if let thought = self.generation.thought {
            for place in 0..<thought.pieceCount {
                try await Self.send(["reasoningContent": ["text": .string(thought.piece(place))]], index, to: outlet)
            }
            let signature: JSON = ["reasoningContent": ["signature": .string(thought.signature)]]
            try await Self.send(signature, index, isToken: false, to: outlet)
            try await Self.send("contentBlockStop", ["contentBlockIndex": .int(index)], to: outlet)
            index += 1
        }
        if self.generation.toolCalls.isEmpty {
            for place in 0..<self.generation.pieceCount {
                try await Self.send(["text": .string(self.generation.piece(place))], index, to: outlet)
            }
            try await Self.send("contentBlockStop", ["contentBlockIndex": .int(index)], to: outlet)
        }
        try await self.streamCalls(from: index, to: outlet)
        var stop: JSON = ["stopReason": .string(self.generation.finish.bedrockName)]
        if let fields = self.additionalFields { stop = stop.setting("additionalModelResponseFields", fields) }
        try await Self.send("messageStop", stop, to: outlet)
        try await Self.send("metadata", ["usage": self.usage, "metrics": ["latencyMs": 1]], to: outlet)
    }

    private func streamCalls(from first: Int, to outlet: Outlet) async throws {
        for (place, call) in self.generation.toolCalls.enumerated() {
            let index = first + place
            let start: JSON = ["contentBlockIndex": .int(index), "start": ["toolUse": Self.start(call)]]
            try await Self.send("contentBlockStart", start, to: outlet)
            for piece in call.argumentPieces {
                try await Self.send(["toolUse": ["input": .string(piece)]], index, to: outlet)
            }
            try await Self.send("contentBlockStop", ["contentBlockIndex": .int(index)], to: outlet)
        }
    }

    private var usage: JSON {
        [
            "inputTokens": .int(self.inputTokens), "outputTokens": .int(self.generation.tokens),
            "totalTokens": .int(self.inputTokens + self.generation.tokens),
            "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0,
        ]
    }

    /// The fields of the model's own answer that the request names by JSON pointers; there is one, `/stop_sequence`.
    private static func additionalFields(_ call: Call, _ generation: Generation) -> JSON? {
        guard ChatPrompt.strings(call.json["additionalModelResponseFieldPaths"]).contains("/stop_sequence") else {
            return nil
        }
        if case .stopSequence(let text) = generation.finish { return ["stop_sequence": .string(text)] }
        return ["stop_sequence": nil]
    }

    private static func start(_ call: Generation.ToolCall) -> JSON {
        ["toolUseId": .string(call.id), "name": .string(call.name)]
    }

    private static func send(_ delta: JSON, _ index: Int, isToken: Bool = true, to outlet: Outlet) async throws {
        if isToken { try await outlet.pace() }
        try await Self.send("contentBlockDelta", ["contentBlockIndex": .int(index), "delta": delta], to: outlet)
    }

    private static func send(_ type: String, _ payload: JSON, to outlet: Outlet) async throws {
        let letters = "abcdefghijklmnopqrstuvwxyz".prefix(1 + Int(Text.seed(payload.text) % 26))
        try await outlet.write(EventStream.event(type, payload.setting("p", .string(String(letters)))))
    }
}

extension Generation.Finish {
    /// Bedrock's `stopReason`.
    fileprivate var bedrockName: String {
        switch self {
        case .complete: "end_turn"
        case .length: "max_tokens"
        case .stopSequence: "stop_sequence"
        case .toolCalls: "tool_use"
        case .refusal: "content_filtered"
        }
    }
}
