import Synchronization

/// The table that new exchanges begin with, and who wants to hear of the next one.
package final class CurrentTable: Sendable {
    private enum State {
        case empty
        case serving(RoutingTable)
    }

    private struct Guarded {
        var state = State.empty
        var listeners: [@Sendable (RoutingTable) -> Void] = []
    }

    private let guarded = Mutex(Guarded())

    package init() {}

    /// The newest table; nil while starting up.
    package var table: RoutingTable? {
        self.guarded.withLock { guarded in
            guard case .serving(let table) = guarded.state else { return nil }
            return table
        }
    }

    /// Publishes `table` to all listeners. Older and equal versions are ignored, because sources may repeat themselves;
    /// false says so.
    @discardableResult
    package func offer(_ table: RoutingTable) -> Bool {
        let listeners = self.guarded.withLock { guarded -> [@Sendable (RoutingTable) -> Void]? in
            if case .serving(let current) = guarded.state, current.version >= table.version { return nil }
            guarded.state = .serving(table)
            return guarded.listeners
        }
        guard let listeners else { return false }
        for listener in listeners { listener(table) }
        return true
    }

    /// Calls `listener` with every table from now on, and with the current one at once if there is one.
    package func listen(_ listener: @escaping @Sendable (RoutingTable) -> Void) {
        let current = self.guarded.withLock { guarded -> RoutingTable? in
            guarded.listeners.append(listener)
            guard case .serving(let table) = guarded.state else { return nil }
            return table
        }
        if let current { listener(current) }
    }
}
