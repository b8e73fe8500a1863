// POST /v1/chat/completions. Streams: a chunk with the role, a chunk for each token (or piece of a tool call's arguments),
// a chunk with the finish reason, one with usage and empty `choices` where `stream_options.include_usage` asks for it, `[DONE]`.

import HTTPTypes
import JSONScan

/// OpenAI's chat completions.
enum ChatCompletions {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/chat/completions") { call, provider in
            try Self.answer(call, provider)
        }
    ]

    private static func answer(_ call: Call, _ provider: Provider) throws -> Answer {
        let model = try call.requiredModel()
        guard let messages = try call.required("messages").array, !messages.isEmpty else {
            throw APIError.invalid("'messages' must be an array with at least one message.", parameter: "messages")
        }
        try provider.checkModel(model)
        let completion = try Completion(call, model: model, messages: messages, provider: provider)
        if completion.isStored { completion.store(in: provider.store) }
        if call.streams { return .events { outlet in try await completion.stream(to: outlet) } }
        return .json(completion.body, tokens: completion.outputTokens)
    }

    /// One answer to a chat: `n` choices.
    struct Completion: Sendable {
        let id: String
        let model: String
        let created: Int
        let isStored: Bool
        private let messages: [JSON]
        private let metadata: JSON
        private let choices: [Generation]
        private let promptTokens: Int
        private let streamsUsage: Bool
        /// How many alternatives of each token are told; nil: no probabilities are.
        private let alternatives: Int?
        private let isFiltered: Bool

        init(_ call: Call, model: String, messages: [JSON], provider: Provider) throws {
            let json = call.json
            let prompt = try ChatPrompt(
                json,
                messages: messages,
                acceptsPlaceholders: provider.options.acceptsPlaceholders
            )
            self.isStored = json["store"]?.bool ?? false
            self.id = self.isStored ? provider.newID("chatcmpl-", call) : Text.identifier("chatcmpl-", call.seed)
            self.model = model
            self.created = call.created
            self.messages = messages
            self.metadata = json["metadata"] ?? .null
            self.promptTokens = prompt.prompt.tokens
            self.streamsUsage = json["stream_options"]?["include_usage"]?.bool ?? false
            self.alternatives = json["logprobs"]?.bool == true ? json["top_logprobs"]?.int ?? 0 : nil
            self.isFiltered = call.dialect == .azure
            let count = min(max(json["n"]?.int ?? 1, 1), 128)
            self.choices = (0..<count).map { index in
                let seed = Text.mix(call.seed &+ UInt64(index))
                return Generation(prompt.prompt, prompt.tools, idPrefix: "call_", seed: seed, dials: call.dials)
            }
        }

        var outputTokens: Int { self.choices.reduce(0) { $0 + $1.tokens } }

        var body: JSON {
            var body = self.head(object: "chat.completion")
            body = body.setting(
                "choices",
                .array(self.choices.enumerated().map { self.choice($0, $1) })
            )
            if self.isFiltered { body = body.setting("prompt_filter_results", ContentFilter.cleanPrompt) }
            body = body.setting("usage", self.usage)
            return self.isStored ? body.setting("metadata", self.metadata) : body
        }

        func store(in store: ObjectStore) {
            let messages = self.messages.enumerated().map { index, message in
                message.setting("id", .string("\(self.id)-\(index)"))
            }
            store.put(StoredObject(kind: .completion, id: self.id, json: self.body, items: messages))
        }

        func stream(to outlet: Outlet) async throws {
            if self.isFiltered { try await outlet.event(nil, Self.filteredPrompt) }
            for index in self.choices.indices {
                try await outlet.event(nil, self.chunk(index, ["role": "assistant", "content": "", "refusal": nil]))
            }
            let longest = self.choices.map(\.pieceCount).max() ?? 0
            for place in 0..<longest {
                for (index, choice) in self.choices.enumerated() where place < choice.pieceCount {
                    let piece = choice.piece(place)
                    let name = choice.finish == .refusal ? "refusal" : "content"
                    let delta = JSON.object([JSON.Member(name: name, value: .string(piece))])
                    let odds = self.odds([piece], isRefusal: choice.finish == .refusal)
                    try await outlet.token(nil, self.chunk(index, delta, odds: odds))
                }
            }
            for (index, choice) in self.choices.enumerated() {
                try await self.streamToolCalls(of: choice, index, to: outlet)
                try await outlet.event(nil, self.chunk(index, [:], finish: .string(choice.finish.openAIName)))
            }
            if self.streamsUsage {
                let chunk = self.head(object: "chat.completion.chunk").setting("choices", [])
                try await outlet.event(nil, chunk.setting("usage", self.usage))
            }
            try await outlet.write(Array("data: [DONE]\n\n".utf8))
        }

        private func streamToolCalls(of choice: Generation, _ index: Int, to outlet: Outlet) async throws {
            for (number, call) in choice.toolCalls.enumerated() {
                let head: JSON = [
                    "index": .int(number), "id": .string(call.id), "type": "function",
                    "function": ["name": .string(call.name), "arguments": ""],
                ]
                try await outlet.token(nil, self.chunk(index, ["tool_calls": [head]]))
                for piece in call.argumentPieces {
                    let part: JSON = ["index": .int(number), "function": ["arguments": .string(piece)]]
                    try await outlet.token(nil, self.chunk(index, ["tool_calls": [part]]))
                }
            }
        }

        /// What Azure's stream begins with: a chunk of no choice and no name.
        private static let filteredPrompt: JSON = [
            "choices": [], "created": 0, "id": "", "model": "", "object": "",
            "prompt_filter_results": ContentFilter.cleanPrompt,
        ]

        private func chunk(_ index: Int, _ delta: JSON, finish: JSON = .null, odds: JSON = .null) -> JSON {
            var choice: JSON = ["index": .int(index), "delta": delta, "logprobs": odds, "finish_reason": finish]
            if self.isFiltered {
                let hasText = !(delta["content"]?.string ?? "").isEmpty
                choice = choice.setting("content_filter_results", hasText ? ContentFilter.clean : [:])
            }
            let chunk = self.head(object: "chat.completion.chunk").setting("choices", [choice])
            return self.streamsUsage ? chunk.setting("usage", .null) : chunk
        }

        private func head(object: String) -> JSON {
            [
                "id": .string(self.id), "object": .string(object), "created": .int(self.created),
                "model": .string(self.model), "service_tier": "default", "system_fingerprint": "fp_simulator",
            ]
        }

        private var usage: JSON {
            [
                "prompt_tokens": .int(self.promptTokens), "completion_tokens": .int(self.outputTokens),
                "total_tokens": .int(self.promptTokens + self.outputTokens),
                "prompt_tokens_details": ["cached_tokens": 0, "audio_tokens": 0],
                "completion_tokens_details": [
                    "reasoning_tokens": .int(self.choices.reduce(0) { $0 + $1.thoughtTokens }), "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                ],
            ]
        }

        private func choice(_ index: Int, _ choice: Generation) -> JSON {
            let calls = choice.toolCalls
            let isRefusal = choice.finish == .refusal
            let text = JSON.string(choice.text)
            var message: JSON = [
                "role": "assistant", "content": calls.isEmpty && !isRefusal ? text : .null,
                "refusal": isRefusal ? text : .null, "annotations": [],
            ]
            if !calls.isEmpty { message = message.setting("tool_calls", .array(calls.map(Self.toolCall))) }
            let pieces = (0..<choice.pieceCount).map { choice.piece($0) }
            let body: JSON = [
                "index": .int(index), "message": message, "logprobs": self.odds(pieces, isRefusal: isRefusal),
                "finish_reason": .string(choice.finish.openAIName),
            ]
            return self.isFiltered ? body.setting("content_filter_results", ContentFilter.clean) : body
        }

        private func odds(_ pieces: [String], isRefusal: Bool) -> JSON {
            guard let count = self.alternatives else { return .null }
            let odds = JSON.array(pieces.map { TokenOdds.json($0, alternatives: count) })
            return ["content": isRefusal ? .null : odds, "refusal": isRefusal ? odds : .null]
        }

        private static func toolCall(_ call: Generation.ToolCall) -> JSON {
            [
                "id": .string(call.id), "type": "function",
                "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
            ]
        }
    }
}

extension Generation.Finish {
    /// OpenAI's `finish_reason`.
    var openAIName: String {
        switch self {
        case .complete, .stopSequence, .refusal: "stop"
        case .length: "length"
        case .toolCalls: "tool_calls"
        }
    }
}
