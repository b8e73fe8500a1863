import Dialects
package import GatewayModel
import HTTPWire
import JSONScan
import NIOCore

// Where a call may be sent: the model's targets, or the one upstream that holds its objects or that its route names.
extension Exchange {
    /// Objects that the call names must belong to the caller's namespace; for others they do not exist.
    func findObjects(_ endpoint: Endpoint, _ table: RoutingTable) throws(Refusal) {
        if endpoint.objects == .uses || endpoint.objects == .deletes {
            var id: [UInt8] = []
            let head = self.head
            Self.copy(head.readableBytesUInt8Span, self.object, into: &id)
            self.fixedUpstream = try self.upstream(ofObject: id, table)
        }
        if let place = self.call.previousObject {
            self.fixedUpstream = try self.upstream(ofObject: self.previousObject(place), table)
        }
        try self.findReferences(table)
    }

    private func previousObject(_ place: ByteRange) throws(Refusal) -> [UInt8] {
        var raw: [UInt8] = []
        let body = self.body
        Self.copy(body.readableBytesUInt8Span, place, into: &raw)
        guard let id = JSONText.decode(raw[...]) else { throw Refusal(.objectNotFound) }
        return id
    }

    /// Files that a call names within its messages or tools.
    private func findReferences(_ table: RoutingTable) throws(Refusal) {
        guard self.call.mayNameFiles else { return }
        let body = self.body
        let bytes = body.readableBytesUInt8Span
        guard ReferenceScan.mayNameFiles(bytes) else { return }
        for id in ReferenceScan.strings(named: ["file_id", "file_ids", "input_file_id"], in: bytes) {
            let upstream = try self.upstream(ofObject: id, table)
            guard self.fixedUpstream < 0 || self.fixedUpstream == upstream else {
                throw Refusal(.objectNotFound, "The objects that the call names lie with different upstreams.")
            }
            self.fixedUpstream = upstream
        }
    }

    private func upstream(ofObject id: [UInt8], _ table: RoutingTable) throws(Refusal) -> Int {
        let namespace = String(decoding: table.namespaces[self.record.namespace].name, as: UTF8.self)
        guard let owner = self.loop.objects.owner(of: String(decoding: id, as: UTF8.self)),
            owner.namespace == namespace,
            let upstream = table.upstreams.firstIndex(where: { $0.name == owner.upstream })
        else { throw Refusal(.objectNotFound) }
        return upstream
    }

    /// Checks that the call can be sent somewhere, and prepares the choice.
    func findCandidates(_ endpoint: Endpoint, _ table: RoutingTable) throws(Refusal) {
        if self.record.model >= 0 {
            guard table.models.use(self.record.model, { self.hasCandidate($0, endpoint, table) }) else {
                throw Refusal(.dialectMismatch)
            }
            self.fixedUpstream = -1
            return
        }
        if self.fixedUpstream < 0 { self.fixedUpstream = table.routes[self.record.route].upstream ?? -1 }
        guard self.fixedUpstream >= 0 else {
            if endpoint.model == .optional {
                throw Refusal(.missingModel, "No route names an upstream for calls to this path that name none.")
            }
            throw Refusal(.unknownEndpoint, "No route names an upstream for calls to this path.")
        }
    }

    /// Takes the targets out of the choice that the call cannot be sent to; false if that is all of them.
    @inline(__always)
    private func hasCandidate(_ model: CompiledModel, _ endpoint: Endpoint, _ table: RoutingTable) -> Bool {
        var hasCandidate = false
        for index in model.targets.indices {
            let upstream = model.targets[index].upstream
            // What builds on a stored object must go where the object lies.
            let isElsewhere = self.fixedUpstream >= 0 && upstream != self.fixedUpstream
            if !isElsewhere, table.upstreams.use(upstream, { self.canSpeak(to: $0, endpoint.format) }) {
                hasCandidate = true
            } else {
                self.selector.exclude(index)
            }
        }
        return hasCandidate
    }

    /// Whether the call can be sent to `upstream` as it is, or translated.
    private func canSpeak(to upstream: CompiledUpstream, _ format: WireFormat) -> Bool {
        Self.speaks(upstream, format) || self.canTranslate(for: upstream)
    }

    /// Whether `upstream` understands a call of `format` as it is.
    static func speaks(_ upstream: CompiledUpstream, _ format: WireFormat) -> Bool {
        guard upstream.hasResponses || format != .openAIResponses else { return false }
        let dialect = upstream.dialect
        return dialect == .simulator || dialect == format.dialect
            || (dialect == .azureOpenAI && format.dialect == .openAI)
    }

    /// An upstream that may be tried now.
    package struct Attempt {
        package let upstream: CompiledUpstream
    }

    /// The next attempt, with its place among the upstream's requests in flight taken. Throws when there is no candidate
    /// left: `last` is what the attempt before it died of.
    package func nextAttempt(after last: Refusal?) throws(Refusal) -> Attempt {
        guard let table = self.table else { throw Refusal(.internalError) }
        guard
            self.record.attempts == 0
                || self.record.attempts < table.routes.use(self.record.route, { $0.retry.attempts })
        else { throw last ?? Refusal(.internalError) }
        var untranslatable: Refusal?
        // When every candidate has had its try and attempts are left, they are tried once more.
        for _ in 0..<(self.record.attempts == 0 || self.hasSkipped ? 1 : 2) {
            while let index = self.nextUpstream(table) {
                do throws(Refusal) {
                    let hasEntered = try table.upstreams.tryUse(index) { upstream throws(Refusal) in
                        try self.enter(upstream, table)
                    }
                    guard hasEntered else { continue }
                } catch {
                    // Another candidate may have the words.
                    untranslatable = error
                    continue
                }
                self.record.upstream = index
                self.record.attempts += 1
                return Attempt(upstream: table.upstreams[index])
            }
            self.selector.restart()
            self.isFixedTried = false
        }
        throw last ?? untranslatable ?? Refusal(.upstreamSaturated, retryAfter: 1_000_000_000)
    }

    /// Puts the call into the words of `upstream`, and takes a place among its requests in flight; false when there is none.
    @inline(__always)
    private func enter(_ upstream: CompiledUpstream, _ table: RoutingTable) throws(Refusal) -> Bool {
        // Nearly every call goes to an upstream of its own dialect.
        let translated = try self.translate(for: upstream)
        if self.translated != nil || translated != nil { self.translated = translated }
        if translated == nil { try self.clean(for: upstream, table) }
        if !self.record.losses.isEmpty { self.record.losses.removeAll() }
        if let losses = self.toldLosses { self.record.losses = losses.headerValue }
        guard upstream.state.enter(limit: upstream.limits.requestsInFlight) else { return false }
        self.occupied = Uncounted(upstream.state)
        return true
    }

    /// The index of the next untried upstream.
    private func nextUpstream(_ table: RoutingTable) -> Int? {
        guard self.record.model >= 0 else {
            defer { self.isFixedTried = true }
            return self.isFixedTried ? nil : self.fixedUpstream
        }
        return table.models.use(self.record.model) { model in
            guard let place = self.selector.next(model.targets, &self.loop.random) else { return nil }
            self.target = place
            // Known before the request is written, because the journal's entry comes first.
            if let served = model.targets[place].model {
                self.record.modelServed.set(served)
            } else {
                self.record.modelServed.set(self.record.modelAsked.bytes)
            }
            return model.targets[place].upstream
        }
    }

    /// How long to wait before another attempt, in nanoseconds, or nil when none may be made: the attempt died of what
    /// the route does not retry on, or all attempts are spent.
    ///
    /// The wait doubles with each attempt and is drawn from half to one and a half of that, so that many callers that
    /// failed together do not come back together.
    package func retryDelay(on condition: Route.Retry.Condition?) -> Int64? {
        guard let table = self.table, let condition, self.upload.isReplayable else { return nil }
        let route = table.routes[self.record.route]
        guard route.retry.on.contains(condition), self.record.attempts < route.retry.attempts else { return nil }
        let mean = route.retry.backoff.nanoseconds << Int64(min(self.record.attempts - 1, 10))
        guard mean > 0 else { return 0 }
        return mean / 2 + Int64(self.loop.random.below(Int(mean)))
    }

    /// Takes the last attempt back: nothing was sent, because the upstream's connections and their queue were full. Each
    /// candidate is skipped once at most.
    package func skipSaturated() {
        self.leaveUpstream()
        self.record.attempts -= 1
        self.hasSkipped = true
    }

    /// Gives the place among the upstream's requests in flight back. Safe to call at any time.
    package func leaveUpstream() {
        self.occupied?.use { $0.leave() }
        self.occupied = nil
    }

    // MARK: answered here

    /// The models that this key may call, in the form of the caller's dialect.
    func answerLocally(_ table: RoutingTable) throws(Refusal) -> [UInt8] {
        let names = table.models.lazy.filter { !$0.name.contains("*") && self.mayCall($0.name, table) }.map(\.name)
        let form: ModelList.Form = self.isGoogleClient ? .gemini : self.isAnthropicClient ? .anthropic : .openAI
        guard !self.object.isEmpty else { return ModelList.list(Array(names), form) }
        var asked: [UInt8] = []
        let head = self.head
        Self.copy(head.readableBytesUInt8Span, self.object, into: &asked)
        let name = PercentEncoding.decode(asked)
        let isKnown = name.withUnsafeBytes { table.modelIndex($0) != nil }
        let text = String(decoding: name, as: UTF8.self)
        guard isKnown, self.mayCall(text, table) else { throw Refusal(.modelNotFound) }
        return ModelList.entry(text, form)
    }

    private func mayCall(_ model: String, _ table: RoutingTable) -> Bool {
        guard let allowed = table.rules(of: self.record.key)?.models else { return true }
        return allowed.contains { $0.matches(model) }
    }

    /// Anthropic's clients always send their version of the API (docs.anthropic.com, "Versions").
    private var isAnthropicClient: Bool {
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        for field in self.request.fields where field.name.equals(bytes, "anthropic-version") { return true }
        return false
    }
}
