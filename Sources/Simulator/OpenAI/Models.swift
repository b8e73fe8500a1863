import HTTPTypes
import JSONScan

/// Lists of models, in OpenAI's form; in Anthropic's for requests with an `anthropic-version` header, in Gemini's for those with
/// an `x-goog-api-key`.
enum Models {
    static let endpoints = [
        Endpoint(method: .get, path: "/v1/models") { call, provider in
            if call.dialect == .gemini { return GeminiModels.list(call, provider) }
            let names = provider.options.models ?? Simulator.exampleModels
            if call.dialect == .anthropic { return .json(Self.anthropicList(names)) }
            return .json(["object": "list", "data": .array(names.map(Self.openAIModel))])
        },
        Endpoint(method: .get, path: "/v1/models/{id}") { call, provider in
            if call.dialect == .gemini { return try GeminiModels.one(call.id, call, provider) }
            try provider.checkModel(call.id)
            return .json(call.dialect == .anthropic ? Self.anthropicModel(call.id) : Self.openAIModel(call.id))
        },
        Endpoint(method: .delete, path: "/v1/models/{id}") { call, provider in
            try provider.checkModel(call.id)
            return .json(["id": .string(call.id), "object": "model", "deleted": true])
        },
    ]

    private static func openAIModel(_ name: String) -> JSON {
        ["id": .string(name), "object": "model", "created": 1_700_000_000, "owned_by": "simulator"]
    }

    private static func anthropicModel(_ name: String) -> JSON {
        ["type": "model", "id": .string(name), "display_name": .string(name), "created_at": "2024-01-01T00:00:00Z"]
    }

    private static func anthropicList(_ names: [String]) -> JSON {
        [
            "data": .array(names.map(Self.anthropicModel)), "has_more": false, "first_id": .optional(names.first),
            "last_id": .optional(names.last),
        ]
    }
}
