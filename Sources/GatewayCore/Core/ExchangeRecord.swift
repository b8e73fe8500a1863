import GatewayModel
import HTTPWire
import Journal
import NIOCore
import Telemetry

/// The facts of one exchange, set as they become known, and written out once, when it closes: the only place that
/// journals, counts and logs.
struct ExchangeRecord: ~Copyable {
    var id = RecordID(process: 0, count: 0)
    /// Monotonic nanoseconds: the whole request was there.
    var receivedAt: UInt64 = 0
    /// Nanoseconds since 1970, of the same moment.
    var startedAt: UInt64 = 0
    /// Monotonic; 0 until the (last) attempt was written.
    var sentAt: UInt64 = 0
    /// Monotonic, of the first attempt; 0 if nothing was sent.
    var firstSentAt: UInt64 = 0
    /// Monotonic; 0 until the first byte of the answer's body.
    var firstByteAt: UInt64 = 0
    var namespace = -1
    /// Nil: an anonymous caller, or one that is not known yet.
    var key: FoundKey?
    var model = -1
    var route = -1
    var upstream = -1
    /// Of the call; nil while the endpoint is not known.
    var callerDialect: Dialect?
    var isStream = false
    var attempts = 0
    var shadowRefusals = 0
    var status = 0
    var requestBytes: UInt64 = 0
    /// What the `started` entry says of them; of a body that is passed on as it comes, more come later.
    var requestBytesAtStart: UInt64 = 0
    var responseBytes: UInt64 = 0
    var usage = TokenUsage()
    /// The journal has the `started` entry, so it must get an `ended` one.
    var isJournaled = false
    var isClosed = true
    /// The call's own bytes, copied because the request's buffer is given back early.
    var modelAsked = ReusedBytes()
    var modelServed = ReusedBytes()
    var path = ReusedBytes()
    /// Kept for the access log only.
    var method = ReusedBytes()
    var endUser = ReusedBytes()
    var peer = ""
    /// What the caller says the call belongs to, and the header that selected its namespace: where they stand in the head, and
    /// in the body, until those are given back. Empty when there is none, or one that is too long to be tags.
    var tagsHeader = ByteRange.empty
    var matchedHeader = ByteRange.empty
    var metadata = ByteRange.empty

    /// What a translation could not carry, if that is to be told.
    var losses: [UInt8] = []

    /// The caller's own id for the request; empty when it brought none.
    var requestID = ReusedBytes()

    /// Begins a new exchange: forgets everything but the memory and the connection's peer.
    mutating func begin(_ id: RecordID, at now: UInt64, wall: UInt64) {
        self.id = id
        self.receivedAt = now
        self.startedAt = wall
        (self.sentAt, self.firstSentAt, self.firstByteAt) = (0, 0, 0)
        (self.namespace, self.key, self.model) = (-1, nil, -1)
        (self.route, self.upstream, self.callerDialect) = (-1, -1, nil)
        (self.isStream, self.isJournaled, self.isClosed) = (false, false, false)
        (self.attempts, self.shadowRefusals, self.status) = (0, 0, 0)
        (self.requestBytes, self.responseBytes) = (0, 0)
        self.usage = TokenUsage()
        self.modelAsked.clear()
        self.modelServed.clear()
        self.path.clear()
        self.method.clear()
        self.endUser.clear()
        self.requestID.clear()
        self.forgetPlaces()
        if !self.losses.isEmpty { self.losses = [] }
    }

    /// The request's bytes are given back.
    mutating func forgetPlaces() {
        (self.tagsHeader, self.matchedHeader, self.metadata) = (.empty, .empty, .empty)
    }

    // MARK: journal

    /// The range, unless what it holds is too long to be tags.
    static func tags(_ range: ByteRange) -> ByteRange {
        range.count <= UsageRecord.TagLimits.textBytes ? range : .empty
    }

    /// Writes the `started` entry, except for what the caller says. False: it could not be written.
    ///
    /// What is ours comes first: an entry has room for it, whatever a caller sends.
    mutating func journalStart(
        _ journal: JournalWriter,
        _ table: RoutingTable,
        _ standing: PolicyEnforcer.Standing
    ) -> Bool {
        guard journal.beginStarted(self.id) else { return false }
        journal.put(.startedAt, self.startedAt)
        journal.put(encoded: table.namespaces[self.namespace].entryField)
        if let key = self.key { table.withName(of: key) { journal.put(.key, $0) } }
        if self.isStream { journal.put(.stream, 1) }
        journal.put(.requestBytes, self.requestBytes)
        self.requestBytesAtStart = self.requestBytes
        journal.put(.snapshotVersion, table.version)
        journal.put(encoded: table.routes[self.route].entryField)
        journal.put(encoded: table.upstreams[self.upstream].entryFields)
        if !self.modelServed.isEmpty { journal.put(.modelServed, self.modelServed.bytes) }
        if let dialect = self.callerDialect { journal.put(.callerDialect, dialect.rawValue) }
        if standing.isPresent {
            journal.put(.limit, UInt64(standing.limit))
            journal.put(.limitRemaining, UInt64(standing.remaining))
        }
        return true
    }

    /// Adds what the caller says to the `started` entry, the most useful first. Few calls have tags, and the buffers that hold
    /// them are not touched for the others.
    @inline(__always)
    func journalCaller(
        _ journal: JournalWriter,
        head: @autoclosure () -> ByteBuffer,
        body: @autoclosure () -> ByteBuffer
    ) {
        if !self.modelAsked.isEmpty { journal.put(.modelAsked, self.modelAsked.bytes) }
        if !self.endUser.isEmpty { journal.put(.endUser, self.endUser.bytes) }
        // Of tags of the same name the header's come first.
        if !self.tagsHeader.isEmpty { Self.put(head(), self.tagsHeader, as: .tagsHeader, journal) }
        if !self.matchedHeader.isEmpty { Self.put(head(), self.matchedHeader, as: .matchedHeader, journal) }
        if !self.metadata.isEmpty { Self.put(body(), self.metadata, as: .metadata, journal) }
        journal.put(cut: .path, self.path.bytes)
    }

    private static func put(_ buffer: ByteBuffer, _ range: ByteRange, as field: EntryField, _ journal: JournalWriter) {
        buffer.withUnsafeReadableBytes { bytes in
            journal.put(field, UnsafeRawBufferPointer(rebasing: bytes[range.lower..<range.upper]))
        }
    }

    private func journalEnd(_ journal: JournalWriter, _ table: RoutingTable, _ end: End) -> Bool {
        guard journal.beginEnded(self.id) else { return false }
        // With the id it is the record's identity, even when the start should be lost.
        journal.put(.startedAt, self.startedAt)
        journal.put(.outcome, end.outcome.rawValue)
        if let code = end.code { journal.put(.code, code.rawValue) }
        journal.put(.status, UInt64(self.status))
        journal.put(.attempts, UInt64(self.attempts))
        if self.attempts > 1 {
            journal.put(encoded: table.upstreams[self.upstream].entryFields)
            journal.put(.modelServed, self.modelServed.bytes)
        }
        if self.requestBytes != self.requestBytesAtStart { journal.put(.requestBytes, self.requestBytes) }
        journal.put(.responseBytes, self.responseBytes)
        if self.firstSentAt > 0 { journal.put(.sentAfter, self.firstSentAt - self.receivedAt) }
        if self.firstByteAt > 0 { journal.put(.firstByteAfter, self.firstByteAt - self.receivedAt) }
        journal.put(.endedAfter, end.at - self.receivedAt)
        journal.put(.usageSource, self.usage.source.rawValue)
        if self.usage.source != .none {
            self.journalUsage(journal)
        }
        journal.commit()
        return true
    }

    /// A kind that is not there reads as zero.
    private func journalUsage(_ journal: JournalWriter) {
        if self.usage.input > 0 { journal.put(.input, self.usage.input) }
        if self.usage.cachedInput > 0 { journal.put(.cachedInput, self.usage.cachedInput) }
        if self.usage.cacheWrite > 0 { journal.put(.cacheWrite, self.usage.cacheWrite) }
        if self.usage.output > 0 { journal.put(.output, self.usage.output) }
        if self.usage.reasoning > 0 { journal.put(.reasoning, self.usage.reasoning) }
        if self.usage.audio > 0 { journal.put(.audio, self.usage.audio) }
        if self.usage.image > 0 { journal.put(.image, self.usage.image) }
        if self.usage.audioOutput > 0 { journal.put(.audioOutput, self.usage.audioOutput) }
        if self.usage.imageOutput > 0 { journal.put(.imageOutput, self.usage.imageOutput) }
        if self.usage.cacheWrite1h > 0 { journal.put(.cacheWrite1h, self.usage.cacheWrite1h) }
    }

    // MARK: close

    /// How the exchange ended.
    struct End {
        let outcome: Outcome
        let code: ErrorCode?
        /// Monotonic nanoseconds.
        let at: UInt64
    }

    /// Ends the exchange: journal, metrics, access log. Once; later calls do nothing.
    mutating func close(_ end: End, _ loop: LoopState, _ table: RoutingTable?) {
        guard !self.isClosed else { return }
        self.isClosed = true
        if let table, self.isJournaled, !self.journalEnd(loop.journal, table, end) { loop.metrics.journalLost += 1 }
        self.count(end, loop, table)
        loop.accessLog?.write(self, end, table)
    }

    private func count(_ end: End, _ loop: LoopState, _ table: RoutingTable?) {
        let none = LabelNames.none
        let labels = ExchangeMetrics.Labels(
            namespace: self.namespace >= 0 ? table?.namespaces[self.namespace].label ?? none : none,
            model: self.model >= 0 ? table?.models[self.model].label ?? none : none,
            upstream: self.upstream >= 0 ? table?.upstreams[self.upstream].label ?? none : none
        )
        let place = loop.metrics.place(of: labels)
        loop.metrics.update(place) { block in
            if end.outcome == .complete {
                block.succeeded += 1
            } else {
                block.failed[Self.place(of: end.code ?? .internalError)] += 1
            }
            block.duration.observe(end.at - self.receivedAt)
            block.shadowRefusals += UInt64(self.shadowRefusals)
            guard self.attempts > 0 else { return }
            block.attempts += UInt64(self.attempts)
            block.retries += UInt64(self.attempts - 1)
            if self.firstSentAt > 0 { block.overhead.observe(self.firstSentAt - self.receivedAt) }
            if self.sentAt > 0 { block.upstreamDuration.observe(end.at - self.sentAt) }
            if self.isStream, self.firstByteAt > 0 {
                block.firstToken.observe(self.firstByteAt - self.sentAt)
            }
            guard self.usage.source != .none else { return }
            for index in Self.kinds.indices { block.tokens[index] += self.usage[Self.kinds[index]] }
        }
    }

    private static let kinds = TokenUsage.Kind.allCases

    static func place(of code: ErrorCode) -> Int { ErrorCode.allCases.firstIndex(of: code) ?? 0 }
}
