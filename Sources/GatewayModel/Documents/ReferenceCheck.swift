/// Checks what no resource can check by itself: that every name which is referred to exists, that no namespace is its
/// own ancestor, and that no two namespaces claim the same callers.
package struct ReferenceCheck {
    private let snapshot: Snapshot
    private let log: ProblemLog
    /// Where a resource is written, for the path of a problem.
    private let place: (ResourceKind, String) -> String

    package init(_ snapshot: Snapshot, log: ProblemLog, place: @escaping (ResourceKind, String) -> String) {
        self.snapshot = snapshot
        self.log = log
        self.place = place
    }

    package func run() {
        let namespaces = Set(self.snapshot.namespaces.map(\.name))
        let upstreams = Set(self.snapshot.upstreams.map(\.name))
        self.checkNamespaces(namespaces)
        for key in self.snapshot.keys where !namespaces.contains(key.namespace) {
            self.unknown(.key, key.name, "namespace", .namespace, key.namespace)
        }
        for model in self.snapshot.models {
            for (index, target) in model.targets.enumerated() where !upstreams.contains(target.upstream) {
                self.unknown(.model, model.name.text, "targets[\(index)].upstream", .upstream, target.upstream)
            }
        }
        for route in self.snapshot.routes { self.check(route, namespaces, upstreams) }
        self.checkPolicies(namespaces)
        self.checkDigests()
    }

    private func checkNamespaces(_ names: Set<String>) {
        let parents = Dictionary(
            self.snapshot.namespaces.compactMap { space in space.parent.map { (space.name, $0) } },
            uniquingKeysWith: { first, _ in first }
        )
        var prefixes: [String: String] = [:]
        // Equal matches have equal texts; comparing texts keeps many namespaces cheap.
        var open: [[UInt8]: String] = [:]
        for namespace in self.snapshot.namespaces {
            if let parent = namespace.parent {
                if !names.contains(parent) {
                    self.unknown(.namespace, namespace.name, "parent", .namespace, parent)
                } else {
                    self.checkAncestors(namespace.name, parents)
                }
            }
            if let prefix = namespace.match.pathPrefix,
                let other = prefixes.updateValue(namespace.name, forKey: prefix)
            {
                self.add(
                    .namespace,
                    namespace.name,
                    "match.pathPrefix",
                    "is the prefix of namespace `\(other)` already"
                )
            }
            guard namespace.anonymous else { continue }
            if let other = open.updateValue(namespace.name, forKey: namespace.match.document.json(sorted: true)) {
                self.add(.namespace, namespace.name, "match", "is the same as that of anonymous `\(other)`")
            }
        }
    }

    private static let ancestorLimit = 16

    /// Every call is checked against the policies of all ancestors, so there may not be many.
    private func checkAncestors(_ name: String, _ parents: [String: String]) {
        var current = parents[name]
        for _ in 0..<Self.ancestorLimit {
            guard let ancestor = current else { return }
            if ancestor == name {
                self.add(.namespace, name, "parent", "makes the namespace its own ancestor")
                return
            }
            current = parents[ancestor]
        }
        if current != nil {
            self.add(.namespace, name, "parent", "gives the namespace more than \(Self.ancestorLimit) ancestors")
        }
    }

    private func check(_ route: Route, _ namespaces: Set<String>, _ upstreams: Set<String>) {
        if let upstream = route.upstream, !upstreams.contains(upstream) {
            self.unknown(.route, route.name, "upstream", .upstream, upstream)
        }
        for (index, pattern) in route.match.namespaces.enumerated()
        where pattern.isExact && !namespaces.contains(pattern.text) {
            self.unknown(.route, route.name, "match.namespaces[\(index)]", .namespace, pattern.text)
        }
    }

    private func checkPolicies(_ namespaces: Set<String>) {
        let keys = Set(self.snapshot.keys.map(\.name))
        let routes = Set(self.snapshot.routes.map(\.name))
        let models = Set(self.snapshot.models.map(\.name.text))
        for policy in self.snapshot.policies {
            switch policy.scope {
            case .namespace(let name) where !namespaces.contains(name):
                self.unknown(.policy, policy.name, "scope.namespace", .namespace, name)
            case .key(let name) where !keys.contains(name):
                self.unknown(.policy, policy.name, "scope.key", .key, name)
            case .route(let name) where !routes.contains(name):
                self.unknown(.policy, policy.name, "scope.route", .route, name)
            case .model(let name) where !models.contains(name):
                self.unknown(.policy, policy.name, "scope.model", .model, name)
            case .global, .namespace, .key, .route, .model: break
            }
        }
    }

    /// Two keys of one value would make it a matter of luck which of them is charged.
    private func checkDigests() {
        var owners: [KeyDigest: String] = [:]
        for key in self.snapshot.keys {
            if let other = owners.updateValue(key.name, forKey: key.digest) {
                self.add(.key, key.name, "value", "is the value of key `\(other)` already")
            }
        }
    }

    private func unknown(_ kind: ResourceKind, _ name: String, _ field: String, _ wanted: ResourceKind, _ text: String)
    {
        self.add(kind, name, field, "there is no \(wanted.rawValue) `\(text)`")
    }

    private func add(_ kind: ResourceKind, _ name: String, _ field: String, _ message: String) {
        let place = self.place(kind, name)
        self.log.add(place.isEmpty ? field : "\(place).\(field)", message)
    }
}
