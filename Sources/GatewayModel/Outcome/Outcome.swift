/// How an exchange ended. One vocabulary for metrics, logs, spans, retries and the ledger.
@usableFromInline
package enum Outcome: String, Sendable, CaseIterable {
    /// The client has the whole answer, and it was a success.
    case complete
    /// We refused before anything was sent upstream.
    case refused
    /// The client got an error, ours or the upstream's, as its whole answer.
    case failed
    /// The answer had begun and the upstream broke it off.
    case upstreamCut = "upstream_cut"
    /// The client went away before it had the whole answer.
    case clientGone = "client_gone"
    /// The answer had begun and a rule of ours ended it.
    case policyCut = "policy_cut"
}

/// Whose doing it was that an exchange did not end `complete`.
package enum Fault: String, Sendable, CaseIterable {
    case none
    case client
    case policy
    case upstream
    case gateway
}
