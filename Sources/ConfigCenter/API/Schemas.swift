internal import GatewayModel
internal import ServiceKit

// WHY: one table; the schemas of the OpenAPI document, in the order in which they appear there.

/// The shapes that bodies and answers have.
enum Schemas {
    static let all: [(String, DocumentValue)] =
        Self.resources + Self.resources.map { ("\($0.0)Page", Self.page($0.0)) } + [
            ("Config", Self.config), ("Plan", Self.object(["changes": Self.list(Self.reference("Change"))])),
            ("ApplyReport", Self.applyReport), ("SnapshotInfo", Self.snapshotInfo),
            ("SnapshotPage", Self.page("SnapshotInfo")), ("Snapshot", Self.snapshot), ("SnapshotDiff", Self.diff),
            ("Change", Self.change), ("SnapshotEvent", ["type": "string"]), ("AuditEntry", Self.audit),
            ("AuditPage", Self.page("AuditEntry")), ("Gateway", Self.gateway), ("GatewayPage", Self.page("Gateway")),
            ("GatewayReport", Self.object(["version": Self.integer], required: ["version"])),
            ("Login", Self.object(["name": Self.text, "password": Self.password], required: ["name", "password"])),
            (
                "Token",
                Self.object(["token": Self.text, "name": Self.text, "role": Self.role, "expiresAt": Self.time])
            ),
            (
                "PasswordChange",
                Self.object(["current": Self.password, "new": Self.password], required: ["current", "new"])
            ),
            ("Holder", Self.object(["name": Self.text, "role": Self.role])),
            ("User", Self.object(["name": Self.text, "role": Self.role, "createdAt": Self.time])),
            ("UserPage", Self.page("User")),
            (
                "UserDraft",
                Self.object(
                    ["name": Self.text, "role": Self.role, "password": Self.password],
                    required: ["name", "password"]
                )
            ),
        ]

    // MARK: Resources

    private static let resources: [(String, DocumentValue)] = [
        ("Namespace", Self.namespace), ("Key", Self.key), ("Upstream", Self.upstream), ("Model", Self.model),
        ("Route", Self.route), ("Policy", Self.policy), ("Price", Self.price),
    ]

    private static let namespace = Self.object(
        [
            "name": Self.text, "parent": Self.text, "anonymous": Self.flag, "meta": Self.meta,
            "match": Self.object([
                "pathPrefix": Self.text, "hosts": Self.list(Self.text),
                "headers": ["type": "object", "additionalProperties": Self.text],
            ]),
        ],
        required: ["name"]
    )

    private static let key = Self.object(
        [
            "name": Self.text, "namespace": Self.text,
            "value": [
                "type": "string", "minLength": 8, "maxLength": 256,
                "description": "Left out, one is generated, and told once in the answer to its creation.",
            ],
            "models": Self.list(Self.text), "expires": Self.time, "meta": Self.meta,
        ],
        required: ["name", "namespace"]
    )

    private static let upstream = Self.object(
        [
            "name": Self.text, "dialect": Self.choice(Dialect.allCases.map(\.rawValue)), "baseURL": Self.text,
            "credentials": Self.list(
                Self.object([
                    "value": Self.password, "file": Self.text,
                    "headers": ["type": "object", "additionalProperties": Self.password],
                    "aws": Self.object(
                        [
                            "accessKey": Self.text, "secretKey": Self.password, "sessionToken": Self.password,
                            "region": Self.text,
                        ],
                        required: ["accessKey", "secretKey", "region"]
                    ),
                    "azureAD": Self.object(
                        [
                            "tenant": Self.text, "clientID": Self.text, "clientSecret": Self.password,
                            "authority": Self.text,
                        ],
                        required: ["tenant", "clientID", "clientSecret"]
                    ),
                    "stored": [
                        "type": "integer", "minimum": 1, "description": "Keeps the nth credential that is stored.",
                    ],
                    "weight": Self.integer,
                ])
            ),
            "limits": Self.object([
                "connections": Self.integer, "requestsInFlight": Self.integer, "queue": Self.integer,
                "queueTimeout": Self.duration,
            ]),
            "timeouts": Self.object([
                "connect": Self.duration, "firstByte": Self.duration, "idle": Self.duration, "total": Self.duration,
            ]),
            "proxy": [
                "description": "`direct`, the address of a proxy, or its parts.",
                "oneOf": [
                    Self.text,
                    Self.object(
                        [
                            "url": Self.text, "user": Self.text, "password": Self.password, "stored": Self.flag,
                            "caFile": Self.text,
                        ],
                        required: ["url"]
                    ),
                ],
            ],
            "caFile": Self.text, "allowLinkLocal": Self.flag, "apiVersion": Self.text,
            "responses": Self.flag, "meta": Self.meta,
        ],
        required: ["name", "dialect", "baseURL"]
    )

    private static let model = Self.object(
        [
            "name": Self.text, "meta": Self.meta,
            "targets": Self.list(
                Self.object(
                    ["upstream": Self.text, "model": Self.text, "weight": Self.integer, "priority": Self.integer],
                    required: ["upstream"]
                )
            ),
        ],
        required: ["name", "targets"]
    )

    private static let route = Self.object(
        [
            "name": Self.text, "upstream": Self.text, "meta": Self.meta,
            "match": Self.object([
                "namespaces": Self.list(Self.text), "paths": Self.list(Self.text), "models": Self.list(Self.text),
            ]),
            "retry": Self.object([
                "attempts": Self.integer, "on": Self.list(Self.choice(Route.Retry.Condition.allCases.map(\.rawValue))),
                "backoff": Self.duration,
            ]),
            "losses": Self.choice(Route.Losses.allCases.map(\.rawValue)),
        ],
        required: ["name"]
    )

    private static let policy = Self.object(
        [
            "name": Self.text, "mode": Self.choice(Policy.Mode.allCases.map(\.rawValue)), "meta": Self.meta,
            "scope": Self.object([
                "namespace": Self.text, "key": Self.text, "route": Self.text, "model": Self.text,
            ]),
            "rateLimit": Self.object(
                ["requests": Self.integer, "per": Self.duration, "smooth": Self.flag],
                required: ["requests", "per"]
            ),
        ],
        required: ["name", "rateLimit"]
    )

    private static let price = Self.object(
        [
            "name": Self.text, "upstreams": Self.list(Self.text), "models": Self.list(Self.text), "currency": Self.text,
            "from": Self.time, "to": Self.time, "hours": Self.list(Self.text), "rates": Self.rates,
            "tiers": Self.list(
                Self.object(["above": Self.integer, "rates": Self.rates], required: ["above", "rates"])
            ),
            "batch": Self.rates, "priority": Self.rates, "meta": Self.meta,
        ],
        required: ["name", "models", "rates"]
    )

    /// Decimal numbers in quotes, for a million tokens; for requests, for a thousand of them.
    private static let rates: DocumentValue = [
        "type": "object", "additionalProperties": false,
        "properties": .object(DocumentObject(PriceTerms.Rates.Kind.allCases.map { ($0.rawValue, Self.text) })),
    ]

    private static let meta: DocumentValue = [
        "type": "object", "readOnly": true,
        "properties": [
            "id": Self.text, "version": Self.integer, "managedBy": ["type": "string", "enum": ["api", "file"]],
            "updatedAt": Self.time, "hint": Self.text,
        ],
    ]

    // MARK: The rest

    private static let config = Self.object([
        "namespaces": Self.list(Self.reference("Namespace")), "keys": Self.list(Self.reference("Key")),
        "upstreams": Self.list(Self.reference("Upstream")), "models": Self.list(Self.reference("Model")),
        "routes": Self.list(Self.reference("Route")), "policies": Self.list(Self.reference("Policy")),
        "prices": Self.list(Self.reference("Price")), "prune": Self.flag,
    ])

    private static let applyReport = Self.object([
        "version": Self.integer, "changes": Self.list(Self.reference("Change")),
        "generatedKeys": Self.list(Self.object(["name": Self.text, "value": Self.text])),
    ])

    private static let change = Self.object([
        "kind": Self.choice(ResourceKind.allCases.map(\.rawValue)), "name": Self.text,
        "change": Self.choice(["added", "removed", "changed"]), "secretsChanged": Self.flag,
        "fields": Self.list(Self.object(["path": Self.text, "before": [:], "after": [:]])),
    ])

    private static let snapshotInfo = Self.object([
        "version": Self.integer, "createdAt": Self.time, "author": Self.text, "reason": Self.text,
        "contentHash": Self.text,
    ])

    private static let snapshot = Self.object([
        "version": Self.integer, "createdAt": Self.time, "author": Self.text, "reason": Self.text,
        "contentHash": Self.text, "resources": Self.reference("Config"),
    ])

    private static let diff = Self.object([
        "from": Self.integer, "to": Self.integer, "changes": Self.list(Self.reference("Change")),
    ])

    private static let audit = Self.object([
        "id": Self.integer, "at": Self.time, "actor": Self.text, "origin": Self.text, "action": Self.text,
        "kind": Self.text, "name": Self.text, "before": [:], "after": [:], "secretsChanged": Self.flag,
        "snapshot": ["type": ["integer", "null"]],
    ])

    private static let gateway = Self.object([
        "id": Self.text, "version": Self.integer, "origin": Self.text, "seenAt": Self.time, "stale": Self.flag,
    ])

    // MARK: Building blocks

    private static let text: DocumentValue = ["type": "string"]
    private static let password: DocumentValue = ["type": "string", "writeOnly": true]
    private static let flag: DocumentValue = ["type": "boolean"]
    private static let integer: DocumentValue = ["type": "integer"]
    private static let time: DocumentValue = ["type": "string", "format": "date-time"]
    private static let duration: DocumentValue = ["type": "string", "pattern": "^[0-9]+(us|ms|s|m|h|d)$"]
    private static let role = Self.choice(Role.allCases.filter { $0 != .gateway }.map(\.rawValue))

    private static func choice(_ values: [String]) -> DocumentValue {
        ["type": "string", "enum": .array(values.map { .string($0) })]
    }

    private static func list(_ items: DocumentValue) -> DocumentValue { ["type": "array", "items": items] }

    private static func reference(_ name: String) -> DocumentValue {
        ["$ref": .string("#/components/schemas/\(name)")]
    }

    private static func page(_ name: String) -> DocumentValue {
        Self.object(["items": Self.list(Self.reference(name)), "next": ["type": ["string", "null"]]])
    }

    private static func object(
        _ properties: KeyValuePairs<String, DocumentValue>,
        required: [String] = []
    ) -> DocumentValue {
        var object = DocumentObject([
            ("type", "object"), ("additionalProperties", false),
            ("properties", .object(DocumentObject(properties.map { ($0.key, $0.value) }))),
        ])
        if !required.isEmpty { object.set("required", .array(required.map { .string($0) })) }
        return .object(object)
    }
}
