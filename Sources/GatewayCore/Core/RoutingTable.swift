import CByteScan
import Crypto
package import GatewayModel
import HTTPWire
package import SharedState
import Synchronization

/// One snapshot, compiled: immutable, swapped whole, referred to by index. An exchange keeps the table it began with.
package final class RoutingTable: Sendable {
    package let version: UInt64
    /// Differs between any two tables of a process, also between two of one version.
    let generation: UInt64
    let keyPepper: SymmetricKey
    let namespaces: Parts<CompiledNamespace>
    let keys: [CompiledKey]
    /// The names of all keys, behind one another.
    private let keyNames: [UInt8]
    let upstreams: Parts<CompiledUpstream>
    let models: Parts<CompiledModel>
    let routes: Parts<CompiledRoute>
    /// Upstreams speak several dialects, so a client may bring to one what another has signed.
    let hasSeveralDialects: Bool
    /// What the snapshot asks for and this machine does not have, a line each, for the log.
    package let problems: [String]

    private let keysByDigest: [KeyDigest: Int]
    private let exactModels: BytesTable
    /// Indices of models that are patterns, most specific first.
    private let patternModels: [(pattern: NamePattern, index: Int)]
    /// Namespaces that a path prefix, a host or a header selects; longest prefix first.
    let prefixes: [(prefix: [UInt8], namespace: Int)]
    let hosts: BytesTable
    let hasHosts: Bool
    let headers: [CompiledHeaderMatch]
    /// Path prefixes, hosts and headers are looked at only if some namespace has one.
    let hasMatches: Bool

    private static let generations = Atomic<UInt64>(1)

    /// What compiled tables share with their predecessors: counters, upstream states, label numbers.
    package struct Shared: Sendable {
        package let counters: CounterStore
        package let upstreams: UpstreamStates
        package let labels: LabelNames
        package let credentialFiles: CredentialFiles
        package let egress: EgressDefault
        package let tokens = EntraTokens()

        package init(
            counters: CounterStore = CounterStore(),
            upstreams: UpstreamStates = UpstreamStates(),
            labels: LabelNames = LabelNames(),
            credentialFiles: CredentialFiles = CredentialFiles(within: nil),
            egress: EgressDefault = .none
        ) {
            self.counters = counters
            self.upstreams = upstreams
            self.labels = labels
            self.credentialFiles = credentialFiles
            self.egress = egress
        }
    }

    /// Compiles `snapshot`, whose references must resolve. All the work happens here, once; look-ups allocate nothing.
    package init(compiling snapshot: Snapshot, sharing shared: Shared) {
        let compiler = TableCompiler(snapshot, shared)
        self.version = snapshot.version
        self.generation = Self.generations.wrappingAdd(1, ordering: .relaxed).newValue
        self.keyPepper = SymmetricKey(data: snapshot.keyPepper.reveal())
        self.namespaces = Parts(compiler.namespaces())
        var keyNames: [UInt8] = []
        self.keys = compiler.keys(names: &keyNames)
        self.keyNames = keyNames
        var problems: [String] = []
        self.upstreams = Parts(compiler.upstreams(problems: &problems))
        self.problems = problems
        self.hasSeveralDialects = Set(self.upstreams.map(\.dialect)).subtracting([.simulator]).count > 1
        self.models = Parts(compiler.models())
        self.routes = Parts(compiler.routes())
        var byDigest = [KeyDigest: Int](minimumCapacity: snapshot.keys.count)
        for (index, key) in snapshot.keys.enumerated() { byDigest[key.digest] = index }
        self.keysByDigest = byDigest
        let indexed = snapshot.models.enumerated()
        self.exactModels = BytesTable(
            indexed.filter { $0.element.name.isExact }.map { ($0.element.name.text, $0.offset) }
        )
        self.patternModels = indexed.filter { !$0.element.name.isExact }
            .sorted { $0.element.name.specificity > $1.element.name.specificity }
            .map { ($0.element.name, $0.offset) }
        self.prefixes = compiler.prefixes()
        self.hosts = compiler.hosts()
        self.hasHosts = snapshot.namespaces.contains { !$0.match.hosts.isEmpty }
        self.headers = compiler.headers()
        self.hasMatches = snapshot.namespaces.contains { $0.match != Namespace.Match() }
    }

    /// The files of authorities that are needed to reach upstreams and proxies by TLS; nil stands for the system's.
    package var authorities: [String?] {
        self.upstreams.flatMap { upstream -> [String?] in
            let address = upstream.state.address
            let ofProxy: [String?] = address.proxy.map { $0.tls ? [$0.caFile] : [] } ?? []
            return ofProxy + (address.tls ? [address.caFile] : [])
        }
    }

    /// Names and shared states of all upstreams, for metrics.
    package var upstreamStates: [(name: String, state: UpstreamState)] { self.upstreams.map { ($0.name, $0.state) } }

    /// The key with this digest, if there is one.
    func key(_ digest: KeyDigest) -> FoundKey? {
        guard let index = self.keysByDigest[digest] else { return nil }
        let key = self.keys[index]
        return FoundKey(
            index: Int32(index),
            namespace: Int32(key.namespace),
            expires: key.expires,
            name: key.name,
            hasRules: key.models != nil || !key.limits.isEmpty
        )
    }

    /// What `key` may do and how often; nil when that is what its namespace may.
    func rules(of key: FoundKey?) -> CompiledKey? {
        guard let key, key.hasRules else { return nil }
        return self.keys[Int(key.index)]
    }

    /// Asks for the memory of the name of `key`, which the journal will want.
    @inline(__always)
    func expectName(of key: FoundKey) {
        self.keyNames.withUnsafeBytes { names in
            var place = UInt(bitPattern: names.baseAddress) + UInt(key.name.lower)
            place = place & ~15 | 1
            prefetch(&place, 1)
        }
    }

    /// Reads the name of `key`.
    @inline(__always)
    func withName(of key: FoundKey, _ read: (UnsafeRawBufferPointer) -> Void) {
        self.keyNames.withUnsafeBytes { read(UnsafeRawBufferPointer(rebasing: $0[key.name.lower..<key.name.upper])) }
    }

    /// The model that serves calls for `name`: the exact one, else the most specific pattern.
    func modelIndex(_ name: UnsafeRawBufferPointer) -> Int? {
        if let index = self.exactModels.find(name) { return index }
        for entry in self.patternModels where entry.pattern.matches(name) { return entry.index }
        return nil
    }
}
