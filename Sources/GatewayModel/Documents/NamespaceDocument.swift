extension Namespace {
    /// Reads the written form; problems go to the reader's log and leave stand-in values.
    package init(reading fields: FieldReader) {
        self.init(
            name: fields.required("name", TextRule.name),
            parent: fields.string("parent", TextRule.name),
            match: fields.object("match").map { Match(reading: $0) } ?? Match(),
            anonymous: fields.bool("anonymous", default: false)
        )
        fields.finish()
    }

    /// The written form, with every default written out.
    package var document: DocumentValue {
        var object = DocumentObject([("name", .string(self.name))])
        if let parent = self.parent { object.set("parent", .string(parent)) }
        object.set("match", self.match.document)
        object.set("anonymous", .bool(self.anonymous))
        return .object(object)
    }
}

extension Namespace.Match {
    init(reading fields: FieldReader) {
        self.init(
            pathPrefix: fields.string("pathPrefix", TextRule.pathPrefix),
            hosts: (fields.strings("hosts", atMost: 64, TextRule.host) ?? []).map { $0.lowercased() },
            headers: Self.headers(fields)
        )
        fields.finish()
    }

    private static func headers(_ fields: FieldReader) -> [Header] {
        guard let value = fields.value("headers") else { return [] }
        let headers = FieldReader(value, at: fields.path("headers"), log: fields.log)
        if headers.written.count > 16 { fields.problem("headers", "must have at most 16 entries") }
        return headers.written.prefix(16).map { name in
            if let complaint = TextRule.headerName(name) { headers.problem(name, complaint) }
            return Header(name: name.lowercased(), value: headers.required(name, TextRule.headerValue))
        }
    }

    var document: DocumentValue {
        var object = DocumentObject()
        if let pathPrefix = self.pathPrefix { object.set("pathPrefix", .string(pathPrefix)) }
        object.set("hosts", .array(self.hosts.map { .string($0) }))
        object.set("headers", .object(DocumentObject(self.headers.map { ($0.name, .string($0.value)) })))
        return .object(object)
    }
}
