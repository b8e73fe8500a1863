/// One numbered, immutable state of all resources: what a config center publishes and a gateway compiles.
///
/// Names are unique within each list and every reference resolves; whoever makes a snapshot guarantees it.
package struct Snapshot: Sendable, Equatable {
    /// Grows by one with each publish; 0 is the empty installation.
    package var version: UInt64
    /// Seconds since 1970.
    package var createdAt: Int64
    package var namespaces: [Namespace]
    package var keys: [Key]
    package var upstreams: [Upstream]
    package var models: [Model]
    package var routes: [Route]
    package var policies: [Policy]
    package var prices: [Price]
    /// The HMAC key under which `Key.digest` was made.
    package var keyPepper: Secret

    package init(
        version: UInt64,
        createdAt: Int64 = 0,
        namespaces: [Namespace] = [],
        keys: [Key] = [],
        upstreams: [Upstream] = [],
        models: [Model] = [],
        routes: [Route] = [],
        policies: [Policy] = [],
        prices: [Price] = [],
        keyPepper: Secret
    ) {
        self.version = version
        self.createdAt = createdAt
        self.namespaces = namespaces
        self.keys = keys
        self.upstreams = upstreams
        self.models = models
        self.routes = routes
        self.policies = policies
        self.prices = prices
        self.keyPepper = keyPepper
    }
}
