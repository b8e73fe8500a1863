import HTTPTypes
import JSONScan

/// OpenAI's batches. A batch is `in_progress` until it is read for the first time, and `completed` from then on, with a file
/// of results that has a line for each line of its input.
enum Batches {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/batches") { call, provider in
            let input = try call.required("input_file_id").string ?? ""
            guard provider.store.get(.file, input) != nil || provider.options.acceptsPlaceholders else {
                throw APIError.invalid("No file with id '\(input)'.", parameter: "input_file_id")
            }
            let id = provider.newID("batch_", call)
            let object = StoredObject(kind: .batch, id: id, json: Self.batch(id, call, input: input))
            provider.store.put(object)
            return .json(object.json)
        },
        Endpoint(method: .get, path: "/v1/batches") { call, provider in
            ListPage.answer(provider.store.list(.batch).map(\.json), call)
        },
        Endpoint(method: .get, path: "/v1/batches/{id}") { call, provider in
            var object = try provider.object(.batch, call, example: Self.example)
            if object.json["status"]?.string == "in_progress" {
                object.json = Self.completed(object.json, provider, created: call.created)
                provider.store.put(object)
            }
            return .json(object.json)
        },
        Endpoint(method: .post, path: "/v1/batches/{id}/cancel") { call, provider in
            var object = try provider.object(.batch, call, example: Self.example)
            object.json = object.json.setting("status", "cancelled").setting("cancelled_at", .int(call.created))
            provider.store.put(object)
            return .json(object.json)
        },
    ]

    private static func batch(_ id: String, _ call: Call, input: String) -> JSON {
        [
            "id": .string(id), "object": "batch", "endpoint": call.json["endpoint"] ?? "/v1/chat/completions",
            "errors": nil, "input_file_id": .string(input),
            "completion_window": call.json["completion_window"] ?? "24h", "status": "in_progress",
            "output_file_id": nil,
            "error_file_id": nil, "created_at": .int(call.created),
            "request_counts": ["total": 0, "completed": 0, "failed": 0], "metadata": call.json["metadata"] ?? .null,
        ]
    }

    private static func completed(_ batch: JSON, _ provider: Provider, created: Int) -> JSON {
        let input = provider.store.get(.file, batch["input_file_id"]?.string ?? "")?.content ?? []
        let lines = input.split(separator: UInt8(ascii: "\n")).compactMap { try? JSON(parsing: Array($0)) }
        let results = lines.enumerated().map { index, line -> JSON in
            [
                "id": .string("batch_req_\(index)"), "custom_id": line["custom_id"] ?? .null, "error": nil,
                "response": [
                    "status_code": 200, "request_id": .string("req_\(index)"),
                    "body": ["model": line["body"]?["model"] ?? .null, "object": "simulated"],
                ],
            ]
        }
        let id = Text.identifier("file-", provider.numbers.next())
        let content = results.map(\.text).joined(separator: "\n")
        provider.store.put(
            Files.file(
                id,
                name: "output.jsonl",
                content: Array(content.utf8),
                purpose: "batch_output",
                created: created
            )
        )
        let count = JSON.int(results.count)
        return batch.setting("status", "completed").setting("output_file_id", .string(id))
            .setting("request_counts", ["total": count, "completed": count, "failed": 0])
    }

    private static func example(_ call: Call) -> StoredObject {
        StoredObject(kind: .batch, id: call.id, json: Self.batch(call.id, call, input: "file-example"))
    }
}
