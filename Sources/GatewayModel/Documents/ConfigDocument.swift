/// The kinds of resources, in the order in which a document lists them.
package enum ResourceKind: String, Sendable, CaseIterable {
    case namespace, key, upstream, model, route, policy, price

    /// The name of the list in a document, and of the collection in the API.
    package var plural: String {
        switch self {
        case .namespace: "namespaces"
        case .key: "keys"
        case .upstream: "upstreams"
        case .model: "models"
        case .route: "routes"
        case .policy: "policies"
        case .price: "prices"
        }
    }
}

/// One resource as it is written, read and checked by itself; references to others are not.
package enum ResourceDraft: Sendable, Equatable {
    case namespace(Namespace)
    case key(KeyDraft)
    case upstream(UpstreamDraft)
    case model(Model)
    case route(Route)
    case policy(Policy)
    case price(Price)

    package init(_ kind: ResourceKind, reading fields: FieldReader, secrets: SecretForm = .omitted) {
        switch kind {
        case .namespace: self = .namespace(Namespace(reading: fields))
        case .key: self = .key(KeyDraft(reading: fields, secrets: secrets))
        case .upstream: self = .upstream(UpstreamDraft(reading: fields))
        case .model: self = .model(Model(reading: fields))
        case .route: self = .route(Route(reading: fields))
        case .policy: self = .policy(Policy(reading: fields))
        case .price: self = .price(Price(reading: fields))
        }
    }

    package var kind: ResourceKind {
        switch self {
        case .namespace: .namespace
        case .key: .key
        case .upstream: .upstream
        case .model: .model
        case .route: .route
        case .policy: .policy
        case .price: .price
        }
    }

    package var name: String {
        switch self {
        case .namespace(let namespace): namespace.name
        case .key(let key): key.name
        case .upstream(let draft): draft.upstream.name
        case .model(let model): model.name.text
        case .route(let route): route.name
        case .policy(let policy): policy.name
        case .price(let price): price.name
        }
    }
}

/// A whole configuration as it is written: the `gateway.yaml` form.
package struct ConfigDocument: Sendable {
    /// Each draft with its place in the document, such as `upstreams[2]`.
    package private(set) var drafts: [(draft: ResourceDraft, path: String)]
    /// Whether resources that the document does not name, and that came from such a document, are removed.
    package let prune: Bool
    /// The options of the process, which resources have nothing to do with; nil when the section is not there.
    package let server: DocumentValue?

    /// Reads and checks everything that can be checked within the document.
    ///
    /// - Parameter server: whether a `server` section is a known field; only files have one.
    package init(reading value: DocumentValue, secrets: SecretForm = .omitted, server: Bool) throws(DocumentProblems) {
        let log = ProblemLog()
        let fields = FieldReader(value, at: "", log: log)
        self.drafts = []
        for kind in ResourceKind.allCases {
            var places: [String: String] = [:]
            for reader in fields.objects(kind.plural, atMost: 1_000_000) ?? [] {
                let draft = ResourceDraft(kind, reading: reader, secrets: secrets)
                if let first = places.updateValue(reader.path, forKey: draft.name), !draft.name.isEmpty {
                    reader.problem("name", "`\(draft.name)` is the name of \(first) already")
                }
                self.drafts.append((draft, reader.path))
            }
        }
        self.prune = fields.bool("prune", default: false)
        self.server = server ? fields.value("server") : nil
        fields.finish()
        try log.throwIfAny()
    }

    /// Reads a file's text: YAML, of which JSON is a part.
    package init(yaml text: String, environment: (String) -> String?) throws {
        // JSON's own reader is many times faster; what it refuses may still be YAML in flow style.
        let json = text.hasPrefix("{") ? try? DocumentValue(json: text) : nil
        let (value, problems) = try (json ?? DocumentValue(yaml: text)).substituting(environment)
        if !problems.isEmpty { throw DocumentProblems(problems) }
        try self.init(reading: value, server: true)
    }
}

extension DocumentValue {
    /// The value with `${NAME}` in strings replaced by variables of the environment; `$${` stands for `${` itself.
    /// What was put in is not searched again.
    package func substituting(_ environment: (String) -> String?) -> (value: DocumentValue, problems: [Problem]) {
        let log = ProblemLog()
        let value = self.substituting(environment, at: "", log: log)
        return (value, log.problems)
    }

    private func substituting(
        _ environment: (String) -> String?,
        at path: String,
        log: ProblemLog
    ) -> DocumentValue {
        switch self {
        case .null, .bool, .int, .double: return self
        case .string(let text):
            return text.contains("${") ? .string(Self.substituted(text, environment, path, log)) : self
        case .array(let values):
            return .array(values.enumerated().map { $1.substituting(environment, at: "\(path)[\($0)]", log: log) })
        case .object(let object):
            return .object(
                DocumentObject(
                    object.fields.map { field in
                        let place = path.isEmpty ? field.name : "\(path).\(field.name)"
                        return (field.name, field.value.substituting(environment, at: place, log: log))
                    }
                )
            )
        }
    }

    private static func substituted(
        _ text: String,
        _ environment: (String) -> String?,
        _ path: String,
        _ log: ProblemLog
    ) -> String {
        var out = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            out += rest[..<start.lowerBound]
            if out.hasSuffix("$") {
                out += "{"
                rest = rest[start.upperBound...]
                continue
            }
            guard let close = rest[start.upperBound...].firstIndex(of: "}") else {
                log.add(path, "has `${` without `}`; write `$${` for the characters themselves")
                return out
            }
            let name = String(rest[start.upperBound..<close])
            if let value = environment(name) {
                out += value
            } else {
                log.add(path, "needs the environment variable `\(name.prefix(64))`, which is not set")
            }
            rest = rest[rest.index(after: close)...]
        }
        return out + rest
    }
}
