extension Model {
    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader) {
        let name = fields.required("name", TextRule.pattern)
        let targets = fields.objects("targets", atMost: 64)?.map { Target(reading: $0) } ?? []
        if targets.isEmpty { fields.problem("targets", "must have at least one entry") }
        self.init(name: NamePattern(name), targets: targets)
        fields.finish()
    }

    /// The written form, with every default written out.
    package var document: DocumentValue {
        ["name": .string(self.name.text), "targets": .array(self.targets.map(\.document))]
    }
}

extension Model.Target {
    init(reading fields: FieldReader) {
        self.init(
            upstream: fields.required("upstream", TextRule.name),
            model: fields.string("model", TextRule.upstreamModel),
            weight: fields.int("weight", default: 100, in: 0...1_000_000) ?? 100,
            priority: fields.int("priority", default: 0, in: 0...1000) ?? 0
        )
        fields.finish()
    }

    var document: DocumentValue {
        var object = DocumentObject([("upstream", .string(self.upstream))])
        if let model = self.model { object.set("model", .string(model)) }
        object.set("weight", .int(Int64(self.weight)))
        object.set("priority", .int(Int64(self.priority)))
        return .object(object)
    }
}
