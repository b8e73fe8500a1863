package import GatewayModel
import Synchronization

/// What all loops of a process share about one upstream. Lives outside of the routing table, so that a publish neither
/// forgets how many requests are in flight nor closes a connection that is still good.
package final class UpstreamState: Sendable {
    /// Where connections of this upstream lead; upstreams that agree in it share a pool.
    package struct Address: Sendable, Hashable {
        package let host: String
        package let port: Int
        package let tls: Bool
        package let caFile: String?
        /// What stands between.
        package let proxy: EgressProxy?
    }

    /// Stable for the life of the process: the place of its pool in every loop.
    package let poolIndex: Int
    package let address: Address
    private let inFlight = Atomic<Int>(0)
    private let connections = Atomic<Int>(0)
    private let waiters = Atomic<Int>(0)

    init(poolIndex: Int, address: Address) {
        self.poolIndex = poolIndex
        self.address = address
    }

    package var requestsInFlight: Int { self.inFlight.load(ordering: .relaxed) }
    package var openConnections: Int { self.connections.load(ordering: .relaxed) }

    /// Takes a place among the requests in flight; false when all `limit` are taken.
    package func enter(limit: Int) -> Bool { Self.take(self.inFlight, limit) }

    package func leave() { self.inFlight.wrappingSubtract(1, ordering: .relaxed) }

    /// Takes a place among the connections; false when all `limit` are taken.
    package func openConnection(limit: Int) -> Bool { Self.take(self.connections, limit) }

    /// Whether exchanges of any loop wait for a connection that cannot be opened now.
    package var hasWaiters: Bool { self.waiters.load(ordering: .relaxed) > 0 }

    package func addWaiters(_ change: Int) { self.waiters.wrappingAdd(change, ordering: .relaxed) }

    package func closeConnection() { self.connections.wrappingSubtract(1, ordering: .relaxed) }

    private static func take(_ count: borrowing Atomic<Int>, _ limit: Int) -> Bool {
        guard count.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            count.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        return true
    }
}

/// The states of all upstreams that this process has known, by name and address. Asked when a table is compiled.
package final class UpstreamStates: Sendable {
    private struct Key: Hashable {
        let name: String
        let address: UpstreamState.Address
    }

    private let states = Mutex<[Key: UpstreamState]>([:])

    package init() {}

    package func state(of upstream: Upstream, by proxy: EgressProxy? = nil) -> UpstreamState {
        let address = UpstreamState.Address(
            host: upstream.baseURL.host,
            port: upstream.baseURL.port,
            tls: upstream.baseURL.tls,
            caFile: upstream.caFile,
            proxy: proxy
        )
        return self.states.withLock { states in
            let key = Key(name: upstream.name, address: address)
            if let state = states[key] { return state }
            let state = UpstreamState(poolIndex: states.count, address: address)
            states[key] = state
            return state
        }
    }
}
