internal import GatewayModel
internal import Storage
internal import Tokenizer

/// The shapes that bodies and answers have, for the OpenAPI document.
enum Schemas {
    static let all: [(String, DocumentValue)] = [
        ("UsageRecord", Self.object(Self.record, required: ["id", "started_at"])),
        (
            "UsageRecordPage",
            Self.object([
                ("items", ["type": "array", "items": Self.object(Self.record + Self.priced)]),
                ("next", ["type": ["string", "null"]]),
            ])
        ),
        (
            "IngestReport",
            Self.object(
                ["stored", "duplicates", "expired", "refused"].map { ($0, Self.integer) } + [
                    (
                        "problems",
                        ["type": "array", "items": Self.object([("path", Self.text), ("message", Self.text)])]
                    )
                ]
            )
        ),
        (
            "TokenizeQuestion",
            Self.object(
                [
                    ("input", Self.texts), ("encoding", Self.encoding), ("model", Self.text),
                    ("special", ["type": "string", "enum": ["text", "refuse", "allow"]]),
                ],
                required: ["input"]
            )
        ),
        (
            "Tokens",
            Self.object([
                ("ids", ["type": "array", "items": Self.integer]), ("count", Self.integer),
                ("pieces", ["type": "array"]), ("offsets", ["type": "array", "items": Self.integer]),
                ("encoding", Self.encoding), ("exact", ["type": "boolean"]),
            ])
        ),
        (
            "CountQuestion",
            [
                "type": "object",
                "description": "A text or list of texts as `input`, a call as `body`, or a call itself.",
                "properties": .object(
                    DocumentObject([
                        ("input", Self.texts), ("encoding", Self.encoding), ("model", Self.text),
                        ("body", ["type": "object"]),
                        ("dialect", ["type": "string", "enum": ["openai", "anthropic", "gemini"]]),
                    ])
                ),
            ]
        ),
        (
            "TokenCount",
            Self.object([
                ("count", Self.integer), ("source", ["type": "string", "enum": ["exact", "estimated"]]),
                ("encoding", Self.encoding), ("uncounted_parts", Self.integer),
            ])
        ),
        (
            "CostQuestion",
            Self.object(
                [
                    ("model", Self.text), ("upstream", Self.text), ("provider", Self.text), ("at", Self.time),
                    ("service", ["type": "string", "enum": ["batch", "priority"]]),
                    ("usage", Self.object(Self.tokens + Self.parts)),
                ],
                required: ["model", "usage"]
            )
        ),
        (
            "Cost",
            Self.object([
                ("cost", Self.money), ("currency", Self.text), ("price_version", Self.text),
                ("terms", ["type": "object"]),
            ])
        ),
        (
            "Usage",
            Self.object([
                ("from", Self.time), ("to", Self.time), ("complete", ["type": "boolean"]),
                ("rows", ["type": "array", "items": Self.object(Self.row)]),
            ])
        ),
    ]

    private static let text: DocumentValue = ["type": "string"]
    private static let texts: DocumentValue = [
        "oneOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]
    ]
    private static let encoding: DocumentValue = [
        "type": "string", "enum": .array(Vocabulary.allCases.map { .string($0.rawValue) }),
    ]
    private static let integer: DocumentValue = ["type": "integer"]
    private static let number: DocumentValue = ["type": ["number", "null"]]
    private static let time: DocumentValue = ["type": "string", "format": "date-time"]
    private static let money: DocumentValue = [
        "type": ["string", "null"], "description": "An exact decimal number of currency units.",
    ]
    private static let names: DocumentValue = ["type": "object", "additionalProperties": ["type": "string"]]
    private static let tokens = TokenUsage.Kind.allCases.map { ($0.fieldName, Self.integer) }
    private static let parts = TokenUsage.Part.allCases.map { ($0.fieldName, Self.integer) }

    private static func text(upTo bytes: Int) -> DocumentValue {
        ["type": "string", "description": .string("At most \(bytes) bytes of UTF-8.")]
    }

    private static func object(
        _ fields: [(String, DocumentValue)],
        required: [String] = []
    ) -> DocumentValue {
        var object = DocumentObject([("type", "object"), ("properties", .object(DocumentObject(fields)))])
        if !required.isEmpty { object.set("required", .array(required.map { .string($0) })) }
        return .object(object)
    }

    private static let record = Self.asked + Self.ended

    /// What stands in a record when its request leaves.
    private static var asked: [(String, DocumentValue)] {
        let name = Self.text(upTo: UsageRecord.TextLimits.name)
        let text = Self.text(upTo: UsageRecord.TextLimits.text)
        return [
            ("id", ["type": "string", "pattern": "^req_[0-9a-f]{32}$"]),
            ("started_at", Self.nanoseconds("since 1970")), ("namespace", name), ("key", name), ("model", text),
            ("model_served", text), ("route", text), ("upstream", name), ("dialect", text), ("caller_dialect", text),
            ("path", text), ("stream", ["type": "boolean"]), ("end_user", text), ("tags", Self.names),
            ("matched_headers", Self.names), ("estimated_input", Self.integer), ("limit", Self.integer),
            ("limit_remaining", Self.integer),
        ]
    }

    /// What its end adds.
    private static var ended: [(String, DocumentValue)] {
        let outcomes = DocumentValue.array(Outcome.allCases.map { .string($0.rawValue) })
        let sources = DocumentValue.array(TokenUsage.Source.allCases.map { .string($0.rawValue) })
        let after = Self.nanoseconds("since the start")
        let first: [(String, DocumentValue)] = [
            ("outcome", ["type": "string", "enum": outcomes]), ("code", Self.text), ("status", Self.integer),
            ("attempts", Self.integer), ("request_bytes", Self.integer), ("response_bytes", Self.integer),
            ("usage_source", ["type": "string", "enum": sources]),
        ]
        let last = [
            ("sent_after", after), ("first_byte_after", after), ("ended_after", after),
            ("config_version", Self.integer),
        ]
        return first + Self.tokens + Self.parts + last
    }

    private static let priced: [(String, DocumentValue)] = [
        ("time", Self.time), ("cost", Self.money), ("currency", Self.text), ("price_version", Self.text),
    ]

    private static let row: [(String, DocumentValue)] =
        (UsageQuery.TimeUnit.allCases.map(\.rawValue) + UsageQuery.Dimension.allCases.map(\.rawValue)).map {
            ($0, Self.text)
        }
        + [("requests", Self.integer), ("failed", Self.integer)] + Self.tokens
        + [
            ("tokens", Self.integer), ("cost", Self.money), ("currency", Self.text), ("unpriced", Self.integer),
            ("duration_ms_mean", Self.number), ("first_byte_ms_mean", Self.number),
        ]

    private static func nanoseconds(_ since: String) -> DocumentValue {
        ["type": "integer", "description": .string("Nanoseconds \(since).")]
    }
}
