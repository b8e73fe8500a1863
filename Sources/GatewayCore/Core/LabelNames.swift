import Synchronization

/// Numbers for the names that metrics are labelled with, stable for the life of the process, so that a series is found
/// by numbers on the hot path and survives every publish. Asked when a table is compiled and when metrics are scraped.
package final class LabelNames: Sendable {
    package typealias ID = UInt32
    /// What a name gets when there are too many.
    package static let overflow: ID = 0
    /// For what has no name: no namespace was found, no model was asked for.
    package static let none: ID = 1

    private struct State {
        var ids: [String: ID] = [:]
        var names = ["overflow", ""]
    }

    private let state = Mutex(State())
    private let capacity: Int

    package init(capacity: Int = 100_000) { self.capacity = capacity }

    package func id(of name: String) -> ID {
        self.state.withLock { state in
            if let id = state.ids[name] { return id }
            guard state.names.count < self.capacity else { return Self.overflow }
            let id = ID(state.names.count)
            state.ids[name] = id
            state.names.append(name)
            return id
        }
    }

    package func name(of id: ID) -> String { self.state.withLock { $0.names[Int(id)] } }
}
