/// A rule for calls within a scope. Policies combine: the most restrictive wins.
package struct Policy: Sendable, Equatable {
    package var name: String
    package var scope: Scope
    package var mode: Mode
    package var rule: Rule

    package init(name: String, scope: Scope = .global, mode: Mode = .enforce, rule: Rule) {
        self.name = name
        self.scope = scope
        self.mode = mode
        self.rule = rule
    }

    /// What the policy is attached to. A namespace's policies hold for its descendants as well.
    package enum Scope: Sendable, Hashable {
        case global
        case namespace(String)
        case key(String)
        case route(String)
        case model(String)
    }

    package enum Mode: String, Sendable, CaseIterable {
        case enforce
        /// Decides, is counted and logged, and refuses nothing.
        case shadow
    }

    package enum Rule: Sendable, Hashable {
        case rateLimit(RateLimit)
    }

    /// `requests` per `per`: an aligned window, at most `requests` in each; with `smooth`, GCRA with `requests` as burst.
    package struct RateLimit: Sendable, Hashable {
        package var requests: Int
        package var per: Duration
        package var smooth: Bool

        package init(requests: Int, per: Duration, smooth: Bool = false) {
            self.requests = requests
            self.per = per
            self.smooth = smooth
        }
    }
}
