import Dialects
package import GatewayModel
import HTTPWire
import Journal
package import NIOCore

// The second phase: something has been sent. Until the first byte goes to the client another attempt may be made; after it
// the answer ends complete, or in a way that the client notices.
extension Exchange {
    /// Writes the `started` entry of the journal. To be called before the first byte of an attempt leaves.
    package func recordStart() throws(Refusal) {
        guard let table = self.table, !self.record.isJournaled else { return }
        let journal = self.journal
        guard self.record.journalStart(journal, table, self.standing) else {
            guard self.loop.options.servesWithoutJournal else { throw Refusal(.journalFull) }
            self.loop.metrics.journalLost += 1
            return
        }
        self.record.journalCaller(journal, head: self.head, body: self.body)
        journal.commit()
        self.record.isJournaled = true
    }

    /// The attempt's request has been written.
    package func noteSent(at now: UInt64) {
        self.record.sentAt = now
        if self.record.firstSentAt == 0 { self.record.firstSentAt = now }
    }

    // MARK: the answer's head

    package enum HeadVerdict {
        /// 1xx: the answer is still to come.
        case interim
        /// Nothing of this answer goes to the client: try elsewhere, or refuse with what is said here.
        case discard(Refusal)
        /// The head for the client has been written into `out`; the body follows.
        case relay
        /// The same, and a WebSocket follows.
        case switchProtocols
    }

    /// Judges the head in `response`, which was parsed from `source`.
    package func receiveHead(_ source: ByteBuffer, now: UInt64, into out: inout ByteBuffer) -> HeadVerdict {
        guard let table = self.table else { return .discard(Refusal(.internalError)) }
        let status = self.response.status
        if let verdict = self.receiveSessionHead(source, into: &out) { return verdict }
        if status == 101 { return .discard(Refusal(.upstreamBroken)) }
        if self.response.isInformational { return .interim }
        // Nearly every answer is a success.
        if status >= 400, let refusal = self.credentialRefusal(table) ?? self.retriableFailure(table) {
            return .discard(refusal)
        }
        self.record.status = status
        self.relayedFormat = self.format
        if let translated = self.translated {
            self.hasAnswer = true
            self.receiveTranslatedHead(translated, source, table, into: &out)
            return .relay
        }
        if self.mayTellOfKey(table) {
            self.hasAnswer = true
            self.hold(source)
            return .relay
        }
        let bytes = source.readableBytesUInt8Span
        var reading = self.reading(bytes)
        let inflating = self.isCompressed(bytes) && reading != .nothing
        if self.isCompressed(bytes), !self.isInflatable(bytes) { reading = .nothing }
        let upstreamFraming = self.response.framing(answering: self.request.method)
        let framing = self.clientFraming(
            upstreamFraming,
            isRewritten: inflating || reading == .whole || reading == .events
        )
        // A list of which it cannot be seen whose objects it holds is not shown.
        if self.endpoint?.objects == .lists, (200..<300).contains(status), reading != .whole {
            return .discard(Refusal(.upstreamBroken, "Its list of objects is not plain JSON."))
        }
        self.hasAnswer = true
        self.relay.begin(
            upstreamFraming,
            to: framing,
            reading: reading,
            watch: self.makeWatch(),
            format: self.relayedFormat,
            keepsID: self.createsObject,
            inflating: inflating && reading != .nothing
        )
        self.writeAnswerHead(
            source,
            table,
            framing: framing,
            length: self.response.facts.contentLength ?? 0,
            inflating: inflating && reading != .nothing,
            into: &out
        )
        self.releaseRequest()
        if self.relaysEvents { self.releaseHeads() }
        return .relay
    }

    /// The upstream does not accept the gateway's own credential: that is no fault of the caller's.
    private func credentialRefusal(_ table: RoutingTable) -> Refusal? {
        let upstream = table.upstreams[self.record.upstream]
        if self.response.status == 407 {
            let place = upstream.state.address.proxy?.place ?? "before it"
            return Refusal(.upstreamUnreachable, "The proxy \(place) wants other credentials.")
        }
        // Amazon and Google say so of keys, signatures and models that the account may not use.
        let isDenied = self.response.status == 403 && (upstream.dialect == .bedrock || upstream.dialect == .gemini)
        guard self.response.status == 401 || self.response.status == 402 || isDenied else { return nil }
        return Refusal(.upstreamCredentialsExhausted, "Upstream `\(upstream.name)` answered \(self.response.status).")
    }

    /// A failure that the route wants to be tried elsewhere while attempts are left.
    private func retriableFailure(_ table: RoutingTable) -> Refusal? {
        let route = table.routes[self.record.route]
        guard self.upload.isReplayable, self.record.attempts < route.retry.attempts else { return nil }
        switch self.response.status {
        case 429 where route.retry.on.contains(.tooManyRequests): return Refusal(.upstreamSaturated)
        case 500... where route.retry.on.contains(.serverError): return Refusal(.upstreamFailed)
        default: return nil
        }
    }

    private func reading(_ bytes: borrowing Span<UInt8>) -> BodyRelay.Reading {
        guard let endpoint = self.endpoint else { return .nothing }
        let type = self.response.facts.contentType
        if type.begins(bytes, "text/event-stream") { return .events }
        guard type.begins(bytes, "application/json") else { return .nothing }
        return endpoint.objects == .lists && self.response.status == 200 ? .whole : .members
    }

    func isCompressed(_ bytes: borrowing Span<UInt8>) -> Bool {
        let facts = self.response.facts
        return facts.encodings > 0 && !(facts.encodings == 1 && facts.contentEncoding.equals(bytes, "identity"))
    }

    private func isInflatable(_ bytes: borrowing Span<UInt8>) -> Bool {
        let encoding = self.response.facts.contentEncoding
        guard self.response.facts.encodings == 1 else { return false }
        return encoding.equals(bytes, "gzip") || encoding.equals(bytes, "x-gzip")
            || encoding.equals(bytes, "deflate")
    }

    /// A length that stays true is kept; everything else is chunked, or ends with the connection for HTTP/1.0.
    private func clientFraming(_ upstream: ResponseHead.Framing, isRewritten: Bool) -> BodyRelay.ClientFraming {
        switch upstream {
        case .none: return .none
        case .length where !isRewritten: return .length
        default: return self.request.isVersion10 ? .untilClose : .chunked
        }
    }

    private func makeWatch() -> StreamWatch {
        StreamWatch(
            self.relayedFormat,
            hidesUsageEvent: self.call.isStream && !self.call.asksForUsage
        )
    }

    /// No further attempt will be made: the request's bytes are given back, because a stream may go on for minutes.
    func releaseRequest() {
        // Given back already when the answer's head came.
        guard self.head.readableBytes > 0 || self.body.readableBytes > 0 else { return }
        self.head = ByteBuffer()
        self.body = ByteBuffer()
        self.cleaned?.body = ByteBuffer()
        self.record.forgetPlaces()
    }

    /// The heads have been read for the last time and what follows goes on for minutes. After an ordinary answer the next request
    /// fills the same memory.
    func releaseHeads() {
        self.request.releaseFields()
        self.response.releaseFields()
    }

    // MARK: the answer's body

    package enum BodyVerdict {
        case more
        /// The answer is complete, its end is in `out`.
        case complete
        /// The upstream's bytes cannot be read any further.
        case broken
        /// The answer, of which nothing has gone to the client, turned out to be none for it.
        case refused(Refusal)
    }

    /// The answer is a stream, each event of which is looked at.
    package var relaysEvents: Bool { self.relay.reading == .events || self.relay.reading == .translated }

    /// The place that an event touches in this object, whose other parts it leaves alone.
    package func visitStreamPlace(_ visit: (UnsafeRawPointer) -> Void) {
        withUnsafePointer(to: &self.record.firstByteAt) { visit(UnsafeRawPointer($0)) }
    }

    /// The object that carries an event over.
    package var relayObject: AnyObject { self.relay }

    /// Carries the readable bytes of `input` over. Bytes for the client are put into `out`, large ones into `passed`.
    package func receiveBody(
        _ input: inout ByteBuffer,
        now: UInt64,
        into out: inout ByteBuffer,
        passing passed: inout ByteBuffer?
    ) -> BodyVerdict {
        if self.record.firstByteAt == 0, input.readableBytes > 0 { self.record.firstByteAt = now }
        do throws(BodyRelay.Failure) {
            if !self.relay.isFinished { try self.relay.take(&input, into: &out, passing: &passed) }
        } catch {
            return .broken
        }
        return self.relay.isFinished || self.relay.hasFailedTranslating ? self.complete(into: &out) : .more
    }

    /// The upstream has closed its connection. `complete` when that is how its answer ends.
    package func upstreamClosed(into out: inout ByteBuffer) -> BodyVerdict {
        guard self.relay.endsWithConnection else { return .broken }
        // A translator knows itself, when nothing more comes, whether the answer was whole.
        if self.relay.isUnfinishedStream, !self.relay.isTranslating { return .broken }
        self.relay.closeSource(into: &out)
        return self.complete(into: &out)
    }

    private func complete(into out: inout ByteBuffer) -> BodyVerdict {
        if let head = self.heldHead { return self.completeHeld(head, into: &out) }
        if self.relay.reading == .whole, self.relay.clientFraming != .none { self.injectFilteredList(into: &out) }
        self.relay.writeEnd(into: &out)
        self.noteObject()
        return .complete
    }

    /// Whether the upstream may be sent another request on the connection that carried this answer.
    package var isUpstreamReusable: Bool {
        self.response.keepAlive && self.relay.isFinished && !self.upload.isLeaving
    }

    /// Whether the client may send another request on its connection.
    package var isClientReusable: Bool {
        self.isRequestWhole && self.relay.clientFraming != .untilClose && !self.loop.isDraining
    }

    /// Whether the client's connection stands at the end of this request, and may carry another one.
    package var isRequestWhole: Bool { self.request.keepAlive && !self.upload.isComing }

    // MARK: ends

    /// The answer went out whole.
    package func finish(now: UInt64) {
        self.takeUsage()
        let failed = self.record.status >= 400 || self.relay.hasFailed
        let code: ErrorCode? =
            !failed ? nil : (400..<500).contains(self.record.status) ? .upstreamRejected : .upstreamFailed
        self.close(failed ? .failed : .complete, code, now: now)
    }

    /// Ends an answer that has begun and cannot be completed. True: `out` holds an error event and the end of the body, so
    /// that the stream ends in the client's own grammar. False: the connection must be aborted, so that the client notices.
    package func cut(_ code: ErrorCode, now: UInt64, into out: inout ByteBuffer) -> Bool {
        self.takeUsage()
        self.noteStreamedObject()
        let isStream = self.relay.isUnfinishedStream
        if isStream, self.relay.isTranslating {
            self.relay.failTranslation(code, into: &out)
            self.relay.writeEnd(into: &out)
        } else if isStream {
            let event = ErrorBody.event(code, requestID: self.requestID, in: self.relayedFormat)
            self.relay.inject(event, into: &out)
            self.relay.writeEnd(into: &out)
        }
        self.close(.upstreamCut, code, now: now)
        return isStream
    }

    /// The client is gone, or does not take its answer.
    package func abandon(_ code: ErrorCode, now: UInt64) {
        self.takeUsage()
        self.noteStreamedObject()
        self.close(.clientGone, code, now: now)
    }

    /// Writes `refusal` as the whole answer and ends the exchange. Only while nothing has gone to the client.
    package func refuse(_ refusal: Refusal, now: UInt64, closing: Bool, into out: inout ByteBuffer) {
        let status = refusal.code.status
        self.record.status = status
        let body = ErrorBody.json(refusal.code, detail: refusal.detail, requestID: self.requestID, in: self.dialect)
        self.writeOwnHead(status, length: body.count, refusal, closing: closing, into: &out)
        // RFC 9110 §9.3.2: the answer to HEAD has the length, and no body behind it.
        if self.request.method != .head {
            out.writeBytes(body)
            self.record.responseBytes = UInt64(body.count)
        }
        let outcome: Outcome = self.record.attempts > 0 ? .failed : .refused
        self.close(outcome, refusal.code, now: now)
    }

    /// Writes an answer of the gateway's own and ends the exchange.
    package func answer(_ body: [UInt8], now: UInt64, closing: Bool, into out: inout ByteBuffer) {
        self.record.status = 200
        self.writeOwnHead(200, length: body.count, nil, closing: closing, into: &out)
        out.writeBytes(body)
        self.record.responseBytes = UInt64(body.count)
        self.close(.complete, nil, now: now)
    }

    private func writeOwnHead(
        _ status: Int,
        length: Int,
        _ refusal: Refusal?,
        closing: Bool,
        into out: inout ByteBuffer
    ) {
        let room = self.gatewayFieldsRoom(self.table) + 512
        ByteWriter.append(to: &out, atMost: room) { out in
            StatusLine.write(status, into: &out)
            out.write("content-type: application/json\r\ncontent-length: ")
            out.write(length)
            out.write("\r\n")
            if status == 426 {
                out.write("upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n")
            }
            if let allow = refusal?.allow { out.write(Array("allow: \(allow)\r\n".utf8)) }
            if let retryAfter = refusal?.retryAfter {
                out.write("retry-after: ")
                out.write(Int((retryAfter + 999_999_999) / 1_000_000_000))
                out.write("\r\n")
            }
            self.writeGatewayFields(self.table, into: &out)
            if closing { out.write("connection: close\r\n") }
            out.write("\r\n")
        }
    }

    private func takeUsage() {
        guard self.hasAnswer, self.endpoint != nil else { return }
        self.record.responseBytes = self.relay.forwarded
        if let losses = self.relay.streamLosses { self.add(losses) }
        if let usage = self.relay.streamUsage {
            self.record.usage = usage
        } else if self.relay.reading == .members {
            self.relay.learnFromPieces()
            if let usage = self.relay.usage { self.record.usage = usage }
        }
    }

    func close(_ outcome: Outcome, _ code: ErrorCode?, now: UInt64) {
        guard !self.record.isClosed else { return }
        self.leaveUpstream()
        self.record.close(ExchangeRecord.End(outcome: outcome, code: code, at: now), self.loop, self.table)
        self.loop.metrics.streamsOpen -= 1
        self.load.endRequest()
        self.releaseRequest()
    }

    /// Whether the exchange has ended.
    package var isClosed: Bool { self.record.isClosed }
}
