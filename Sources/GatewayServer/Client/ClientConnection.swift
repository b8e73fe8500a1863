// WHY: longer than 200 lines: one state machine, the client's side of a connection.

import GatewayCore
import GatewayModel
import Glibc
import HTTPWire
import NIOCore
import NIOPosix

/// One HTTP/1.1 connection of a client: requests one after the other, each read as a whole, then driven to its end. Or one
/// HTTP/2 stream, with one request, made to look like it.
final class ClientConnection: ChannelInboundHandler, RemovableChannelHandler, ClientChannel, Expiring {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// Between requests, or in the middle of a head.
        case head
        case body(RequestBody)
        /// A form comes; it may be on its way to an upstream already.
        case upload(Upload)
        /// The exchange runs; bytes that come are the next request's.
        case exchange
        /// What the client sends are frames of a WebSocket.
        case tunnel(Tunnel)
        /// An answer of our own is on its way, asked for on another loop.
        case operations
        /// The last answer is out; what still comes is thrown away until the client has closed.
        case lingering
        case closed
    }

    private let loop: Loop
    private let exchange: Exchange
    private var driver: ExchangeDriver!  // WHY: needs `self`; set in `init` and never again
    private var phase = Phase.head
    private var context: ChannelHandlerContext?
    /// Bytes that no request has taken yet.
    private var input = ByteBuffer()
    private var isReadingPaused = false
    /// A request has come, so this is no connection that is yet to say what it speaks.
    private var hasServed = false
    /// When the head that is being read must be complete; 0 between heads. Set by its first byte, moved by no later one.
    private var headDeadline: UInt64 = 0
    /// The connection that this is a stream of.
    private let parent: HTTP2Connection?
    /// The place among the process's connections is given back when this handler goes.
    private var ownsPlace: Bool
    /// How slowly the body that is being read may come; nil when it came with its head.
    private var pace: BodyPace?
    /// Bytes of the body that count against what the process may hold.
    private var heldBytes = 0
    private let peer: String
    private let isPeerPrivate: Bool
    private let isPlain: Bool
    private let socket = PlainSocket()
    var deadlineSlot = -1

    /// Pipelined requests wait in memory up to this; then the client is not read from until its answer is out.
    private static let pipelineLimit = 64 << 10
    private static let lingerTime: UInt64 = 2_000_000_000

    /// `isPlain` says that nothing stands between this handler and the socket.
    init(on loop: Loop, peer: SocketAddress?, isPlain: Bool = false, streamOf parent: HTTP2Connection? = nil) {
        self.loop = loop
        self.parent = parent
        self.ownsPlace = parent == nil
        self.isPlain = isPlain
        self.peer = peer?.ipAddress ?? ""
        self.isPeerPrivate = PrivateAddress.contains(peer)
        self.exchange = Exchange(on: loop.state, peer: self.peer)
        self.driver = ExchangeDriver(self.exchange, on: loop, for: self)
    }

    // MARK: channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.socket.attach(context, isPlain: self.isPlain)
        if let parent = self.parent { parent.opened(self) } else { self.loop.opened(self) }
        self.loop.deadlines.add(self, LoopClock.now() + self.loop.options.keepAliveTimeout)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.read(buffer)
        if self.isPlain { self.loop.readMemory.keep(buffer) }
    }

    /// Not passed on: behind this handler is nobody who waits for it.
    func channelReadComplete(context: ChannelHandlerContext) {}

    private func read(_ buffer: ByteBuffer) {
        var buffer = buffer
        if case .lingering = self.phase { return }
        if case .body = self.phase { return self.readBody(&buffer) }
        if case .tunnel(let tunnel) = self.phase { return tunnel.clientRead(buffer) }
        if case .upload(let upload) = self.phase {
            self.readUpload(upload, &buffer)
            return self.processInput()
        }
        if self.input.readableBytes == 0 {
            self.input = buffer
        } else {
            self.input.writeBuffer(&buffer)
        }
        self.processInput()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .upload(let upload) = self.phase { upload.end() }
        self.phase = .closed
        self.leave()
        self.releaseBody()
        self.driver.clientGone()
        // A body broke off before anything was decided.
        if !self.exchange.isClosed { self.exchange.abandon(.clientGone, now: LoopClock.now()) }
        self.input = ByteBuffer()
        self.context = nil
        self.socket.detach()
    }

    private func leave() {
        self.loop.deadlines.remove(self)
        if let parent = self.parent { parent.closed(self) } else { self.loop.closed(self) }
    }

    /// Also a connection that has never become active comes here.
    func handlerRemoved(context: ChannelHandlerContext) {
        assert(!self.driver.isBusy, "a driver does not outlive its connection")
        if self.ownsPlace { self.loop.state.load.closeConnection() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.driver.clientBecameWritable() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: heads

    private func processInput() {
        while case .head = self.phase, self.input.readableBytes > 0 {
            do throws(WireError) {
                let limit = self.loop.options.maximumHeadBytes
                guard case .complete(let length) = try self.exchange.request.parse(self.input, limit: limit) else {
                    if self.headDeadline == 0 {
                        self.headDeadline = LoopClock.now() + self.loop.options.headTimeout
                        self.setDeadline(self.headDeadline)
                    }
                    return
                }
                self.receive(headLength: length)
            } catch {
                if self.speaksHTTP2() { return }
                self.refuseMalformed(error)
            }
        }
        if case .head = self.phase, self.input.readableBytes == 0 { self.input = ByteBuffer() }
        self.holdPipeline()
    }

    /// RFC 9113 §3.4: what cannot be read as HTTP/1.1 may be the preface of a client that knows that we speak HTTP/2. Looked
    /// at only when a head was refused, so that it costs HTTP/1.1 nothing. True while that is being found out, and when it
    /// is so.
    private func speaksHTTP2() -> Bool {
        guard self.parent == nil, !self.hasServed, let context = self.context, HTTP2Preface.begins(self.input) else {
            return false
        }
        guard self.input.readableBytes >= HTTP2Preface.length else {
            if self.headDeadline == 0 {
                self.headDeadline = LoopClock.now() + self.loop.options.headTimeout
                self.setDeadline(self.headDeadline)
            }
            return true
        }
        let input = self.input
        self.input = ByteBuffer()
        self.phase = .closed
        self.leave()
        self.context = nil
        self.socket.detach()
        do {
            try HTTP2Connection.install(on: context.channel, of: self.loop)
            self.ownsPlace = false
            context.fireChannelRead(NIOAny(input))
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        } catch {
            context.close(promise: nil)
        }
        return true
    }

    private func receive(headLength: Int) {
        self.headDeadline = 0
        self.hasServed = true
        let head = self.input
        self.input.moveReaderIndex(forwardBy: headLength)
        if let operation = self.loop.operations.match(self.exchange.request, head) {
            return self.operate(operation, head)
        }
        let now = LoopClock.now()
        let opening: Exchange.Opening
        do throws(Refusal) { opening = try self.exchange.open(head, now: now) } catch {
            return self.refuse(error, isBodyTaken: self.takesSmallBody())
        }
        if opening.body == .multipart, self.exchange.request.hasBody {
            return self.beginUpload(limit: opening.maximumBodyBytes)
        }
        if let body = RequestBody.whole(self.exchange.request.facts, in: &self.input) {
            return self.admitWhole(body, now: now)
        }
        do throws(Refusal) {
            var body = RequestBody(self.exchange.request.facts, limit: opening.maximumBodyBytes)
            if try body.take(&self.input) { return self.admitWhole(body.bytes, now: now) }
            if self.exchange.request.facts.expectsContinue { self.sendContinue() }
            try self.hold(body.bytes.readableBytes)
            let pace = BodyPace(self.loop.options.body, now: LoopClock.now())
            self.pace = pace
            self.phase = .body(body)
            self.setDeadline(pace.deadline)
        } catch {
            self.refuse(error, isBodyTaken: false)
        }
    }

    /// RFC 9110 §10.1.1: the client waits for this before it sends the body.
    private func sendContinue() {
        var interim = ByteBuffer()
        interim.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        self.send(interim, passing: nil)
    }

    // MARK: bodies

    private func readBody(_ buffer: inout ByteBuffer) {
        guard case .body(var body) = self.phase else { return }
        // The body's memory must have one owner while it grows.
        self.phase = .exchange
        do throws(Refusal) {
            var isComplete = try body.take(&buffer)
            // Of a large body more has come meanwhile, and that need not go through a buffer of the channel's.
            if !isComplete { isComplete = body.take(from: self.socket) }
            try self.hold(body.bytes.readableBytes)
            if isComplete {
                self.input = buffer
                self.admit(body.bytes, now: LoopClock.now())
                self.processInput()
            } else {
                self.phase = .body(body)
                self.keepPace(body.bytes.readableBytes)
            }
        } catch {
            self.refuse(error, isBodyTaken: false)
        }
    }

    /// Moves the deadline of a body of which this much has come.
    private func keepPace(_ received: Int) {
        self.pace?.took(to: received, now: LoopClock.now())
        if let pace = self.pace { self.setDeadline(pace.deadline) }
    }

    /// Counts memory that a body takes, up to `bytes` altogether.
    private func hold(_ bytes: Int) throws(Refusal) {
        guard bytes > self.heldBytes else { return }
        guard self.loop.state.load.hold(bytes - self.heldBytes) else {
            self.loop.state.metrics.bodiesOverLimit += 1
            throw Refusal(.overloaded, "Bodies take all the memory that they may.", retryAfter: 1_000_000_000)
        }
        self.heldBytes = bytes
    }

    private func releaseBody() {
        guard self.heldBytes > 0 else { return }
        self.loop.state.load.release(self.heldBytes)
        self.heldBytes = 0
    }

    private func beginUpload(limit: Int) {
        let upload: Upload
        do throws(Refusal) {
            upload = try Upload(on: self.loop, self.exchange, self.driver, for: self, limit: limit)
        } catch {
            return self.refuse(error, isBodyTaken: false)
        }
        var buffer = self.input
        self.input = ByteBuffer()
        self.phase = .upload(upload)
        self.readUpload(upload, &buffer)
        if case .upload = self.phase, self.exchange.request.facts.expectsContinue, !upload.isEnded {
            self.sendContinue()
        }
    }

    /// What stands behind the form is the next request's.
    private func readUpload(_ upload: Upload, _ buffer: inout ByteBuffer) {
        var refusal: Refusal?
        do throws(Refusal) { try upload.take(&buffer) } catch { refusal = error }
        if upload.isWhole, case .upload = self.phase {
            self.input = buffer
            self.phase = .exchange
            if self.isReadingPaused { self.setReading(true) }
        }
        if let refusal { return upload.fail(refusal) }
        upload.proceed()
    }

    /// A form has come whole and small: it is a body like any other.
    func admitForm(_ body: ByteBuffer) {
        do throws(Refusal) { try self.hold(body.readableBytes) } catch {
            return self.refuse(error, isBodyTaken: true)
        }
        self.admit(body, now: LoopClock.now())
    }

    /// Admits a call that has come with its head.
    private func admitWhole(_ body: consuming ByteBuffer, now: UInt64) {
        // An idle stream must not hold the buffer that its request came in.
        if self.input.readableBytes == 0 { self.input = ByteBuffer() }
        self.admit(body, now: now)
    }

    private func admit(_ body: consuming ByteBuffer, now: UInt64) {
        self.phase = .exchange
        do throws(Refusal) {
            let admission = try self.exchange.admit(body)
            if self.exchange.inflatedBytes > 0 { try self.hold(self.heldBytes + self.exchange.inflatedBytes) }
            switch admission {
            case .send: self.driver.start(now: now)
            case .answer(let answer):
                let reusable = self.exchange.request.keepAlive
                var out = self.loop.takeBuffer()
                self.exchange.answer(answer, now: LoopClock.now(), closing: !reusable, into: &out)
                self.send(out, passing: nil)
                self.loop.recycle(out)
                self.answerEnded(reusable: reusable, now: LoopClock.now())
            }
        } catch {
            self.refuse(error, isBodyTaken: true)
        }
    }

    // MARK: refusals

    /// Refuses the request that is being read. If its body has not come whole, the connection cannot go on.
    func refuse(_ refusal: Refusal, isBodyTaken: Bool) {
        let reusable = isBodyTaken && self.exchange.request.keepAlive
        self.phase = .exchange
        var out = self.loop.takeBuffer()
        self.exchange.refuse(refusal, now: LoopClock.now(), closing: !reusable, into: &out)
        self.send(out, passing: nil)
        self.loop.recycle(out)
        self.answerEnded(reusable: reusable, now: LoopClock.now())
    }

    /// Takes a small body that has come already out of the way, so that the connection can go on behind it.
    private func takesSmallBody() -> Bool {
        guard self.exchange.request.hasBody else { return true }
        var body = RequestBody(self.exchange.request.facts, limit: Self.pipelineLimit)
        do throws(Refusal) { return try body.take(&self.input) } catch { return false }
    }

    private func refuseMalformed(_ error: WireError) {
        self.loop.state.metrics.malformed[error.rawValue, default: 0] += 1
        let code: ErrorCode =
            switch error {
            case .headTooLarge: .headTooLarge
            case .unsupportedVersion: .unsupportedVersion
            case .badExpectation: .unsupportedExpectation
            default: .malformedRequest
            }
        self.phase = .exchange
        self.exchange.openMalformed(now: LoopClock.now())
        var out = self.loop.takeBuffer()
        let refusal = Refusal(code, "In detail: \(error.rawValue).")
        self.exchange.refuse(refusal, now: LoopClock.now(), closing: true, into: &out)
        self.send(out, passing: nil)
        self.loop.recycle(out)
        self.answerEnded(reusable: false, now: LoopClock.now())
    }

    // MARK: the gateway's own pages

    private func operate(_ operation: Operations.Page, _ head: ByteBuffer) {
        let request = self.exchange.request
        guard !request.hasBody else { return self.refuseMalformed(.badTarget) }
        self.phase = .operations
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        self.loop.operations.answer(
            operation,
            request,
            head,
            isPeerPrivate: self.isPeerPrivate,
            on: self.loop.eventLoop
        )
        .hop(to: self.loop.eventLoop)
        .assumeIsolated()
        .whenComplete { result in
            let connection = bound.value
            guard case .operations = connection.phase else { return }
            var message = (try? result.get()) ?? Operations.unavailable
            connection.phase = .exchange
            if !request.keepAlive { message = message.closing() }
            connection.send(message.bytes, passing: nil)
            connection.answerEnded(reusable: request.keepAlive, now: LoopClock.now())
        }
    }

    // MARK: what the driver asks for

    /// Adds what an event goes through on its way to the client.
    func addPath(to ahead: inout ReadAhead) {
        withUnsafePointer(to: &self.deadlineSlot) { ahead.add(UnsafeRawPointer($0)) }
        ahead.add(self.socket, lines: 2)
        if let channel = self.context?.channel { ahead.add(channel, lines: 5) }
    }

    /// False while the client does not take what was sent.
    var isWritable: Bool { self.socket.isWritable }

    /// Sends `message`, and `passed` behind it.
    func send(_ message: ByteBuffer, passing passed: ByteBuffer?) { self.socket.send(message, then: passed) }

    /// Moves the exchange's deadline; monotonic nanoseconds.
    func setDeadline(_ time: UInt64) { self.loop.deadlines.set(self, time) }

    /// The answer is out; `reusable` says whether another request may follow.
    func answerEnded(reusable: Bool, now: UInt64) {
        switch self.phase {
        case .exchange, .upload, .tunnel: break
        case .head, .body, .operations, .lingering, .closed: return
        }
        self.releaseBody()
        self.pace = nil
        guard reusable, !self.loop.state.isDraining else { return self.linger() }
        self.phase = .head
        self.setDeadline(now + self.loop.options.keepAliveTimeout)
        if self.isReadingPaused { self.setReading(true) }
        // A pipelined request is served after this call has returned, so that many of them do not nest.
        if self.input.readableBytes > 0 {
            let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
            self.loop.eventLoop.execute { bound.value.processInput() }
        }
    }

    /// Breaks the connection so that the client notices that its answer is not complete.
    func abort() {
        self.phase = .closed
        guard let context = self.context else { return }
        // RST instead of FIN, so that not even a client that reads until the end takes the answer for complete.
        let provider = context.channel as? any SocketOptionProvider
        _ = provider?.setSoLinger(Glibc.linger(l_onoff: 1, l_linger: 0))
        context.pipeline.sever()
    }

    /// From now on what the client sends goes to `tunnel`; returns what it has sent already.
    func tunnelBegins(_ tunnel: Tunnel) -> ByteBuffer {
        let early = self.input
        self.input = ByteBuffer()
        guard case .exchange = self.phase else { return early }
        self.phase = .tunnel(tunnel)
        if self.isReadingPaused { self.setReading(true) }
        return early
    }

    // MARK: ends

    /// Closes our half and reads the rest away: closing at once, with bytes unread, would reset the connection and could
    /// take the answer from a client that is still sending.
    private func linger() {
        guard let context = self.context else { return }
        self.phase = .lingering
        self.input = ByteBuffer()
        self.setDeadline(LoopClock.now() + self.loop.options.writeTimeout)
        if self.isReadingPaused { self.setReading(true) }
        // Our half closes behind the last byte of the answer, however slowly the client takes it.
        context.close(mode: .output).assumeIsolated().whenComplete { _ in
            guard case .lingering = self.phase else { return }
            self.setDeadline(LoopClock.now() + Self.lingerTime)
        }
    }

    func deadlinePassed(_ now: UInt64) {
        switch self.phase {
        case .head where self.input.readableBytes == 0: self.context?.close(promise: nil)
        case .head:
            self.phase = .exchange
            self.exchange.openMalformed(now: now)
            self.refuseTimeout()
        case .body: self.refuseTimeout(self.pace?.reason)
        case .upload where self.driver.isBusy: self.driver.deadlinePassed(now)
        case .upload(let upload): upload.fail(Refusal(.requestTimeout, upload.slowness))
        case .exchange, .tunnel: self.driver.deadlinePassed(now)
        case .operations, .lingering, .closed: self.context?.close(promise: nil)
        }
    }

    private func refuseTimeout(_ detail: String? = nil) {
        self.phase = .exchange
        var out = self.loop.takeBuffer()
        self.exchange.refuse(Refusal(.requestTimeout, detail), now: LoopClock.now(), closing: true, into: &out)
        self.send(out, passing: nil)
        self.loop.recycle(out)
        self.answerEnded(reusable: false, now: LoopClock.now())
    }

    /// The process drains: an idle connection closes now, a busy one after its answer.
    func drain() {
        if case .head = self.phase, self.input.readableBytes == 0 { self.linger() }
    }

    /// The process ends.
    func cut() {
        self.driver.cutForShutdown()
        self.context?.close(promise: nil)
    }

    // MARK: pressure

    private func holdPipeline() {
        guard case .exchange = self.phase, self.input.readableBytes > Self.pipelineLimit else { return }
        self.setReading(false)
    }

    /// Stops or resumes reading, so that a slow upstream slows its client.
    func setReading(_ isReading: Bool) {
        guard self.isReadingPaused == isReading else { return }
        guard let context = self.context else { return }
        self.isReadingPaused = !isReading
        // Setting an option on a channel that has just closed fails, and there is nothing left to read.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isReading)
        if isReading { context.read() }
    }
}
