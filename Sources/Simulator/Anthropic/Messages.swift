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
            let message = AssistantMessage(call, model: model, prompt: prompt)
            if call.streams { return .events { outlet in try await message.stream(to: outlet) } }
            return .json(message.finished, tokens: message.generation.tokens)
        },
        Endpoint(method: .post, path: "/v1/messages/count_tokens", dialect: .anthropic) { call, provider in
            try provider.checkModel(try call.requiredModel())
            return .json(["input_tokens": .int(try MessagePrompt(call).prompt.tokens)])
        },
    ]
}
