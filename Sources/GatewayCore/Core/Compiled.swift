package import GatewayModel
import HTTPWire
import Journal
package import SharedState

// The compiled forms of the resources: what the hot path reads. Names are kept as bytes where they go onto a wire;
// everything refers to everything else by index. Classes, because what is read per request is then one reference: a
// struct of ten fields would retain each of them.

final class CompiledNamespace: Sendable {
    let name: [UInt8]
    let label: LabelNames.ID
    let isAnonymous: Bool
    /// Limits of the global scope, of this namespace and of all its ancestors.
    let limits: Parts<CompiledLimit>
    /// As the journal and the answer's head write it.
    let entryField: [UInt8]
    let answerLine: [UInt8]

    init(name: [UInt8], label: LabelNames.ID, isAnonymous: Bool, limits: [CompiledLimit]) {
        self.name = name
        self.entryField = EntryField.namespace.encoded(name)
        self.answerLine = Array("x-gateway-namespace: ".utf8) + name + Array("\r\n".utf8)
        self.label = label
        self.isAnonymous = isAnonymous
        self.limits = Parts(limits)
    }
}

/// What a request needs of it stands in `FoundKey` too: of a hundred thousand keys each request meets another, whose memory no cache
/// holds.
struct CompiledKey: Sendable {
    /// Among the table's `keyNames`: an array of its own would be one more place to go to.
    let name: ByteRange
    /// Seconds since 1970; `Int64.max` means never.
    let expires: Int64
    /// Nil admits every model.
    let models: [NamePattern]?
    let limits: Parts<CompiledLimit>
    let namespace: Int
}

/// One rate limit with the counter that it shares with all loops and all tables.
package final class CompiledLimit: Sendable {
    package let policy: String
    package let isShadow: Bool
    package let requests: UInt32
    /// Nanoseconds.
    package let length: UInt64
    package let counter: CounterStore.Counter

    init(policy: String, isShadow: Bool, requests: UInt32, length: UInt64, counter: CounterStore.Counter) {
        self.policy = policy
        self.isShadow = isShadow
        self.requests = requests
        self.length = length
        self.counter = counter
    }
}

final class CompiledModel: Sendable {
    /// The resource's name: a model's, or a pattern.
    let name: String
    let label: LabelNames.ID
    /// By priority, then in the order in which they were written.
    let targets: [CompiledTarget]
    let limits: Parts<CompiledLimit>

    init(name: String, label: LabelNames.ID, targets: [CompiledTarget], limits: [CompiledLimit]) {
        self.name = name
        self.label = label
        self.targets = targets
        self.limits = Parts(limits)
    }
}

/// A header field by whose value namespaces are selected.
final class CompiledHeaderMatch: Sendable {
    /// In lower case.
    let name: [UInt8]
    let values: BytesTable

    init(name: [UInt8], values: BytesTable) {
        self.name = name
        self.values = values
    }
}

struct CompiledTarget: Sendable {
    let upstream: Int
    /// What to call the model there; nil passes on the asked name.
    let model: [UInt8]?
    /// `model` as a JSON string, quotes included.
    let quotedModel: [UInt8]?
    let weight: Int
    let priority: Int
}

final class CompiledRoute: Sendable {
    let name: [UInt8]
    /// Nil fits every namespace, path or model.
    let namespaces: [NamePattern]?
    let paths: [NamePattern]?
    let models: [NamePattern]?
    let retry: Route.Retry
    let losses: Route.Losses
    let upstream: Int?
    let limits: Parts<CompiledLimit>
    /// As the journal writes it.
    let entryField: [UInt8]

    init(_ route: Route, upstream: Int?, limits: [CompiledLimit]) {
        self.name = Array(route.name.utf8)
        self.entryField = EntryField.route.encoded(self.name)
        self.namespaces = route.match.namespaces == [.any] ? nil : route.match.namespaces
        self.paths = route.match.paths == [.any] ? nil : route.match.paths
        self.models = route.match.models == [.any] ? nil : route.match.models
        self.retry = route.retry
        self.losses = route.losses
        self.upstream = upstream
        self.limits = Parts(limits)
    }
}

/// One way of proving to an upstream who pays.
struct CompiledCredential: Sendable {
    /// Whole header lines, CR LF included.
    var lines: [UInt8]
    /// Signs each request, if requests must be signed.
    var signer: AWSSigner?
    /// Has one more line, which changes with time.
    var token: EntraToken?
    let weight: Int
}

/// An upstream as the data plane sees it.
package final class CompiledUpstream: Sendable {
    package let name: String
    let nameBytes: [UInt8]
    let label: LabelNames.ID
    package let dialect: Dialect
    /// The version of Azure's API that is named in each call, as it stands in the query.
    let apiVersion: [UInt8]?
    let hasResponses: Bool
    /// The value of the `host` field.
    let authority: [UInt8]
    /// Replaces the version segment of the client's path. Begins with scheme and host where a proxy reads it (RFC 9112 §3.2.2).
    let basePath: [UInt8]
    /// One is drawn by weight for each attempt.
    let credentials: [CompiledCredential]
    /// Names, in lower case, of fields that credentials set and the gateway does not know as such: a caller's are left out.
    let credentialFields: [[UInt8]]
    package let limits: Upstream.Limits
    /// Nanoseconds.
    package let timeouts: (connect: UInt64, firstByte: UInt64, idle: UInt64, total: UInt64)
    package let state: UpstreamState
    /// Name and dialect as the journal writes them, and the line of the answer's head.
    let entryFields: [UInt8]
    let answerLine: [UInt8]

    init(
        _ upstream: Upstream,
        label: LabelNames.ID,
        credentials: [CompiledCredential],
        credentialFields: [[UInt8]],
        state: UpstreamState
    ) {
        self.name = upstream.name
        self.nameBytes = Array(upstream.name.utf8)
        self.entryFields =
            EntryField.upstream.encoded(self.nameBytes)
            + EntryField.dialect.encoded(Array(upstream.dialect.rawValue.utf8))
        self.answerLine = Array("x-gateway-upstream: ".utf8) + self.nameBytes + Array("\r\n".utf8)
        self.label = label
        self.dialect = upstream.dialect
        self.apiVersion = upstream.apiVersion.map { Array("api-version=\($0)".utf8) }
        self.hasResponses = upstream.hasResponses
        self.authority = Array(upstream.baseURL.authority.utf8)
        let isNamedInFull = state.address.proxy != nil && !upstream.baseURL.tls
        self.basePath = Array((isNamedInFull ? upstream.baseURL.description : upstream.baseURL.path).utf8)
        self.credentials = credentials
        self.credentialFields = credentialFields
        self.limits = upstream.limits
        self.timeouts = (
            UInt64(upstream.timeouts.connect.nanoseconds), UInt64(upstream.timeouts.firstByte.nanoseconds),
            UInt64(upstream.timeouts.idle.nanoseconds), UInt64(upstream.timeouts.total.nanoseconds)
        )
        self.state = state
    }
}
