// WHY: longer than 400 lines: one state machine, from an admitted call through its attempts to the end of its answer.

import GatewayCore
import GatewayModel
import HTTPWire
import NIOCore

/// Takes an admitted exchange through its attempts and relays the answer: the effects to `Exchange`'s decisions.
///
/// Every write can close a channel in the middle of what we do, so the state is looked at again after each.
final class ExchangeDriver {
    private enum State {
        case idle
        /// No connection yet, or waiting before another attempt.
        case acquiring
        /// The request is out; no byte of an answer has gone to the client.
        case awaitingHead
        case relaying
        /// Bytes go both ways.
        case tunnelling(Tunnel)
    }

    let exchange: Exchange
    private let loop: Loop
    /// WHY: unsafe: the connection owns the driver, and lets go of it only after `clientGone`, after which nothing calls it. In
    /// the middle of a call from here the connection stays, since a channel removes its handlers in a later turn of the loop.
    private let client: Uncounted<ClientConnection>
    private var state = State.idle
    private var upstream: UpstreamConnection?
    /// Of the attempt; the exchange's table keeps it.
    private var current: Uncounted<CompiledUpstream>?
    /// Bytes of a head that is not complete yet.
    private var input = ByteBuffer()
    /// Monotonic nanoseconds by which all must be over.
    private var totalDeadline = Deadlines.never
    private var retry: Scheduled<Void>?
    private var isPaused = false
    /// Something of this answer has gone to the client.
    private var hasFlushed = false
    /// The body, when it is passed on while it comes.
    private var upload: Upload?

    init(_ exchange: Exchange, on loop: Loop, for client: ClientConnection) {
        self.exchange = exchange
        self.loop = loop
        self.client = Uncounted(client)
    }

    /// Adds what an event goes through behind the upstream's connection.
    func addPath(to ahead: inout ReadAhead) {
        ahead.add(self, lines: 3)
        self.exchange.visitStreamPlace { ahead.add($0) }
        ahead.add(self.exchange.relayObject, lines: 6)
        self.client.use { $0.addPath(to: &ahead) }
    }

    var isBusy: Bool { if case .idle = self.state { false } else { true } }

    // MARK: attempts

    /// Sends the admitted call.
    func start(now: UInt64) {
        // The last answer's final bytes were flushed after its end was noted.
        self.hasFlushed = false
        self.attempt(after: nil, now: now)
    }

    /// Sends the admitted call whose body is `upload`.
    func start(_ upload: Upload) {
        self.upload = upload
        self.start(now: LoopClock.now())
    }

    private func attempt(after last: Refusal?, now: UInt64) {
        self.state = .acquiring
        do throws(Refusal) {
            let attempt = try self.exchange.nextAttempt(after: last)
            if self.totalDeadline == Deadlines.never {
                self.totalDeadline = now + attempt.upstream.timeouts.total
            }
            self.client.use { $0.setDeadline(self.totalDeadline) }
            self.current = Uncounted(attempt.upstream)
            self.loop.pool(of: attempt.upstream.state).acquire(attempt.upstream, for: self, now: now)
        } catch {
            self.refuse(error)
        }
    }

    /// The pool has a connection for this exchange.
    func upstreamReady(_ connection: UpstreamConnection) {
        guard case .acquiring = self.state, let current = self.current else {
            return connection.giveBack(reusable: true, now: LoopClock.now())
        }
        current.use { self.send(to: $0, on: connection) }
    }

    private func send(to upstream: CompiledUpstream, on connection: UpstreamConnection) {
        self.upstream = connection
        self.state = .awaitingHead
        do throws(Refusal) { try self.exchange.recordStart() } catch {
            self.upstream = nil
            connection.giveBack(reusable: true, now: LoopClock.now())
            return self.refuse(error)
        }
        var out = self.loop.takeBuffer()
        let rest = self.exchange.writeRequest(to: upstream, into: &out)
        let now = LoopClock.now()
        self.exchange.noteSent(at: now)
        self.client.use { $0.setDeadline(min(self.totalDeadline, now + upstream.timeouts.firstByte)) }
        // A constant is not counted while it is sent: two atomic operations.
        let message = out
        connection.send(message, then: rest)
        self.loop.recycle(message)
        // The write may have closed the connection.
        if let upload = self.upload, self.upstream === connection {
            upload.connected(connection, patience: upstream.timeouts.idle)
        }
    }

    /// The attempt came to nothing before anything went to the client. `condition` is what the route may retry on.
    func attemptFailed(
        _ refusal: Refusal,
        on condition: Route.Retry.Condition?,
        _ cause: AttemptLog.Cause = .asTheCodeSays
    ) {
        guard self.isBusy else { return }
        self.tell(refusal, cause)
        self.exchange.leaveUpstream()
        guard let wait = self.exchange.retryDelay(on: condition) else { return self.refuse(refusal) }
        self.state = .acquiring
        guard wait > 0 else { return self.attempt(after: refusal, now: LoopClock.now()) }
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        self.retry = self.loop.eventLoop.scheduleTask(in: .nanoseconds(wait)) {
            bound.value.retry = nil
            bound.value.attempt(after: refusal, now: LoopClock.now())
        }
    }

    /// The upstream bears no more: the next candidate is asked, and this one does not count as an attempt.
    func upstreamSaturated(_ refusal: Refusal) {
        guard case .acquiring = self.state else { return }
        self.tell(refusal, .said("the queue for its connections is full"))
        self.exchange.skipSaturated()
        self.attempt(after: refusal, now: LoopClock.now())
    }

    /// Tells the operator, who is told more than the caller.
    private func tell(_ refusal: Refusal, _ cause: AttemptLog.Cause = .asTheCodeSays) {
        guard let upstream = self.current else { return }
        let wall = self.loop.state.clock.wall(LoopClock.now())
        self.loop.attempts.failed(
            refusal,
            cause,
            on: upstream.use { $0.name },
            attempt: self.exchange.attempts,
            of: self.exchange.id,
            wall: wall
        )
    }

    // MARK: the answer

    func upstreamRead(_ buffer: ByteBuffer) {
        switch self.state {
        case .awaitingHead: self.readHead(buffer)
        case .relaying:
            var buffer = buffer
            var out = self.loop.takeBuffer()
            self.readBody(&buffer, into: &out, now: LoopClock.now())
            self.loop.recycle(out)
        case .tunnelling(let tunnel): tunnel.upstreamRead(buffer)
        case .idle, .acquiring: break
        }
    }

    /// The upstream has switched protocols; `rest` is what it has sent behind its head.
    private func beginTunnel(_ head: ByteBuffer, _ rest: ByteBuffer) {
        guard let upstream = self.upstream else { return }
        let tunnel = Tunnel(
            self.exchange,
            on: self.loop,
            between: self.client.counted,
            and: upstream,
            until: self.totalDeadline
        ) {
            [weak self] code in
            if let code, code.fault == .upstream { self?.tell(Refusal(code)) }
            self?.upstream = nil
            self?.reset()
        }
        self.state = .tunnelling(tunnel)
        self.flush(head)
        let early = self.client.use { $0.tunnelBegins(tunnel) }
        if rest.readableBytes > 0 { tunnel.upstreamRead(rest) }
        if early.readableBytes > 0 { tunnel.clientRead(early) }
    }

    private func readHead(_ buffer: ByteBuffer) {
        var input = buffer
        if self.input.readableBytes > 0 {
            // Appended where the beginning is, which nobody else refers to.
            input = ByteBuffer()
            swap(&input, &self.input)
            var rest = buffer
            input.writeBuffer(&rest)
        }
        let now = LoopClock.now()
        while case .awaitingHead = self.state, input.readableBytes > 0 {
            guard let length = self.parseHead(input) else { return }
            var out = self.loop.takeBuffer()
            defer { self.loop.recycle(out) }
            switch self.exchange.receiveHead(input, now: now, into: &out) {
            case .interim: input.moveReaderIndex(forwardBy: length)
            case .discard(let refusal):
                let condition =
                    refusal.code == .upstreamSaturated ? Route.Retry.Condition.tooManyRequests : .serverError
                self.dropUpstream()
                return self.attemptFailed(
                    refusal,
                    on: refusal.code == .upstreamCredentialsExhausted ? nil : condition,
                    .answered(self.exchange.response.status)
                )
            case .switchProtocols:
                input.moveReaderIndex(forwardBy: length)
                return self.beginTunnel(out, input)
            case .relay:
                self.state = .relaying
                self.upload?.answered(status: self.exchange.response.status)
                if self.exchange.relaysEvents { self.upstream?.expectEvents() }
                input.moveReaderIndex(forwardBy: length)
                return self.readBody(&input, into: &out, now: now)
            }
        }
    }

    /// The length of the head that `input` begins with; nil when it is not complete, and `input` is kept, or no head.
    private func parseHead(_ input: ByteBuffer) -> Int? {
        do throws(WireError) {
            let result = try self.exchange.response.parse(input, limit: self.loop.options.maximumHeadBytes)
            guard case .complete(let length) = result else {
                self.input = input
                return nil
            }
            return length
        } catch {
            self.dropUpstream()
            self.attemptFailed(Refusal(.upstreamBroken, "Its answer is not HTTP: \(error.rawValue)."), on: nil)
            return nil
        }
    }

    /// Relays what `buffer` holds; `out` may hold the head already.
    private func readBody(_ buffer: inout ByteBuffer, into out: inout ByteBuffer, now: UInt64) {
        var passed: ByteBuffer?
        let verdict = self.exchange.receiveBody(&buffer, now: now, into: &out, passing: &passed)
        switch verdict {
        case .more:
            // What was on its way when the upstream was paused does not give the client more time.
            if !self.isPaused, let idle = self.current?.use({ $0.timeouts.idle }) {
                self.client.use { $0.setDeadline(min(self.totalDeadline, now + idle)) }
            }
            self.flush(out, passed)
            self.slowDown()
        case .complete:
            let connection = self.upstream
            self.upstream = nil
            // Bytes behind the answer were not asked for.
            connection?.giveBack(
                reusable: self.exchange.isUpstreamReusable && buffer.readableBytes == 0,
                now: now
            )
            self.complete(out, passed, now: now)
        case .refused(let refusal):
            self.tell(refusal)
            self.refuse(refusal)
        case .broken: self.cut(.upstreamBroken, &out)
        }
    }

    private func flush(_ out: ByteBuffer, _ passed: ByteBuffer? = nil) {
        guard out.readableBytes > 0 || passed != nil else { return }
        self.hasFlushed = true
        self.client.use { $0.send(out, passing: passed) }
    }

    /// The last bytes of an exchange that has been reset: they say nothing of the next one.
    private func sendLast(_ out: ByteBuffer, _ passed: ByteBuffer? = nil) {
        guard out.readableBytes > 0 || passed != nil else { return }
        self.client.use { $0.send(out, passing: passed) }
    }

    private func complete(_ out: ByteBuffer, _ passed: ByteBuffer?, now: UInt64) {
        let reusable = self.exchange.isClientReusable
        self.exchange.finish(now: now)
        self.reset()
        self.sendLast(out, passed)
        self.client.use { $0.answerEnded(reusable: reusable, now: now) }
    }

    /// The upstream's connection has closed under the exchange.
    func upstreamClosed(_ connection: UpstreamConnection, failure: (any Error)?) {
        guard self.upstream === connection else { return }
        self.upstream = nil
        self.forgetInput()
        self.upload?.disconnected()
        switch self.state {
        case .awaitingHead:
            let cause = failure.map { AttemptLog.Cause.error($0) } ?? .asTheCodeSays
            self.attemptFailed(UpstreamFailure.refusal(awaiting: failure), on: .connect, cause)
        case .relaying:
            var out = self.loop.takeBuffer()
            // RFC 9112 §9.8: an answer that ends with its connection is whole only when that was closed in good order.
            if failure == nil, case .complete = self.exchange.upstreamClosed(into: &out) {
                self.complete(out, nil, now: LoopClock.now())
            } else {
                self.cut(.upstreamCut, &out, because: failure)
            }
            self.loop.recycle(out)
        case .tunnelling(let tunnel): tunnel.upstreamClosed()
        case .idle, .acquiring: break
        }
    }

    // MARK: pressure

    private func slowDown() {
        guard !self.isPaused, let upstream = self.upstream, !self.client.use({ $0.isWritable }) else { return }
        self.isPaused = true
        upstream.setReading(false)
        self.client.use { $0.setDeadline(LoopClock.now() + self.loop.options.writeTimeout) }
    }

    /// The client takes bytes again.
    func clientBecameWritable() {
        if case .tunnelling(let tunnel) = self.state { return tunnel.clientBecameWritable() }
        guard self.isPaused else { return }
        self.isPaused = false
        if let idle = self.current?.use({ $0.timeouts.idle }) {
            self.client.use { $0.setDeadline(min(self.totalDeadline, LoopClock.now() + idle)) }
        }
        self.upstream?.setReading(true)
    }

    // MARK: uploads

    func upstreamBecameWritable() {
        if case .tunnelling(let tunnel) = self.state { return tunnel.upstreamBecameWritable() }
        self.upload?.upstreamBecameWritable()
    }

    /// Waits for bytes of the body, or for the upstream to take them, until `time`.
    func setUploadDeadline(_ time: UInt64) { self.client.use { $0.setDeadline(min(self.totalDeadline, time)) } }

    /// The upstream has been sent the whole body.
    func uploadSent() {
        guard case .awaitingHead = self.state, let current = self.current else { return }
        self.setUploadDeadline(LoopClock.now() + current.use { $0.timeouts.firstByte })
    }

    /// The body turned out to be one that must not pass.
    func refuseUpload(_ refusal: Refusal) {
        if case .relaying = self.state { self.cut(refusal.code) } else { self.refuse(refusal) }
    }

    // MARK: ends

    /// The client has gone away: its upstream request is cancelled.
    func clientGone() {
        guard self.isBusy else { return }
        if case .tunnelling(let tunnel) = self.state { return tunnel.clientGone() }
        self.dropUpstream()
        self.exchange.abandon(.clientGone, now: LoopClock.now())
        self.reset()
    }

    /// The deadline set last has passed.
    func deadlinePassed(_ now: UInt64) {
        switch self.state {
        case .idle: break
        case .acquiring: self.refuse(Refusal(.totalTimeout))
        case .awaitingHead:
            if let upload = self.upload, upload.waitsForClient, now < self.totalDeadline {
                return self.refuse(Refusal(.requestTimeout, upload.slowness))
            }
            self.dropUpstream()
            if now >= self.totalDeadline {
                self.tell(Refusal(.totalTimeout))
                return self.refuse(Refusal(.totalTimeout))
            }
            self.attemptFailed(Refusal(.upstreamTimeout), on: .timeout)
        case .tunnelling(let tunnel): tunnel.deadlinePassed(now)
        case .relaying:
            if self.isPaused {
                self.dropUpstream()
                self.exchange.abandon(.clientStalled, now: now)
                self.reset()
                self.client.use { $0.abort() }
            } else {
                self.cut(now >= self.totalDeadline ? .totalTimeout : .upstreamStalled)
            }
        }
    }

    /// Ends what runs because the process ends.
    func cutForShutdown() {
        switch self.state {
        case .idle: break
        case .acquiring, .awaitingHead: self.refuse(Refusal(.draining))
        case .relaying: self.cut(.draining)
        case .tunnelling(let tunnel): tunnel.cutForShutdown()
        }
    }

    /// Ends an answer that has begun and cannot be completed.
    private func cut(_ code: ErrorCode) {
        var out = self.loop.takeBuffer()
        self.cut(code, &out)
        self.loop.recycle(out)
    }

    /// What `out` holds already are whole events of the same read.
    private func cut(_ code: ErrorCode, _ out: inout ByteBuffer, because failure: (any Error)? = nil) {
        if code.fault == .upstream { self.tell(Refusal(code), failure.map { .error($0) } ?? .asTheCodeSays) }
        guard self.hasFlushed else { return self.refuse(Refusal(code)) }
        self.dropUpstream()
        let isEnded = self.exchange.cut(code, now: LoopClock.now(), into: &out)
        let reusable = self.exchange.isClientReusable
        self.reset()
        guard isEnded else { return self.client.use { $0.abort() } }
        self.sendLast(out)
        self.client.use { $0.answerEnded(reusable: reusable, now: LoopClock.now()) }
    }

    private func refuse(_ refusal: Refusal) {
        self.dropUpstream()
        var out = self.loop.takeBuffer()
        let reusable = self.exchange.isRequestWhole
        self.exchange.refuse(refusal, now: LoopClock.now(), closing: !reusable, into: &out)
        self.reset()
        self.sendLast(out)
        self.loop.recycle(out)
        self.client.use { $0.answerEnded(reusable: reusable, now: LoopClock.now()) }
    }

    /// Lets go of the upstream in the middle of its answer: the connection cannot be used again.
    private func dropUpstream() {
        self.forgetInput()
        self.retry?.cancel()
        self.retry = nil
        if case .acquiring = self.state, let current = self.current {
            self.loop.pool(of: current.counted.state).cancel(self)
        }
        let connection = self.upstream
        self.upstream = nil
        self.upload?.disconnected()
        connection?.giveBack(reusable: false, now: 0)
    }

    private func forgetInput() {
        if self.input.readableBytes > 0 { self.input = ByteBuffer() }
    }

    private func reset() {
        self.state = .idle
        self.current = nil
        self.forgetInput()
        self.totalDeadline = Deadlines.never
        self.isPaused = false
        self.hasFlushed = false
        self.upload?.end()
        self.upload = nil
    }
}
