extension Route {
    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader) {
        self.init(
            name: fields.required("name", TextRule.name),
            match: fields.object("match").map { Match(reading: $0) } ?? Match(),
            retry: fields.object("retry").map { Retry(reading: $0) } ?? Retry(),
            upstream: fields.string("upstream", TextRule.name),
            losses: fields.choice("losses", default: .warn)
        )
        fields.finish()
    }

    /// The written form, with every default written out.
    package var document: DocumentValue {
        var object = DocumentObject([
            ("name", .string(self.name)), ("match", self.match.document), ("retry", self.retry.document),
            ("losses", .string(self.losses.rawValue)),
        ])
        if let upstream = self.upstream { object.set("upstream", .string(upstream)) }
        return .object(object)
    }
}

extension Route.Match {
    init(reading fields: FieldReader) {
        self.init(
            namespaces: fields.patterns("namespaces", atMost: 256, TextRule.pattern) ?? [.any],
            paths: fields.patterns("paths", atMost: 64, TextRule.pathPattern) ?? [.any],
            models: fields.patterns("models", atMost: 256, TextRule.pattern) ?? [.any]
        )
        fields.finish()
    }

    var document: DocumentValue {
        let texts = { (patterns: [NamePattern]) in DocumentValue.array(patterns.map { .string($0.text) }) }
        return [
            "namespaces": texts(self.namespaces), "paths": texts(self.paths), "models": texts(self.models),
        ]
    }
}

extension Route.Retry {
    init(reading fields: FieldReader) {
        let defaults = Self()
        let allowed = Condition.allCases.map(\.rawValue)
        let conditions = fields.strings("on", atMost: allowed.count) { text in
            Condition(rawValue: text) == nil ? "must be one of: \(allowed.joined(separator: ", "))" : nil
        }
        self.init(
            attempts: fields.int("attempts", default: defaults.attempts, in: 1...10) ?? defaults.attempts,
            on: conditions.map { Set($0.compactMap(Condition.init(rawValue:))) } ?? defaults.on,
            backoff: fields.duration("backoff", default: defaults.backoff, in: .zero ... .seconds(60))
                ?? defaults.backoff
        )
        fields.finish()
    }

    var document: DocumentValue {
        [
            "attempts": .int(Int64(self.attempts)),
            "on": .array(Condition.allCases.filter(self.on.contains).map { .string($0.rawValue) }),
            "backoff": .string(Quantity.text(self.backoff)),
        ]
    }
}
