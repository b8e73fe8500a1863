import Dialects
package import GatewayModel
package import HTTPWire
import Journal
package import NIOCore

/// One request and its answer: what is decided about them, from the first byte in to the last byte out.
///
/// Two phases. `open` and `admit`: nothing has been sent, every line may refuse. After `admit` the transport asks for
/// attempts and relays what comes back (`Exchange+relay.swift`). No I/O here: bytes and verdicts go in and out, the
/// transport does the rest. Reused from request to request, so that a request costs no allocation of its own.
package final class Exchange {
    /// The head of the request; the transport's parser writes it.
    package let request = RequestHead()
    /// The head of the upstream's answer; the transport's parser writes it.
    package let response = ResponseHead()

    let loop: LoopState
    /// The loop's: a reference of a reference is counted at each use.
    let journal: JournalWriter
    let load: ProcessLoad
    /// The table that this exchange began with, whatever is published meanwhile. Kept until the next one begins: the driver and
    /// `occupied` look at its parts without counting.
    var table: RoutingTable?
    var record = ExchangeRecord()
    var call = Call()
    /// The bytes that `request`'s ranges refer to. Empty, as the body, when they have been given back, and so between exchanges.
    var head = ByteBuffer()
    var body = ByteBuffer()
    /// How the client has compressed the body; nil when it has not.
    var coding: ContentCoding?
    /// Behind the namespace's prefix and the version segment.
    var subpath = ByteRange.empty
    var object = ByteRange.empty
    var endpoint: Endpoint?
    var splices: [Splice] = []
    var standing = PolicyEnforcer.Standing()
    var selector = UpstreamSelector()
    /// The upstream of a call that names no model; -1 otherwise.
    var fixedUpstream = -1
    var isFixedTried = false
    /// A candidate was passed over because it was full.
    var hasSkipped = false
    /// The place of the current target among the model's.
    var target = -1
    /// Of a call whose answer is a WebSocket.
    var session: Session?
    /// The upstream whose in-flight place is held; nil between attempts.
    var occupied: Uncounted<UpstreamState>?
    /// What the current attempt's upstream is told in its own dialect; nil when it speaks the client's.
    var translated: AttemptTranslation?
    /// What an upstream of the client's own dialect is sent instead of the body; nil when nothing must be taken out of it.
    var cleaned: CleanedCall?
    var isSearchedForProofs = false
    /// The head of an answer that is held until all of it has come.
    var heldHead: ByteBuffer?
    let relay: BodyRelay
    /// An answer's head has come, so what `relay` knows is of this exchange.
    var hasAnswer = false
    /// `format`, from then on: the request's bytes are given back by the time it is needed again.
    var relayedFormat = WireFormat.openAIPlain
    /// How far the body has come, when it is not read as a whole.
    package var upload = UploadState()
    /// The process had a place for this request.
    private var isWithinLoad = true

    package init(on loop: LoopState, peer: String) {
        self.loop = loop
        self.journal = loop.journal
        self.load = loop.load
        self.relay = BodyRelay(reading: loop.answerReaders)
        self.record.peer = peer
    }

    /// What the transport must bring before `admit`.
    package struct Opening {
        package let body: Endpoint.Body
        package let maximumBodyBytes: Int
    }

    /// What is to be done with an admitted call.
    package enum Admission {
        /// Ask for attempts and send.
        case send
        /// Answered here: a JSON body.
        case answer([UInt8])
    }

    /// The dialect in which to tell the caller of errors.
    package var dialect: Dialect {
        if let endpoint = self.endpoint, !endpoint.isLocal { return endpoint.format.dialect }
        return self.isGoogleClient ? .gemini : .openAI
    }

    /// The grammar of the answer. Google's streams come as events or as an array, as the query says.
    var format: WireFormat {
        guard let format = self.endpoint?.format else { return .openAIPlain }
        guard format == .geminiArray else { return format }
        let head = self.head
        return GeminiQuery.asksForEvents(self.request.query, head.readableBytesUInt8Span)
            ? .geminiGenerate : .geminiArray
    }

    // MARK: receive → match namespace

    /// Begins the exchange whose head has just been parsed from `head`. Whoever calls is known afterwards.
    package func open(_ head: consuming ByteBuffer, now: UInt64) throws(Refusal) -> Opening {
        self.begin(head, now: now)
        guard self.isWithinLoad else {
            self.loop.metrics.requestsOverLimit += 1
            throw Refusal(.overloaded, retryAfter: 1_000_000_000)
        }
        guard let table = self.loop.table else { throw Refusal(.notReady) }
        self.table = table
        let bytes = head.readableBytesUInt8Span
        self.keepRequestID(bytes)
        self.record.tagsHeader = ExchangeRecord.tags(self.request.facts.tags)
        let matcher = NamespaceMatcher(table: table)
        let prefix = table.hasMatches ? matcher.prefix(self.request.path, bytes) : NamespaceMatcher.Prefix()
        let match = self.matchEndpoint(bytes, behind: prefix.count)
        try self.authenticate(matcher, prefix, bytes)
        switch match {
        case .found: break
        case .wrongMethod(let allowed):
            let methods = allowed.map { "\($0)".uppercased() }.joined(separator: ", ")
            throw Refusal(.methodNotAllowed, "Allowed: \(methods).", allow: methods)
        case .unknown: throw Refusal(.unknownEndpoint)
        }
        try self.checkBodyHead(bytes)
        if self.endpoint?.upgrades == true { try self.readHandshake(bytes) }
        return Opening(body: self.endpoint?.body ?? .none, maximumBodyBytes: self.maximumBodyBytes)
    }

    /// Begins an exchange whose head could not be read, so that its refusal is answered, counted and logged like any other.
    package func openMalformed(now: UInt64) {
        self.request.forget()
        self.begin(ByteBuffer(), now: now)
        self.table = self.loop.table
    }

    private func begin(_ head: ByteBuffer, now: UInt64) {
        self.record.begin(self.journal.nextID(), at: now, wall: self.loop.clock.wall(now))
        self.loop.metrics.streamsOpen += 1
        self.isWithinLoad = self.load.beginRequest()
        self.head = head
        self.coding = nil
        self.call = Call()
        self.endpoint = nil
        if !self.splices.isEmpty { self.splices.removeAll(keepingCapacity: true) }
        self.standing = PolicyEnforcer.Standing()
        self.selector = UpstreamSelector()
        self.fixedUpstream = -1
        self.isFixedTried = false
        self.hasAnswer = false
        self.hasSkipped = false
        self.target = -1
        self.upload = UploadState()
        self.session = nil
        if self.translated != nil { self.translated = nil }
        if self.cleaned != nil { self.cleaned = nil }
        self.isSearchedForProofs = false
        if self.heldHead != nil { self.heldHead = nil }
    }

    private func matchEndpoint(_ bytes: borrowing Span<UInt8>, behind prefixBytes: Int) -> Endpoint.Match {
        let path = ByteRange(self.request.path.lower + prefixBytes, self.request.path.upper)
        self.record.path.set(bytes, path)
        if self.loop.accessLog != nil { self.record.method.set(bytes, self.request.methodRange) }
        let isBeta = path.beginsExactly(bytes, "/v1beta/")
        guard isBeta || path.beginsExactly(bytes, "/v1/") else { return .unknown }
        self.subpath = ByteRange(path.lower + (isBeta ? 7 : 3), path.upper)
        let match = Endpoint.find(self.request.method, self.subpath, bytes)
        if case .found(let index, let object) = match {
            let endpoint = Endpoint.all[index]
            guard !isBeta || endpoint.isGoogles else { return .unknown }
            self.record.callerDialect = endpoint.format.dialect
            self.endpoint = endpoint
            self.object = object
        }
        return match
    }

    private func authenticate(
        _ matcher: NamespaceMatcher,
        _ prefix: NamespaceMatcher.Prefix,
        _ bytes: borrowing Span<UInt8>
    ) throws(Refusal) {
        var key: FoundKey?
        let isSession = self.endpoint?.upgrades == true
        var among = isSession ? Self.keyAmongProtocols(self.request, bytes) : []
        if self.endpoint?.isGoogles == true, let key = GeminiQuery.key(self.request.query, bytes) { among.append(key) }
        if let presented = try CallerCredentials.find(self.request, bytes, among: among) {
            let table = matcher.table
            let value = bytes.extracting(presented.lower..<presented.upper)
            key = value.withUnsafeBytes { self.loop.keyRing.find($0, in: table) }
            guard key != nil else { throw Refusal(.invalidKey) }
        }
        let caller = try matcher.match(
            self.request,
            bytes,
            key: key,
            prefix: prefix,
            wall: self.record.startedAt
        )
        self.record.namespace = caller.namespace
        self.record.key = caller.key
        if let key = caller.key { matcher.table.expectName(of: key) }
        if let field = caller.header {
            let line = ByteRange(field.name.lower, field.value.upper)
            self.record.matchedHeader = ExchangeRecord.tags(line)
        }
    }

    /// What the head says about the body, before any of it is waited for.
    private func checkBodyHead(_ bytes: borrowing Span<UInt8>) throws(Refusal) {
        guard let endpoint = self.endpoint else { return }
        if let length = self.request.facts.contentLength, length > UInt64(self.maximumBodyBytes) {
            throw Refusal(.bodyTooLarge, "The limit is \(self.maximumBodyBytes) bytes.")
        }
        let facts = self.request.facts
        if facts.encodings > 0 { try self.readEncoding(endpoint, bytes) }
        guard endpoint.body == .json, self.request.hasBody, !facts.contentType.isEmpty else { return }
        guard facts.contentType.begins(bytes, "application/json") else { throw Refusal(.unsupportedMediaType) }
    }

    // MARK: read the call → enforce policies → route

    /// Decides about the call. `body` is the whole body, without framing.
    package func admit(_ body: consuming ByteBuffer) throws(Refusal) -> Admission {
        guard let table = self.table, let endpoint = self.endpoint else { throw Refusal(.internalError) }
        if let coding = self.coding { body = try coding.decode(body, limit: self.maximumBodyBytes) }
        self.record.requestBytes = UInt64(body.readableBytes)
        if endpoint.isLocal { return try .answer(self.answerLocally(table)) }
        try self.readCall(endpoint, body)
        self.body = body
        try self.decide(endpoint, table)
        return .send
    }

    /// Whether the call may be made, and where it may go.
    func decide(_ endpoint: Endpoint, _ table: RoutingTable) throws(Refusal) {
        try self.findModel(endpoint, table)
        try self.findObjects(endpoint, table)
        self.record.route = self.findRoute(table)
        try self.findCandidates(endpoint, table)
        try self.enforce(table)
    }

    private func readCall(_ endpoint: Endpoint, _ body: ByteBuffer) throws(Refusal) {
        switch endpoint.body {
        case .none: if endpoint.upgrades { try self.readSessionCall() }
        case .json where endpoint.namesModelInPath:
            try self.readGeminiCall(body)
        case .json:
            guard body.readableBytes > 0 || endpoint.model != .none else { return }
            self.call = try self.loop.callReader.read(body.readableBytesUInt8Span, into: &self.record)
        case .multipart: try self.readForm(body)
        }
        self.record.isStream = self.call.isStream
    }

    private func findModel(_ endpoint: Endpoint, _ table: RoutingTable) throws(Refusal) {
        let allowed = table.rules(of: self.record.key)?.models
        if endpoint.callsAnyModel, allowed != nil {
            throw Refusal(.modelNotAllowed, "A batch may call any model, and this key may not.")
        }
        guard endpoint.model != .none else { return }
        guard !self.record.modelAsked.isEmpty else {
            if endpoint.model == .required { throw Refusal(.missingModel) }
            // Without a name the upstream chooses, and could choose a model that the key may not call.
            if allowed != nil {
                throw Refusal(.missingModel, "This key may call certain models only, so the call must name one.")
            }
            return
        }
        let name = self.record.modelAsked.bytes
        guard !Self.climbs(name), let model = table.modelIndex(name)
        else {
            throw Refusal(.modelNotFound, "Asked for: `\(Self.printable(self.record.modelAsked.array))`.")
        }
        self.record.model = model
        guard let allowed else { return }
        guard allowed.contains(where: { $0.matches(name) }) else { throw Refusal(.modelNotAllowed) }
    }

    /// Whether a name, passed on in a path, could be read as another path: it has a segment that is empty or all dots.
    private static func climbs(_ name: UnsafeRawBufferPointer) -> Bool {
        var hasOther = false
        for byte in name {
            if byte == UInt8(ascii: "/") {
                if !hasOther { return true }
                hasOther = false
            } else if byte != UInt8(ascii: ".") {
                hasOther = true
            }
        }
        return !hasOther
    }

    private func findRoute(_ table: RoutingTable) -> Int {
        Router(table: table).route(
            namespace: self.record.namespace,
            path: self.record.path.bytes,
            model: self.record.modelAsked.bytes
        )
    }

    private func enforce(_ table: RoutingTable) throws(Refusal) {
        var enforcer = PolicyEnforcer(wall: self.record.startedAt)
        defer {
            self.standing = enforcer.standing
            self.record.shadowRefusals = enforcer.shadowRefusals
        }
        let own = table.rules(of: self.record.key)?.limits
        let refusal = table.namespaces.use(self.record.namespace) { namespace in
            table.routes.use(self.record.route) { route in
                guard self.record.model >= 0 else { return enforcer.enforce(namespace.limits, own, route.limits, nil) }
                return table.models.use(self.record.model) { model in
                    enforcer.enforce(namespace.limits, own, route.limits, model.limits)
                }
            }
        }
        if let refusal { throw refusal }
    }

    // MARK: small things

    /// Whose exchange this is, for telling the caller: the id it brought, or ours.
    package var requestID: String {
        self.record.requestID.isEmpty
            ? self.record.id.description : self.record.requestID.text
    }

    /// The gateway's own id of the exchange, as the access log and the journal have it.
    package var id: String { self.record.id.description }

    /// Memory that a compressed body takes in its full size; 0 for any other.
    package var inflatedBytes: Int { self.coding == nil ? 0 : self.body.readableBytes }

    /// How many attempts have been begun.
    package var attempts: Int { self.record.attempts }

    /// Takes over the caller's id when it is short and plain: it comes back in the answer's head and stands in logs.
    private func keepRequestID(_ bytes: borrowing Span<UInt8>) {
        let id = self.request.facts.requestID
        guard (1...128).contains(id.count) else { return }
        for place in id.lower..<id.upper where !(0x20...0x7E).contains(bytes[place]) { return }
        self.record.requestID.set(bytes, id)
    }

    static func copy(_ bytes: borrowing Span<UInt8>, _ range: ByteRange, into output: inout [UInt8]) {
        bytes.extracting(range.lower..<range.upper).withUnsafeBytes { output.append(contentsOf: $0) }
    }

    /// A caller's text, short and without controls, for a message back to that caller.
    static func printable(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix(100).filter { $0 >= 0x20 && $0 != 0x7F }, as: UTF8.self)
    }
}
