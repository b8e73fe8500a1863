/// What remains of one exchange that was sent upstream: who, what, where, how much, how it ended. Never content.
///
/// Times are nanoseconds: `startedAt` since 1970, the others since the start. The journal's two entries (`started`,
/// `ended`) merge into this.
package struct UsageRecord: Sendable, Equatable {
    /// Unique over all gateways: 64 bits drawn at the gateway's start, then a count.
    package var id: RecordID
    package var startedAt: UInt64
    package var namespace: String
    /// The key's name; empty for an anonymous caller.
    package var key: String
    package var modelAsked: String
    package var modelServed: String
    package var route: String
    package var upstream: String
    package var dialect: String
    /// The path without namespace prefix and query.
    package var path: String
    package var stream: Bool
    package var requestBytes: UInt64
    package var snapshotVersion: UInt64
    /// The caller's own word for its end user (`user`), cut at 128 bytes.
    package var endUser: String

    package var outcome: Outcome
    package var code: ErrorCode?
    package var status: Int
    package var attempts: Int
    package var usage: TokenUsage
    package var responseBytes: UInt64
    /// Until the first byte of the upstream's answer; nil if none came.
    package var firstByteAfter: UInt64?
    package var endedAfter: UInt64

    /// The state of a record of which only the start is known: the process died before the exchange ended.
    package init(id: RecordID, startedAt: UInt64) {
        self.id = id
        self.startedAt = startedAt
        self.namespace = ""
        self.key = ""
        self.modelAsked = ""
        self.modelServed = ""
        self.route = ""
        self.upstream = ""
        self.dialect = ""
        self.path = ""
        self.stream = false
        self.requestBytes = 0
        self.snapshotVersion = 0
        self.endUser = ""
        self.outcome = .failed
        self.code = .internalError
        self.status = 0
        self.attempts = 1
        self.usage = TokenUsage()
        self.usage.source = .estimated
        self.responseBytes = 0
        self.firstByteAfter = nil
        self.endedAfter = 0
    }
}

/// The identity of an exchange, and of its usage record: what `x-request-id` says when the client brought none.
package struct RecordID: Sendable, Hashable, CustomStringConvertible {
    /// Drawn at random once per process.
    package let process: UInt64
    package let count: UInt64

    package init(process: UInt64, count: UInt64) {
        self.process = process
        self.count = count
    }

    /// `req_` and 32 hexadecimal digits.
    package var description: String {
        let digits = { (word: UInt64) in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return "req_" + digits(self.process) + digits(self.count)
    }
}
