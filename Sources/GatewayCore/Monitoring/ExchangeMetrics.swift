import GatewayModel
package import Telemetry

/// The counters of one loop. One look-up per exchange finds the block of all its counters.
package struct ExchangeMetrics: Sendable {
    /// Who and where, as stable numbers.
    package struct Labels: Sendable, Hashable {
        package var namespace: LabelNames.ID
        package var model: LabelNames.ID
        package var upstream: LabelNames.ID
    }

    /// Everything that is counted for one combination of labels.
    package struct Block: Sendable {
        package var succeeded: UInt64 = 0
        /// By the place of the code in `ErrorCode.allCases`.
        package var failed = [UInt64](repeating: 0, count: ErrorCode.allCases.count)
        package var attempts: UInt64 = 0
        package var retries: UInt64 = 0
        package var shadowRefusals: UInt64 = 0
        package var duration = Histogram(.latency)
        package var upstreamDuration = Histogram(.latency)
        package var overhead = Histogram(.overhead)
        package var firstToken = Histogram(.latency)
        /// By the place of the kind in `TokenUsage.Kind.allCases`.
        package var tokens = InlineArray<7, UInt64>(repeating: 0)

        mutating func merge(_ other: Block) {
            self.succeeded += other.succeeded
            self.attempts += other.attempts
            self.retries += other.retries
            self.shadowRefusals += other.shadowRefusals
            for index in self.failed.indices { self.failed[index] += other.failed[index] }
            for index in 0..<self.tokens.count { self.tokens[index] += other.tokens[index] }
            self.duration.merge(other.duration)
            self.upstreamDuration.merge(other.upstreamDuration)
            self.overhead.merge(other.overhead)
            self.firstToken.merge(other.firstToken)
        }
    }

    /// Beyond this many combinations everything new is counted under `overflow`.
    private static let capacity = 10_000

    private var places: [Labels: Int] = [:]
    private static let recentPlaces = 1021
    /// The answers of `places` to the labels asked for last, by a cheap hash of them.
    private var recent = [(labels: Labels, place: Int)](
        repeating: (Labels(namespace: 0, model: 0, upstream: 0), -1),
        count: ExchangeMetrics.recentPlaces
    )
    package private(set) var blocks: [Block] = []
    package private(set) var labels: [Labels] = []
    package private(set) var overflows: UInt64 = 0
    package var streamsOpen = 0
    package var sessionsOpen = 0
    package var connectionsRefused: UInt64 = 0
    package var journalLost: UInt64 = 0
    package var spoolRefusals: UInt64 = 0
    package var keysForgotten: UInt64 = 0
    package var requestsOverLimit: UInt64 = 0
    package var bodiesOverLimit: UInt64 = 0
    /// By reason; the reasons are `WireError`'s texts, a closed set.
    package var malformed: [String: UInt64] = [:]
    /// Handshakes of clients that came to nothing, by reason: a closed set.
    package var tlsFailures: [String: UInt64] = [:]
    /// HTTP/2 streams that were reset because they broke the protocol.
    package var streamErrors: UInt64 = 0
    /// HTTP/2 connections ended because they broke the protocol, by the protocol's error codes.
    package var connectionErrors: [String: UInt64] = [:]

    package init() {}

    /// The block of `labels`, for `update`. Costs a few instructions for what was counted lately, and a look into the
    /// dictionary, some 300, for the rest.
    mutating func place(of labels: Labels) -> Int {
        let mixed = (labels.namespace &* 31 &+ labels.model) &* 31 &+ labels.upstream
        let slot = Int(mixed % UInt32(Self.recentPlaces))
        let recent = self.recent[slot]
        if recent.place >= 0, recent.labels == labels { return recent.place }
        let place = self.findPlace(of: labels)
        // What overflows is looked up, and counted as overflowing, each time.
        if self.labels[place] == labels { self.recent[slot] = (labels, place) }
        return place
    }

    private mutating func findPlace(of labels: Labels) -> Int {
        if let place = self.places[labels] { return place }
        var labels = labels
        if self.blocks.count >= Self.capacity {
            self.overflows += 1
            let overflow = LabelNames.overflow
            labels = Labels(namespace: overflow, model: overflow, upstream: overflow)
            if let place = self.places[labels] { return place }
        }
        self.places[labels] = self.blocks.count
        self.blocks.append(Block())
        self.labels.append(labels)
        return self.blocks.count - 1
    }

    mutating func update(_ place: Int, _ change: (inout Block) -> Void) { change(&self.blocks[place]) }

    /// Adds another loop's counts, for a scrape.
    package mutating func merge(_ other: ExchangeMetrics) {
        for (index, labels) in other.labels.enumerated() {
            self.blocks[self.place(of: labels)].merge(other.blocks[index])
        }
        self.overflows += other.overflows
        self.streamsOpen += other.streamsOpen
        self.sessionsOpen += other.sessionsOpen
        self.connectionsRefused += other.connectionsRefused
        self.journalLost += other.journalLost
        self.spoolRefusals += other.spoolRefusals
        self.keysForgotten += other.keysForgotten
        self.requestsOverLimit += other.requestsOverLimit
        self.bodiesOverLimit += other.bodiesOverLimit
        self.malformed.merge(other.malformed, uniquingKeysWith: +)
        self.tlsFailures.merge(other.tlsFailures, uniquingKeysWith: +)
        self.streamErrors += other.streamErrors
        self.connectionErrors.merge(other.connectionErrors, uniquingKeysWith: +)
    }
}
