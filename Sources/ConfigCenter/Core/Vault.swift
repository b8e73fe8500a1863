internal import GatewayModel
internal import Storage

/// Turns resources into rows and back. Credentials go into the row sealed for the upstream's name, scheme, host and
/// port: a row whose address was changed behind our back cannot be opened any more.
struct Vault: Sendable {
    private let box: SecretBox

    init(_ box: SecretBox) { self.box = box }

    func record(
        _ resource: Resource,
        id: String,
        version: Int64,
        managedBy: ManagedBy,
        at now: Int64
    ) throws -> ResourceRecord {
        var sealed: [UInt8]?
        if case .upstream(let upstream) = resource, let secrets = Self.secrets(of: upstream) {
            sealed = try self.box.seal(secrets.json(), boundTo: Self.place(upstream))
        }
        let isKey = resource.kind == .key
        return ResourceRecord(
            kind: resource.kind,
            name: resource.name,
            id: id,
            version: version,
            managedBy: managedBy,
            updatedAt: now,
            document: resource.document(secrets: isKey ? .clear : .omitted),
            sealed: sealed
        )
    }

    func resource(_ record: ResourceRecord) throws -> Resource {
        let log = ProblemLog()
        let fields = FieldReader(record.document, at: "\(record.kind.plural)[\"\(record.name)\"]", log: log)
        let resource: Resource
        switch record.kind {
        case .namespace: resource = .namespace(Namespace(reading: fields))
        case .model: resource = .model(Model(reading: fields))
        case .route: resource = .route(Route(reading: fields))
        case .policy: resource = .policy(Policy(reading: fields))
        case .price: resource = .price(Price(reading: fields))
        case .key: resource = .key(try Self.key(KeyDraft(reading: fields, secrets: .clear)))
        case .upstream: resource = .upstream(try self.upstream(record, fields))
        }
        try log.throwIfAny()
        return resource
    }

    private static func key(_ draft: KeyDraft) throws -> Key {
        guard case .digest(let digest, let hint) = draft.material else {
            throw StorageError.unreadable("key `\(draft.name)`")
        }
        return Key(
            name: draft.name,
            namespace: draft.namespace,
            digest: digest,
            hint: hint,
            models: draft.models,
            expires: draft.expires
        )
    }

    private func upstream(_ record: ResourceRecord, _ fields: FieldReader) throws -> Upstream {
        guard let sealed = record.sealed else {
            return UpstreamDraft(reading: fields).resolved(keeping: nil, at: fields.path, log: fields.log)
        }
        let bare = UpstreamDraft(reading: fields).upstream
        let secrets = try DocumentValue(json: self.box.open(sealed, boundTo: Self.place(bare)))
        var document = record.document.object ?? DocumentObject()
        if let object = secrets.object {
            for field in object.fields { document.set(field.name, field.value) }
        } else {
            document.set("credentials", secrets)
        }
        let whole = FieldReader(.object(document), at: fields.path, log: fields.log)
        return UpstreamDraft(reading: whole).resolved(keeping: nil, at: fields.path, log: fields.log)
    }

    /// The fields of an upstream that hold secrets: an object of them, or the credentials alone where there is nothing else.
    private static func secrets(of upstream: Upstream) -> DocumentValue? {
        let document = upstream.document(secrets: .clear)
        let credentials = document["credentials"] ?? []
        guard case .proxy(let proxy) = upstream.egress, !proxy.password.isEmpty else {
            return upstream.credentials.isEmpty ? nil : credentials
        }
        return .object(DocumentObject([("credentials", credentials), ("proxy", document["proxy"] ?? .null)]))
    }

    private static func place(_ upstream: Upstream) -> String {
        let url = upstream.baseURL
        let place = "upstream/\(upstream.name)/\(url.tls ? "https" : "http")://\(url.host):\(url.port)"
        // Over plain HTTP the proxy reads the credentials.
        guard !url.tls, let proxy = upstream.egress.place else { return place }
        return "\(place)/by/\(proxy)"
    }

    // MARK: Snapshots and settings

    func seal(_ encoded: [UInt8], snapshot version: UInt64) throws -> [UInt8] {
        try self.box.seal(encoded, boundTo: "snapshot/\(version)")
    }

    func open(_ record: SnapshotRecord) throws -> Snapshot {
        try Snapshot(decoding: self.box.open(record.sealed, boundTo: "snapshot/\(record.version)"))
    }

    func pepper(_ rows: any ConfigTransaction) throws -> Secret? {
        try rows.setting("keyPepper").map { Secret(try self.box.open($0, boundTo: "setting/keyPepper")) }
    }

    func setPepper(_ pepper: Secret, _ rows: any ConfigTransaction) throws {
        try rows.set("keyPepper", self.box.seal(pepper.reveal(), boundTo: "setting/keyPepper"))
    }
}
