import HTTPTypes
import JSONScan

/// Chat completions that were asked to be kept (`store: true`).
enum StoredCompletions {
    static let endpoints = [
        Endpoint(method: .get, path: "/v1/chat/completions") { call, provider in
            ListPage.answer(
                provider.store.list(.completion).map(\.json).filter { json in
                    call.query["model"].map { $0 == json["model"]?.string } ?? true
                },
                call
            )
        },
        Endpoint(method: .get, path: "/v1/chat/completions/{id}") { call, provider in
            .json(try provider.object(.completion, call, example: Self.example).json)
        },
        Endpoint(method: .post, path: "/v1/chat/completions/{id}") { call, provider in
            var object = try provider.object(.completion, call, example: Self.example)
            object.json = object.json.setting("metadata", call.json["metadata"] ?? .null)
            provider.store.put(object)
            return .json(object.json)
        },
        Endpoint(method: .delete, path: "/v1/chat/completions/{id}") { call, provider in
            try provider.remove(.completion, call)
            return .json(["object": "chat.completion.deleted", "id": .string(call.id), "deleted": true])
        },
        Endpoint(method: .get, path: "/v1/chat/completions/{id}/messages") { call, provider in
            ListPage.answer(try provider.object(.completion, call, example: Self.example).items, call)
        },
    ]

    private static func example(_ call: Call) throws -> StoredObject {
        let message: JSON = ["role": "assistant", "content": "An example.", "refusal": nil, "annotations": []]
        let json: JSON = [
            "id": .string(call.id), "object": "chat.completion", "created": .int(call.created), "model": "sim-example",
            "choices": [["index": 0, "message": message, "logprobs": nil, "finish_reason": "stop"]],
            "usage": ["prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3],
        ]
        let first = message.setting("id", .string("\(call.id)-0"))
        return StoredObject(kind: .completion, id: call.id, json: json, items: [first])
    }
}
