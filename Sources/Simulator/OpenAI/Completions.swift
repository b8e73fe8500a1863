import HTTPTypes
import JSONScan

/// OpenAI's text completions: `POST /v1/completions`.
enum Completions {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/completions") { call, provider in
            let completion = try Completion(call, provider)
            if call.streams { return .events { outlet in try await completion.stream(to: outlet) } }
            return .json(completion.body, tokens: completion.outputTokens)
        }
    ]

    private struct Completion: Sendable {
        private let head: JSON
        private let choices: [Generation]
        private let echo: String
        private let promptTokens: Int
        private let streamsUsage: Bool

        init(_ call: Call, _ provider: Provider) throws {
            let model = try call.requiredModel()
            try provider.checkModel(model)
            let text = Completion.text(of: call.json["prompt"])
            var prompt = Prompt()
            prompt.tokens = max(1, Text.tokens(in: text))
            prompt.outputLimit = call.json["max_tokens"]?.int ?? 16
            prompt.stop = ChatPrompt.strings(call.json["stop"])
            self.head = [
                "id": .string(Text.identifier("cmpl-", call.seed)), "object": "text_completion",
                "created": .int(call.created), "model": .string(model), "system_fingerprint": "fp_simulator",
            ]
            self.echo = call.json["echo"]?.bool == true ? text : ""
            self.promptTokens = prompt.tokens
            self.streamsUsage = call.json["stream_options"]?["include_usage"]?.bool ?? false
            let count = min(max(call.json["n"]?.int ?? 1, 1), 128)
            self.choices = (0..<count).map { index in
                Generation(prompt, seed: Text.mix(call.seed &+ UInt64(index)), dials: call.dials)
            }
        }

        var outputTokens: Int { self.choices.reduce(0) { $0 + $1.tokens } }

        var body: JSON {
            let choices = self.choices.enumerated().map { index, choice in
                Self.choice(index, self.echo + choice.text, finish: .string(choice.finish.openAIName))
            }
            return self.head.setting("choices", .array(choices)).setting("usage", self.usage)
        }

        func stream(to outlet: Outlet) async throws {
            for (index, choice) in self.choices.enumerated() {
                for place in 0..<choice.pieceCount {
                    let text = (place == 0 ? self.echo : "") + choice.piece(place)
                    try await outlet.token(nil, self.head.setting("choices", [Self.choice(index, text, finish: nil)]))
                }
                let last = Self.choice(index, "", finish: .string(choice.finish.openAIName))
                try await outlet.event(nil, self.head.setting("choices", [last]))
            }
            if self.streamsUsage {
                try await outlet.event(nil, self.head.setting("choices", []).setting("usage", self.usage))
            }
            try await outlet.write(Array("data: [DONE]\n\n".utf8))
        }

        private var usage: JSON {
            [
                "prompt_tokens": .int(self.promptTokens), "completion_tokens": .int(self.outputTokens),
                "total_tokens": .int(self.promptTokens + self.outputTokens),
            ]
        }

        private static func choice(_ index: Int, _ text: String, finish: JSON) -> JSON {
            ["text": .string(text), "index": .int(index), "logprobs": nil, "finish_reason": finish]
        }

        /// The text of a prompt; token ids count as one word each.
        private static func text(of prompt: JSON?) -> String {
            switch prompt {
            case .string(let text): text
            case .array(let values): values.map { Self.text(of: $0) }.joined(separator: " ")
            case .int(let id): String(id)
            default: ""
            }
        }
    }
}
