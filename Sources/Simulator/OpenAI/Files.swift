import HTTPTypes
import JSONScan

/// OpenAI's files.
enum Files {
    static let endpoints = [
        Endpoint(method: .post, path: "/v1/files") { call, provider in
            guard let form = call.form, let file = form.part("file") else {
                throw APIError.invalid("Missing required parameter: 'file'.", parameter: "file")
            }
            guard let purpose = form.text("purpose") else {
                throw APIError.invalid("Missing required parameter: 'purpose'.", parameter: "purpose")
            }
            let id = provider.newID("file-", call)
            let object = Self.file(
                id,
                name: file.filename ?? "file",
                content: file.content,
                purpose: purpose,
                created: call.created
            )
            provider.store.put(object)
            return .json(object.json)
        },
        Endpoint(method: .get, path: "/v1/files") { call, provider in
            let files = provider.store.list(.file).map(\.json)
            return ListPage.answer(
                files.filter { file in call.query["purpose"].map { $0 == file["purpose"]?.string } ?? true },
                call
            )
        },
        Endpoint(method: .get, path: "/v1/files/{id}") { call, provider in
            .json(try provider.object(.file, call, example: Self.example).json)
        },
        Endpoint(method: .get, path: "/v1/files/{id}/content") { call, provider in
            .bytes(try provider.object(.file, call, example: Self.example).content, type: "application/octet-stream")
        },
        Endpoint(method: .delete, path: "/v1/files/{id}") { call, provider in
            try provider.remove(.file, call)
            return .json(["id": .string(call.id), "object": "file", "deleted": true])
        },
    ]

    /// A file as it is kept.
    static func file(_ id: String, name: String, content: [UInt8], purpose: String, created: Int) -> StoredObject {
        let json: JSON = [
            "id": .string(id), "object": "file", "bytes": .int(content.count), "created_at": .int(created),
            "filename": .string(name), "purpose": .string(purpose), "status": "processed",
        ]
        return StoredObject(kind: .file, id: id, json: json, content: content)
    }

    private static func example(_ call: Call) -> StoredObject {
        Self.file(
            call.id,
            name: "example.txt",
            content: Array("example".utf8),
            purpose: "user_data",
            created: call.created
        )
    }
}
