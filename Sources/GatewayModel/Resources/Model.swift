/// What clients ask for by name, and what serves it.
package struct Model: Sendable, Equatable {
    /// A name, or a pattern that passes the asked name on.
    package var name: NamePattern
    /// Never empty.
    package var targets: [Target]

    package init(name: NamePattern, targets: [Target]) {
        self.name = name
        self.targets = targets
    }

    package struct Target: Sendable, Equatable {
        package var upstream: String
        /// The upstream's own name for the model; nil passes on the name that the client asked for.
        package var model: String?
        /// Share among the targets of the same priority; 0 takes a target out without removing it.
        package var weight: Int
        /// Tiers: a higher number is tried only when every lower one is unavailable.
        package var priority: Int

        package init(upstream: String, model: String? = nil, weight: Int = 100, priority: Int = 0) {
            self.upstream = upstream
            self.model = model
            self.weight = weight
            self.priority = priority
        }
    }
}
