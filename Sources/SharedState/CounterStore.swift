package import GatewayModel
import Synchronization

/// Where counters live: outside of the routing table, named by policy and limit, so that they survive every publish that
/// does not change them. Asked when a table is compiled, never per request.
package final class CounterStore: Sendable {
    /// A counter of either algorithm.
    package enum Counter: Sendable {
        case window(WindowCounter)
        case smooth(SmoothCounter)
    }

    private let counters = Mutex<[String: Counter]>([:])

    package init() {}

    /// The counter of this limit, made at the first asking.
    package func counter(for limit: Policy.RateLimit, of policy: String) -> Counter {
        self.counters.withLock { counters in
            let name = Self.name(limit, policy)
            if let counter = counters[name] { return counter }
            let counter = limit.smooth ? Counter.smooth(SmoothCounter()) : .window(WindowCounter())
            counters[name] = counter
            return counter
        }
    }

    /// Forgets every counter whose policy or limit is gone. A policy that comes back starts anew.
    package func keep(only limits: [(limit: Policy.RateLimit, policy: String)]) {
        let names = Set(limits.map { Self.name($0.limit, $0.policy) })
        self.counters.withLock { counters in counters = counters.filter { names.contains($0.key) } }
    }

    private static func name(_ limit: Policy.RateLimit, _ policy: String) -> String {
        "\(policy)\u{1F}\(limit.requests)/\(limit.per.components.seconds).\(limit.per.components.attoseconds)/\(limit.smooth)"
    }
}
