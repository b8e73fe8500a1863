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
    /// The dialect of the upstream.
    package var dialect: String
    /// The dialect in which the caller asked.
    package var callerDialect: String
    /// The path without namespace prefix and query.
    package var path: String
    package var stream: Bool
    package var requestBytes: UInt64
    package var snapshotVersion: UInt64
    /// The caller's own word for its end user (`user`), cut at 128 bytes.
    package var endUser: String
    /// The caller's own words for what the call belongs to: `metadata` of the body, or `x-gateway-tags`.
    package var tags: [Tag]
    /// The header field by which the namespace was selected, if one was: with the path, the model and the sizes, what a
    /// decision depended on, so that another configuration can be asked about past calls.
    package var matchedHeaders: [Tag]
    /// What the input was estimated at before it was sent; nil when no policy asked.
    package var estimatedInput: UInt64?
    /// The rate limit that was nearest to refusing, and what it had left after this call; nil when none applied.
    package var limit: UInt64?
    package var limitRemaining: UInt64?

    package var outcome: Outcome
    package var code: ErrorCode?
    package var status: Int
    package var attempts: Int
    package var usage: TokenUsage
    package var responseBytes: UInt64
    /// Until the first attempt was written; nil when it never was.
    package var sentAfter: UInt64?
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
        self.callerDialect = ""
        self.path = ""
        self.stream = false
        self.requestBytes = 0
        self.snapshotVersion = 0
        self.endUser = ""
        self.tags = []
        self.matchedHeaders = []
        self.outcome = .failed
        self.code = .internalError
        self.status = 0
        self.attempts = 1
        self.usage = TokenUsage()
        self.usage.source = .estimated
        self.responseBytes = 0
        self.endedAfter = 0
    }

    /// A name with its value.
    package struct Tag: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Bytes of texts that are read from their written form. A gateway's own are shorter; a ledger's columns hold these.
    package enum TextLimits {
        /// Of namespaces, keys and upstreams.
        package static let name = 512
        package static let text = 4096
    }

    /// Bounds on the tags of one record; tags beyond them are not kept. OpenAI's `metadata` has the same
    /// (platform.openai.com/docs/api-reference: 16 pairs, names of 64 characters), with longer values.
    package enum TagLimits {
        package static let count = 16
        package static let nameBytes = 64
        package static let valueBytes = 256
        /// Of all tags as the caller wrote them; a longer text is not read.
        package static let textBytes = 1536
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

    /// Reads `description` back; nil when the text is nothing of that form.
    package init?(_ text: String) {
        guard text.utf8.count == 36, text.hasPrefix("req_"), text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
            let process = UInt64(text.dropFirst(4).prefix(16), radix: 16),
            let count = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(process: process, count: count)
    }
}
