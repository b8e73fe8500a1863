/// How calls that match are sent on: which attempts may be made, and to where if the call names no model.
package struct Route: Sendable, Equatable {
    package var name: String
    package var match: Match
    package var retry: Retry
    /// For calls that name no model (files, batches): the upstream that serves them.
    package var upstream: String?
    /// What happens when a call must be translated for its upstream and something of it cannot be carried over.
    package var losses: Losses

    package init(
        name: String,
        match: Match = Match(),
        retry: Retry = Retry(),
        upstream: String? = nil,
        losses: Losses = .warn
    ) {
        self.name = name
        self.match = match
        self.retry = retry
        self.upstream = upstream
        self.losses = losses
    }

    package enum Losses: String, Sendable, CaseIterable {
        /// The call is refused, and the refusal names the fields.
        case strict
        /// The answer and the access log name the fields.
        case warn
        /// Nothing is said.
        case allow
    }

    /// Every list must hold one pattern that fits. Of several matching routes the one with the most specific path
    /// wins, then the most specific model, then the most specific namespace, then the name that sorts first.
    package struct Match: Sendable, Equatable {
        package var namespaces: [NamePattern]
        /// Over the path without the namespace's prefix and without the query.
        package var paths: [NamePattern]
        package var models: [NamePattern]

        package init(
            namespaces: [NamePattern] = [.any],
            paths: [NamePattern] = [.any],
            models: [NamePattern] = [.any]
        ) {
            self.namespaces = namespaces
            self.paths = paths
            self.models = models
        }
    }

    package struct Retry: Sendable, Equatable {
        /// All attempts together, the first included.
        package var attempts: Int
        package var on: Set<Condition>
        /// Mean wait before the second attempt; doubles with each further one, with jitter.
        package var backoff: Duration

        package enum Condition: String, Sendable, CaseIterable {
            /// No connection could be had, or it broke before anything was answered on it.
            case connect
            case tooManyRequests = "429"
            case serverError = "5xx"
            /// No first byte in time.
            case timeout
        }

        package init(attempts: Int = 2, on: Set<Condition> = [.connect], backoff: Duration = .milliseconds(100)) {
            self.attempts = attempts
            self.on = on
            self.backoff = backoff
        }
    }
}
