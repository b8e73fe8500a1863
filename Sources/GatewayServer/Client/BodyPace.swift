/// How slowly a request's body may come: the longest pause, the longest time for all of it, the lowest rate.
///
/// The pause alone lets a client hold a connection and its memory for days with a byte a minute. The rate is an average since
/// the body began, after a time of grace; what the gateway itself did not read, because the upstream was slower, does not
/// count. A value: nothing is measured but the times it is given.
package struct BodyPace {
    /// Durations are nanoseconds.
    package struct Limits: Sendable {
        /// Between two reads.
        package var pause: UInt64 = 60_000_000_000
        /// From the head to the last byte.
        package var total: UInt64 = 1_800_000_000_000
        /// Bytes a second; 0 asks for none.
        package var rate: UInt64 = 1 << 10
        /// How long a body may be slower than that at its beginning.
        package var grace: UInt64 = 30_000_000_000

        package init() {}
    }

    private let limits: Limits
    private var began: UInt64
    private var received: UInt64 = 0
    private var heldSince: UInt64?
    /// Monotonic nanoseconds by which more must have come.
    private(set) var deadline: UInt64

    init(_ limits: Limits, now: UInt64) {
        self.limits = limits
        self.began = now
        self.deadline = 0
        self.move(now)
    }

    /// More has come: `bytes` altogether.
    mutating func took(to bytes: Int, now: UInt64) {
        self.received = UInt64(bytes)
        self.move(now)
    }

    /// From now on nothing is read, and the time does not count.
    mutating func hold(now: UInt64) { if self.heldSince == nil { self.heldSince = now } }

    /// The client is read from again.
    mutating func goOn(now: UInt64) {
        guard let since = self.heldSince else { return }
        self.heldSince = nil
        self.began += now - since
        self.move(now)
    }

    /// What was not kept, when the deadline has passed.
    var reason: String {
        if self.deadline == self.began + self.limits.total {
            return "The body was not complete within \(self.limits.total / 1_000_000_000) s."
        }
        if self.deadline == self.slowest {
            return "The body came slower than \(self.limits.rate) bytes a second."
        }
        return "Nothing more of the body came for \(self.limits.pause / 1_000_000_000) s."
    }

    /// When what has come is too little for the time that it took.
    private var slowest: UInt64 {
        guard self.limits.rate > 0 else { return Deadlines.never }
        let (scaled, overflow) = self.received.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return Deadlines.never }
        return self.began + self.limits.grace + scaled / self.limits.rate
    }

    private mutating func move(_ now: UInt64) {
        self.deadline = min(now + self.limits.pause, self.began + self.limits.total, self.slowest)
    }
}
