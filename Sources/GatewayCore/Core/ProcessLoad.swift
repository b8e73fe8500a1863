import Synchronization

/// What all loops of the process bear together, and how much of it they may: client connections, requests in flight, bytes
/// of request bodies that are held in memory. Three atomic words; beyond a limit something is refused, never queued.
package final class ProcessLoad: Sendable {
    package struct Limits: Sendable {
        package var connections = 8_000
        package var requests = 8_000
        package var bodyBytes = 1 << 30

        package init() {}
    }

    package let limits: Limits
    private let openConnections = Atomic<Int>(0)
    private let requestsInFlight = Atomic<Int>(0)
    private let heldBytes = Atomic<Int>(0)

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    package var connections: Int { self.openConnections.load(ordering: .relaxed) }
    package var requests: Int { self.requestsInFlight.load(ordering: .relaxed) }
    package var bodyBytes: Int { self.heldBytes.load(ordering: .relaxed) }

    /// Takes a place for a connection; false when there is none.
    package func openConnection() -> Bool { Self.take(1, of: self.openConnections, self.limits.connections) }
    package func closeConnection() { self.openConnections.wrappingSubtract(1, ordering: .relaxed) }

    /// Counts a request, which is to be refused when this says false, and counted off with `endRequest` all the same.
    func beginRequest() -> Bool {
        self.requestsInFlight.wrappingAdd(1, ordering: .relaxed).newValue <= self.limits.requests
    }
    func endRequest() { self.requestsInFlight.wrappingSubtract(1, ordering: .relaxed) }

    /// Takes memory for a body; false when there is not that much left.
    package func hold(_ bytes: Int) -> Bool { Self.take(bytes, of: self.heldBytes, self.limits.bodyBytes) }
    package func release(_ bytes: Int) { self.heldBytes.wrappingSubtract(bytes, ordering: .relaxed) }

    private static func take(_ count: Int, of word: borrowing Atomic<Int>, _ limit: Int) -> Bool {
        if word.wrappingAdd(count, ordering: .relaxed).newValue <= limit { return true }
        word.wrappingSubtract(count, ordering: .relaxed)
        return false
    }
}
