import GatewayModel
import HTTPWire
import SharedState

/// Turns the lists of a snapshot into the compiled forms, resolving names to indices and limits to counters.
struct TableCompiler {
    private let snapshot: Snapshot
    private let shared: RoutingTable.Shared
    private let namespaceIndex: [String: Int]
    private let upstreamIndex: [String: Int]
    private let limits: [Policy.Scope: [CompiledLimit]]

    init(_ snapshot: Snapshot, _ shared: RoutingTable.Shared) {
        self.snapshot = snapshot
        self.shared = shared
        self.namespaceIndex = Self.index(snapshot.namespaces.map(\.name))
        self.upstreamIndex = Self.index(snapshot.upstreams.map(\.name))
        self.limits = Self.limits(snapshot, shared)
    }

    private static func index(_ names: [String]) -> [String: Int] {
        Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func limits(
        _ snapshot: Snapshot,
        _ shared: RoutingTable.Shared
    ) -> [Policy.Scope: [CompiledLimit]] {
        var limits: [Policy.Scope: [CompiledLimit]] = [:]
        var kept: [(limit: Policy.RateLimit, policy: String)] = []
        for policy in snapshot.policies {
            guard case .rateLimit(let limit) = policy.rule else { continue }
            kept.append((limit, policy.name))
            limits[policy.scope, default: []].append(
                CompiledLimit(
                    policy: policy.name,
                    isShadow: policy.mode == .shadow,
                    requests: UInt32(clamping: limit.requests),
                    length: UInt64(limit.per.nanoseconds),
                    counter: shared.counters.counter(for: limit, of: policy.name)
                )
            )
        }
        shared.counters.keep(only: kept)
        return limits
    }

    func namespaces() -> [CompiledNamespace] {
        self.snapshot.namespaces.map { namespace in
            CompiledNamespace(
                name: Array(namespace.name.utf8),
                label: self.shared.labels.id(of: namespace.name),
                isAnonymous: namespace.anonymous,
                limits: (self.limits[.global] ?? [])
                    + self.lineage(namespace).flatMap { self.limits[.namespace($0)] ?? [] }
            )
        }
    }

    /// The namespace and its ancestors, outermost first.
    private func lineage(_ namespace: Namespace) -> [String] {
        var names = [namespace.name]
        var next = namespace.parent
        while let name = next, !names.contains(name), let index = self.namespaceIndex[name] {
            names.insert(name, at: 0)
            next = self.snapshot.namespaces[index].parent
        }
        return names
    }

    /// The keys; their names are appended to `names`.
    func keys(names: inout [UInt8]) -> [CompiledKey] {
        self.snapshot.keys.map { key in
            let start = names.count
            names += key.name.utf8
            return CompiledKey(
                name: ByteRange(start, names.count),
                expires: key.expires ?? Int64.max,
                models: key.models,
                limits: Parts(self.limits[.key(key.name)] ?? []),
                namespace: self.namespaceIndex[key.namespace] ?? 0
            )
        }
    }

    func models() -> [CompiledModel] {
        self.snapshot.models.map { model in
            let targets = model.targets.compactMap { target -> CompiledTarget? in
                guard let upstream = self.upstreamIndex[target.upstream] else { return nil }
                return CompiledTarget(
                    upstream: upstream,
                    model: target.model.map { Array($0.utf8) },
                    quotedModel: target.model.map { JSONQuote.quoted(Array($0.utf8)) },
                    weight: target.weight,
                    priority: target.priority
                )
            }
            return CompiledModel(
                name: model.name.text,
                label: self.shared.labels.id(of: model.name.text),
                targets: targets.enumerated()
                    .sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }
                    .map(\.element),
                limits: self.limits[.model(model.name.text)] ?? []
            )
        }
    }

    /// Most specific first; a route that matches everything stands behind them all, so that every call finds one.
    func routes() -> [CompiledRoute] {
        func rank(_ patterns: [NamePattern]) -> Int { patterns.map(\.specificity).max() ?? 0 }
        let sorted = self.snapshot.routes.sorted { left, right in
            let leftRank = (rank(left.match.paths), rank(left.match.models), rank(left.match.namespaces))
            let rightRank = (rank(right.match.paths), rank(right.match.models), rank(right.match.namespaces))
            return leftRank == rightRank ? left.name < right.name : leftRank > rightRank
        }
        return (sorted + [Route(name: "")]).map { route in
            CompiledRoute(
                route,
                upstream: route.upstream.flatMap { self.upstreamIndex[$0] },
                limits: self.limits[.route(route.name)] ?? []
            )
        }
    }

    /// `problems` gets a line for each credential that cannot be had.
    func upstreams(problems: inout [String]) -> [CompiledUpstream] {
        self.shared.tokens.keep(
            only: self.snapshot.upstreams.flatMap(\.credentials).compactMap {
                if case .entra(let entra) = $0.source { entra } else { nil }
            }
        )
        return self.snapshot.upstreams.map { upstream in
            let proxy = self.proxy(upstream)
            return CompiledUpstream(
                upstream,
                label: self.shared.labels.id(of: upstream.name),
                credentials: self.credentials(upstream, by: proxy, problems: &problems),
                credentialFields: upstream.credentials.flatMap { credential -> [[UInt8]] in
                    guard case .headers(let headers) = credential.source else { return [] }
                    return headers.map { Array($0.name.utf8) }
                },
                state: self.shared.upstreams.state(of: upstream, by: proxy)
            )
        }
    }

    private func proxy(_ upstream: Upstream) -> EgressProxy? {
        switch upstream.egress {
        case .process: self.shared.egress.proxy(for: upstream.baseURL.host)
        case .direct: nil
        case .proxy(let proxy): proxy
        }
    }

    /// A proxy that sees the requests of an `http` upstream takes its own credential from each of them.
    private func credentials(
        _ upstream: Upstream,
        by proxy: EgressProxy?,
        problems: inout [String]
    ) -> [CompiledCredential] {
        let own = self.ownCredentials(upstream, problems: &problems)
        let forProxy = upstream.baseURL.tls ? [] : proxy?.authorization ?? []
        guard !forProxy.isEmpty else { return own }
        guard !own.isEmpty else { return [CompiledCredential(lines: forProxy, weight: 1)] }
        return own.map { credential in
            var credential = credential
            credential.lines += forProxy
            return credential
        }
    }

    private func ownCredentials(_ upstream: Upstream, problems: inout [String]) -> [CompiledCredential] {
        upstream.credentials.map { credential in
            var compiled = CompiledCredential(lines: [], weight: credential.weight)
            switch credential.source {
            case .value(let secret): compiled.lines = CredentialLine.of(secret.reveal(), upstream.dialect)
            case .file(let path):
                if let value = self.shared.credentialFiles.read(path) {
                    compiled.lines = CredentialLine.of(value, upstream.dialect)
                } else {
                    problems.append("upstream `\(upstream.name)`: no credential in the file \(path)")
                }
            case .headers(let headers):
                compiled.lines = headers.flatMap { Array("\($0.name): ".utf8) + $0.value.reveal() + Array("\r\n".utf8) }
            case .aws(let aws): compiled.signer = AWSSigner(aws)
            case .entra(let entra): compiled.token = self.shared.tokens.token(for: entra)
            }
            return compiled
        }
    }

    func prefixes() -> [(prefix: [UInt8], namespace: Int)] {
        self.snapshot.namespaces.enumerated()
            .compactMap { index, namespace in namespace.match.pathPrefix.map { (Array($0.utf8), index) } }
            .sorted { $0.0.count > $1.0.count }
    }

    func hosts() -> BytesTable {
        BytesTable(
            self.snapshot.namespaces.enumerated().flatMap { index, namespace in
                namespace.match.hosts.map { ($0, index) }
            }
        )
    }

    func headers() -> [CompiledHeaderMatch] {
        var values: [String: [(key: String, value: Int)]] = [:]
        for (index, namespace) in self.snapshot.namespaces.enumerated() {
            for header in namespace.match.headers { values[header.name, default: []].append((header.value, index)) }
        }
        return values.sorted { $0.key < $1.key }
            .map { CompiledHeaderMatch(name: Array($0.key.utf8), values: BytesTable($0.value)) }
    }
}

/// The header line by which an upstream knows who pays.
enum CredentialLine {
    /// `authorization: Bearer …` (OpenAI's API reference, "Authentication"; Bedrock's, "API keys"), `x-api-key: …` (Anthropic's,
    /// "Authentication"), `x-goog-api-key: …` (ai.google.dev, "Using Gemini API keys"), `api-key: …` (Azure's REST reference).
    static func of(_ value: [UInt8], _ dialect: Dialect) -> [UInt8] {
        let name =
            switch dialect {
            case .openAI, .bedrock, .simulator: "authorization: Bearer "
            case .anthropic: "x-api-key: "
            case .gemini: "x-goog-api-key: "
            case .azureOpenAI: "api-key: "
            }
        return Array(name.utf8) + value + Array("\r\n".utf8)
    }
}

extension Duration {
    /// Whole nanoseconds, at most 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
