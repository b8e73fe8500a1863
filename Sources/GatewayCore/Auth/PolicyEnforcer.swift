import GatewayModel
import SharedState

/// Asks every limit that applies to a call; the most restrictive wins, and a refused call takes nothing from the others.
struct PolicyEnforcer {
    /// What the answer's `x-ratelimit-*` fields say: the limit with the least remaining.
    struct Standing {
        var limit: UInt32 = 0
        var remaining = UInt32.max
        /// Nanoseconds.
        var resetAfter: UInt64 = 0

        var isPresent: Bool { self.limit > 0 }
    }

    private(set) var standing = Standing()
    /// Refusals that a shadow policy would have made.
    private(set) var shadowRefusals = 0
    private let wall: UInt64

    init(wall: UInt64) { self.wall = wall }

    /// Takes from the limits of all four scopes; or from none of them, and says why not.
    mutating func enforce(
        _ namespace: Parts<CompiledLimit>,
        _ key: Parts<CompiledLimit>?,
        _ route: Parts<CompiledLimit>,
        _ model: Parts<CompiledLimit>?
    ) -> Refusal? {
        var refusal = namespace.isEmpty ? nil : self.take(namespace)
        if refusal == nil {
            if let key, !key.isEmpty { refusal = self.take(key) }
            if refusal == nil {
                refusal = route.isEmpty ? nil : self.take(route)
                if refusal == nil {
                    if let model, !model.isEmpty { refusal = self.take(model) }
                    if refusal != nil { self.giveBack(route) }
                }
                if refusal != nil, let key { self.giveBack(key) }
            }
            if refusal != nil { self.giveBack(namespace) }
        }
        return refusal
    }

    /// Takes from each of `limits`; if one refuses, gives back what was taken before it and says so.
    private mutating func take(_ limits: Parts<CompiledLimit>) -> Refusal? {
        for index in limits.indices {
            guard let refusal = limits.use(index, { self.take($0) }) else { continue }
            for earlier in limits[..<index] { self.giveBack(earlier) }
            return refusal
        }
        return nil
    }

    @inline(__always)
    private mutating func take(_ limit: CompiledLimit) -> Refusal? {
        let decision =
            switch limit.counter {
            case .window(let counter): counter.take(limit: limit.requests, length: limit.length, now: self.wall)
            case .smooth(let counter): counter.take(limit: limit.requests, length: limit.length, now: self.wall)
            }
        if limit.isShadow {
            if !decision.admitted { self.shadowRefusals += 1 }
            return nil
        }
        if decision.remaining < self.standing.remaining || !decision.admitted {
            self.standing = Standing(
                limit: limit.requests,
                remaining: decision.remaining,
                resetAfter: decision.resetAfter
            )
        }
        return decision.admitted ? nil : Self.refusal(limit, decision)
    }

    private static func refusal(_ limit: CompiledLimit, _ decision: LimitDecision) -> Refusal {
        Refusal(
            .rateLimited,
            "Policy `\(limit.policy)` admits \(limit.requests) requests per \(limit.length / 1_000_000) ms.",
            retryAfter: decision.resetAfter
        )
    }

    private func giveBack(_ limits: Parts<CompiledLimit>) {
        for limit in limits { self.giveBack(limit) }
    }

    private func giveBack(_ limit: CompiledLimit) {
        guard !limit.isShadow else { return }
        switch limit.counter {
        case .window(let counter): counter.giveBack(length: limit.length, then: self.wall)
        case .smooth(let counter): counter.giveBack(limit: limit.requests, length: limit.length)
        }
    }
}
