/// Any one resource.
package enum Resource: Sendable, Equatable {
    case namespace(Namespace)
    case key(Key)
    case upstream(Upstream)
    case model(Model)
    case route(Route)
    case policy(Policy)
    case price(Price)

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
        case .upstream(let upstream): upstream.name
        case .model(let model): model.name.text
        case .route(let route): route.name
        case .policy(let policy): policy.name
        case .price(let price): price.name
        }
    }

    /// The written form, with every default written out.
    package func document(secrets: SecretForm = .omitted) -> DocumentValue {
        switch self {
        case .namespace(let namespace): namespace.document
        case .key(let key): key.document(secrets: secrets)
        case .upstream(let upstream): upstream.document(secrets: secrets)
        case .model(let model): model.document
        case .route(let route): route.document
        case .policy(let policy): policy.document
        case .price(let price): price.document
        }
    }
}

/// Resources by kind and name, while they are being changed; a `Snapshot` is what comes of them.
package struct ResourceSet: Sendable, Equatable {
    private var resources: [ResourceKind: [String: Resource]] = [:]

    package init() {}

    package init(_ snapshot: Snapshot) {
        for namespace in snapshot.namespaces { self.put(.namespace(namespace)) }
        for key in snapshot.keys { self.put(.key(key)) }
        for upstream in snapshot.upstreams { self.put(.upstream(upstream)) }
        for model in snapshot.models { self.put(.model(model)) }
        for route in snapshot.routes { self.put(.route(route)) }
        for policy in snapshot.policies { self.put(.policy(policy)) }
        for price in snapshot.prices { self.put(.price(price)) }
    }

    package subscript(kind: ResourceKind, name: String) -> Resource? { self.resources[kind]?[name] }

    /// In the order of their names.
    package func all(_ kind: ResourceKind) -> [Resource] {
        (self.resources[kind] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
    }

    package mutating func put(_ resource: Resource) {
        self.resources[resource.kind, default: [:]][resource.name] = resource
    }

    package mutating func remove(_ kind: ResourceKind, _ name: String) {
        self.resources[kind]?[name] = nil
    }

    /// Puts a draft in the place of the resource of its name, whose secrets it may keep.
    ///
    /// - Returns: the value of a key, if one had to be generated.
    package mutating func put(
        _ draft: ResourceDraft,
        at path: String,
        log: ProblemLog,
        digest: (Secret) -> KeyDigest
    ) -> GeneratedKey? {
        switch draft {
        case .namespace(let namespace): self.put(.namespace(namespace))
        case .model(let model): self.put(.model(model))
        case .route(let route): self.put(.route(route))
        case .policy(let policy): self.put(.policy(policy))
        case .price(let price): self.put(.price(price))
        case .upstream(let draft):
            var stored: Upstream?
            if case .upstream(let upstream)? = self[.upstream, draft.upstream.name] { stored = upstream }
            self.put(.upstream(draft.resolved(keeping: stored, at: path, log: log)))
        case .key(let draft):
            var stored: Key?
            if case .key(let key)? = self[.key, draft.name] { stored = key }
            let (key, generated) = draft.resolved(keeping: stored, digest: digest)
            self.put(.key(key))
            return generated.map { GeneratedKey(name: key.name, value: $0) }
        }
        return nil
    }

    /// The immutable state, each list in the order of names.
    package func snapshot(version: UInt64, createdAt: Int64, keyPepper: Secret) -> Snapshot {
        var snapshot = Snapshot(version: version, createdAt: createdAt, keyPepper: keyPepper)
        for resource in ResourceKind.allCases.flatMap(self.all) {
            switch resource {
            case .namespace(let namespace): snapshot.namespaces.append(namespace)
            case .key(let key): snapshot.keys.append(key)
            case .upstream(let upstream): snapshot.upstreams.append(upstream)
            case .model(let model): snapshot.models.append(model)
            case .route(let route): snapshot.routes.append(route)
            case .policy(let policy): snapshot.policies.append(policy)
            case .price(let price): snapshot.prices.append(price)
            }
        }
        return snapshot
    }
}

/// A key whose value was made here: the one time that the value can be seen.
package struct GeneratedKey: Sendable, Equatable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What became of one resource between two states.
package struct ResourceChange: Sendable, Equatable {
    package let kind: ResourceKind
    package let name: String
    /// Nil when the resource is new.
    package let before: Resource?
    /// Nil when the resource is gone.
    package let after: Resource?

    /// Whether something changed that the written forms do not show.
    package var secretsChanged: Bool {
        switch (self.before, self.after) {
        case (.key(let before), .key(let after)): before.digest != after.digest
        case (.upstream(let before), .upstream(let after)):
            before.credentials.map(\.source) != after.credentials.map(\.source)
        default: false
        }
    }
}

extension ResourceSet {
    /// What has to change for this state to become the other, in the order of kinds and names.
    package func changes(to other: ResourceSet) -> [ResourceChange] {
        ResourceKind.allCases.flatMap { kind in
            let (before, after) = (self.resources[kind] ?? [:], other.resources[kind] ?? [:])
            return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted().map { name in
                ResourceChange(kind: kind, name: name, before: before[name], after: after[name])
            }
        }
    }
}
