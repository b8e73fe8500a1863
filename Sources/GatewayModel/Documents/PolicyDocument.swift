extension Policy {
    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader) {
        let name = fields.required("name", TextRule.name)
        let scope = fields.object("scope").map { Scope(reading: $0) } ?? .global
        let mode = fields.choice("mode", default: Mode.enforce)
        let limit = fields.object("rateLimit").map { RateLimit(reading: $0) }
        if limit == nil { fields.problem("rateLimit", "is required: a policy says what it limits") }
        self.init(
            name: name,
            scope: scope,
            mode: mode,
            rule: .rateLimit(limit ?? RateLimit(requests: 1, per: .seconds(1)))
        )
        fields.finish()
    }

    /// The written form, with every default written out.
    package var document: DocumentValue {
        var object = DocumentObject([("name", .string(self.name))])
        if let scope = self.scope.document { object.set("scope", scope) }
        object.set("mode", .string(self.mode.rawValue))
        switch self.rule {
        case .rateLimit(let limit): object.set("rateLimit", limit.document)
        }
        return .object(object)
    }
}

extension Policy.Scope {
    init(reading fields: FieldReader) {
        let scopes: [Self] = ["namespace", "key", "route", "model"].compactMap { kind in
            guard fields.has(kind) else { return nil }
            let name = fields.required(kind, kind == "model" ? TextRule.pattern : TextRule.name)
            switch kind {
            case "namespace": return .namespace(name)
            case "key": return .key(name)
            case "route": return .route(name)
            default: return .model(name)
            }
        }
        fields.finish()
        if scopes.count != 1 {
            fields.log.add(
                fields.path,
                "must name exactly one of: namespace, key, route, model; leave `scope` out for a global policy",
                allowed: ["namespace", "key", "route", "model"]
            )
        }
        self = scopes.first ?? .global
    }

    var document: DocumentValue? {
        switch self {
        case .global: nil
        case .namespace(let name): ["namespace": .string(name)]
        case .key(let name): ["key": .string(name)]
        case .route(let name): ["route": .string(name)]
        case .model(let name): ["model": .string(name)]
        }
    }
}

extension Policy.RateLimit {
    init(reading fields: FieldReader) {
        for name in ["requests", "per"] where !fields.has(name) { fields.problem(name, "is required") }
        self.init(
            requests: fields.int("requests", default: 1, in: 1...1_000_000_000) ?? 1,
            per: fields.duration("per", default: .seconds(1), in: .milliseconds(100) ... .seconds(31 * 86_400))
                ?? .seconds(1),
            smooth: fields.bool("smooth", default: false)
        )
        fields.finish()
    }

    var document: DocumentValue {
        [
            "requests": .int(Int64(self.requests)),
            "per": .string(Quantity.text(self.per)),
            "smooth": .bool(self.smooth),
        ]
    }
}
