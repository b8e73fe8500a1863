// A snapshot as bytes: canonical JSON (fields sorted, no white space) of the resources' written forms with secrets in
// clear, plus `format`, `version`, `createdAt` (seconds) and `keyPepper` (hexadecimal). Read strictly: a gateway that
// does not know a field refuses the snapshot and keeps its last one, rather than serve without a rule it cannot see.

extension Snapshot {
    private static let format: Int64 = 1

    /// The whole snapshot, secrets in clear: only for sealing, and for gateways that have proved their enrolment.
    package func encoded() -> [UInt8] {
        guard case .object(var object) = self.document(secrets: .clear) else { return [] }
        object.set("format", .int(Self.format))
        object.set("version", .int(Int64(self.version)))
        object.set("createdAt", .int(self.createdAt))
        object.set("keyPepper", .string(Hex.text(self.keyPepper.reveal())))
        return DocumentValue.object(object).json(sorted: true)
    }

    /// Reads what `encoded()` wrote, and checks it as strictly as a document from outside.
    package init(decoding bytes: [UInt8]) throws {
        let value = try DocumentValue(json: bytes)
        guard var object = value.object, object["format"] == .int(Self.format),
            let version = object["version"]?.int, version >= 0, let createdAt = object["createdAt"]?.int,
            let pepper = object["keyPepper"]?.string.flatMap(Hex.bytes)
        else { throw DocumentProblems([Problem(path: "", message: "is no snapshot of format \(Self.format)")]) }
        for name in ["format", "version", "createdAt", "keyPepper"] { object.remove(name) }
        let document = try ConfigDocument(reading: .object(object), secrets: .clear, server: false)
        self.init(version: UInt64(version), createdAt: createdAt, keyPepper: Secret(pepper))
        let log = ProblemLog()
        for (draft, path) in document.drafts { self.add(draft, at: path, log: log) }
        ReferenceCheck(self, log: log) { "\($0.plural)[\"\($1)\"]" }.run()
        try log.throwIfAny()
    }

    /// The resources in the `gateway.yaml` form, with every default written out.
    package func document(secrets: SecretForm = .omitted) -> DocumentValue {
        .object(
            DocumentObject([
                ("namespaces", .array(self.namespaces.map(\.document))),
                ("keys", .array(self.keys.map { $0.document(secrets: secrets) })),
                ("upstreams", .array(self.upstreams.map { $0.document(secrets: secrets) })),
                ("models", .array(self.models.map(\.document))),
                ("routes", .array(self.routes.map(\.document))),
                ("policies", .array(self.policies.map(\.document))),
                ("prices", .array(self.prices.map(\.document))),
            ])
        )
    }

    private mutating func add(_ draft: ResourceDraft, at path: String, log: ProblemLog) {
        switch draft {
        case .namespace(let namespace): self.namespaces.append(namespace)
        case .key(let draft):
            guard case .digest(let digest, let hint) = draft.material else { return }
            self.keys.append(
                Key(
                    name: draft.name,
                    namespace: draft.namespace,
                    digest: digest,
                    hint: hint,
                    models: draft.models,
                    expires: draft.expires
                )
            )
        case .upstream(let draft): self.upstreams.append(draft.resolved(keeping: nil, at: path, log: log))
        case .model(let model): self.models.append(model)
        case .route(let route): self.routes.append(route)
        case .policy(let policy): self.policies.append(policy)
        case .price(let price): self.prices.append(price)
        }
    }
}
