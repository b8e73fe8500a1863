extension Price {
    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader) {
        let name = fields.required("name", TextRule.name)
        let models = fields.patterns("models", atMost: 256, TextRule.pattern)
        if models == nil { fields.problem("models", "is required: names by which the upstreams know the models") }
        self.init(
            name: name,
            upstreams: fields.patterns("upstreams", atMost: 64, TextRule.pattern) ?? [.any],
            models: models ?? [],
            terms: PriceTerms(reading: fields)
        )
        fields.finish()
    }

    /// The written form, with every default written out.
    package var document: DocumentValue {
        .object(
            DocumentObject(
                [
                    ("name", .string(self.name)),
                    ("upstreams", .array(self.upstreams.map { .string($0.text) })),
                    ("models", .array(self.models.map { .string($0.text) })),
                ] + self.terms.fields
            )
        )
    }
}
