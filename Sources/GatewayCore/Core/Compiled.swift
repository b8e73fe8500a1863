package import GatewayModel
import HTTPWire
package import SharedState

// The compiled forms of the resources: what the hot path reads. Names are kept as bytes where they go onto a wire;
// everything refers to everything else by index.

struct CompiledNamespace: Sendable {
    let name: [UInt8]
    let label: LabelNames.ID
    let match: Namespace.Match
    let isAnonymous: Bool
    /// Limits of the global scope, of this namespace and of all its ancestors.
    let limits: [CompiledLimit]
}

struct CompiledKey: Sendable {
    let name: [UInt8]
    let namespace: Int
    /// Seconds since 1970; `Int64.max` means never.
    let expires: Int64
    /// Nil admits every model.
    let models: [NamePattern]?
    let limits: [CompiledLimit]
}

/// One rate limit with the counter that it shares with all loops and all tables.
package struct CompiledLimit: Sendable {
    package let policy: String
    package let label: LabelNames.ID
    package let isShadow: Bool
    package let requests: UInt32
    /// Nanoseconds.
    package let length: UInt64
    package let counter: CounterStore.Counter
}

struct CompiledModel: Sendable {
    /// The resource's name: a model's, or a pattern.
    let name: String
    let nameBytes: [UInt8]
    let label: LabelNames.ID
    /// By priority, then in the order in which they were written.
    let targets: [CompiledTarget]
    let limits: [CompiledLimit]
}

struct CompiledTarget: Sendable {
    let upstream: Int
    /// What to call the model there; nil passes on the asked name.
    let model: [UInt8]?
    let weight: Int
    let priority: Int
}

struct CompiledRoute: Sendable {
    let name: [UInt8]
    let match: Route.Match
    let matchesAll: Bool
    let attempts: Int
    let retryOn: Set<Route.Retry.Condition>
    let backoff: Duration
    let upstream: Int?
    let limits: [CompiledLimit]
}

/// An upstream as the data plane sees it.
package struct CompiledUpstream: Sendable {
    package let name: String
    let nameBytes: [UInt8]
    let label: LabelNames.ID
    package let dialect: Dialect
    /// The value of the `host` field.
    let authority: [UInt8]
    /// Replaces the version segment of the client's path.
    let basePath: [UInt8]
    /// Whole header lines, CR LF included; one set is drawn by weight for each attempt.
    let credentials: [(lines: [UInt8], weight: Int)]
    /// Names, in lower case, of fields that credentials set and the gateway does not know as such: a caller's are left out.
    let credentialFields: [[UInt8]]
    package let limits: Upstream.Limits
    package let timeouts: Upstream.Timeouts
    package let state: UpstreamState
}
