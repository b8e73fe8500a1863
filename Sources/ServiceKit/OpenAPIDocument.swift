package import GatewayModel
internal import HTTPTypes

/// The OpenAPI 3.1 document of a table of endpoints.
package struct OpenAPIDocument: Sendable {
    private let title: String
    private let endpoints: [Endpoint]
    private let schemas: [(String, DocumentValue)]

    package init(title: String, endpoints: [Endpoint], schemas: [(String, DocumentValue)]) {
        self.title = title
        self.endpoints = endpoints
        self.schemas = schemas
    }

    package var document: DocumentValue {
        var paths = DocumentObject()
        for endpoint in self.endpoints {
            var item = paths[endpoint.path]?.object ?? DocumentObject()
            item.set(endpoint.method.rawValue.lowercased(), Self.operation(endpoint))
            paths.set(endpoint.path, .object(item))
        }
        return [
            "openapi": "3.1.0",
            "info": ["title": .string(self.title), "version": "1"],
            "paths": .object(paths),
            "components": [
                "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
                "schemas": .object(DocumentObject(self.schemas + [("Problem", Self.problem)])),
            ],
        ]
    }

    private static func operation(_ endpoint: Endpoint) -> DocumentValue {
        var operation = DocumentObject([
            ("operationId", .string(endpoint.operation)), ("summary", .string(endpoint.summary)),
        ])
        switch endpoint.access {
        case .open: operation.set("security", [])
        case .roles(let roles):
            operation.set("security", [["bearer": []]])
            operation.set("x-roles", .array(Role.allCases.filter(roles.contains).map { .string($0.rawValue) }))
        }
        let parameters =
            endpoint.parameters.map { Self.parameter($0, "path", nil) }
            + endpoint.query.map { Self.parameter($0.name, "query", $0.summary) }
        if !parameters.isEmpty { operation.set("parameters", .array(parameters)) }
        if let body = endpoint.body {
            operation.set("requestBody", ["required": true, "content": Self.content(body.schema, body.types)])
        }
        var answer = DocumentObject([("description", .string(endpoint.answer.status.reasonPhrase))])
        if let schema = endpoint.answer.schema {
            answer.set("content", Self.content(schema, endpoint.answer.types))
        }
        let problem = Self.content("Problem", ["application/problem+json"])
        operation.set(
            "responses",
            .object(
                DocumentObject([
                    ("\(endpoint.answer.status.code)", .object(answer)),
                    ("default", ["description": "What was wrong", "content": problem]),
                ])
            )
        )
        return .object(operation)
    }

    private static func parameter(_ name: String, _ place: String, _ summary: String?) -> DocumentValue {
        var object = DocumentObject([
            ("name", .string(name)), ("in", .string(place)), ("required", .bool(place == "path")),
            ("schema", ["type": "string"]),
        ])
        if let summary { object.set("description", .string(summary)) }
        return .object(object)
    }

    private static func content(_ schema: String, _ types: [String]) -> DocumentValue {
        let reference: DocumentValue = ["schema": ["$ref": .string("#/components/schemas/\(schema)")]]
        return .object(DocumentObject(types.map { ($0, reference) }))
    }

    private static let problem: DocumentValue = [
        "type": "object",
        "required": ["title", "status", "code", "detail"],
        "properties": [
            "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
            "code": ["type": "string", "enum": .array(ServiceCode.allCases.map { .string($0.rawValue) })],
            "detail": ["type": "string"],
            "path": ["type": "string", "description": "The field of the first problem."],
            "problems": [
                "type": "array",
                "items": [
                    "type": "object",
                    "properties": [
                        "path": ["type": "string"], "message": ["type": "string"],
                        "allowed": ["type": "array", "items": ["type": "string"]],
                    ],
                ],
            ],
        ],
    ]
}
