// WHY: longer than 200 lines: one state machine, a form from its client to its upstream.

import GatewayCore
import GatewayModel
import HTTPWire
import NIOCore

/// A form on its way: held until the call can be decided, then sent, then passed on as it comes. Whoever is slower slows
/// the other: a client is not read while its upstream takes nothing, and nothing is sent that has not come.
final class Upload {
    private enum Stage {
        /// Not decided yet; what comes is kept.
        case collecting
        /// Decided; no connection yet. The client is not read.
        case waiting
        /// What was kept is being sent.
        case sending
        /// What comes is passed on.
        case passing
        /// The upstream has the whole form.
        case sent
        /// Nobody wants the rest: it is thrown away.
        case ended
    }

    private let loop: Loop
    private unowned let client: ClientConnection
    private unowned let driver: ExchangeDriver
    private let exchange: Exchange
    private var unframer: BodyUnframer
    private var form: MultipartReader
    private let spool: Spool
    private let limit: Int
    private let announced: Int?
    private var received = 0
    private var pace: BodyPace
    private var stage = Stage.collecting
    private var upstream: UpstreamConnection?
    /// How long the upstream may take nothing, in nanoseconds.
    private var upstreamPatience: UInt64 = 0
    /// Bytes of the form that this attempt has sent.
    private var cursor = 0
    /// Where the piece begins that the disk was asked for.
    private var awaited: Int?
    private var splice: (range: Range<Int>, replacement: [UInt8])?
    /// The client has sent all of it.
    private(set) var isWhole = false
    /// What is waited for now: the client's bytes, or somebody else.
    private(set) var waitsForClient = true

    init(
        on loop: Loop,
        _ exchange: Exchange,
        _ driver: ExchangeDriver,
        for client: ClientConnection,
        limit: Int
    ) throws(Refusal) {
        self.loop = loop
        self.exchange = exchange
        self.driver = driver
        self.client = client
        self.limit = limit
        self.pace = BodyPace(loop.options.body, now: LoopClock.now())
        self.form = try exchange.makeFormReader()
        self.unframer = BodyUnframer(exchange.request)
        self.announced = exchange.request.facts.contentLength.map { Int($0) }
        self.spool = Spool(in: loop.spoolSpace, on: loop.eventLoop)
        exchange.upload.isComing = true
        self.spool.onProgress = { [weak self] in self?.spoolProgressed($0) }
    }

    var isEnded: Bool { if case .ended = self.stage { true } else { false } }

    // MARK: from the client

    /// Takes what belongs to the form from `input`; afterwards `proceed` or `fail` is to be called.
    func take(_ input: inout ByteBuffer) throws(Refusal) {
        while !self.isEnded {
            switch try self.unframer.next(&input) {
            case .piece(let piece): try self.take(piece)
            case .needsMore: return
            case .finished:
                self.isWhole = true
                self.exchange.upload.isComing = false
                return try self.form.finish()
            }
        }
        input.moveReaderIndex(to: input.writerIndex)
    }

    private func take(_ piece: ByteBuffer) throws(Refusal) {
        self.received += piece.readableBytes
        guard self.received <= self.limit else {
            throw Refusal(.bodyTooLarge, "The limit is \(self.limit) bytes.")
        }
        // Read before it is passed on: what must not pass must not be in it.
        try self.form.take(piece.readableBytesUInt8Span)
        switch self.stage {
        case .collecting, .waiting, .sending: try self.spool.append(piece)
        case .passing:
            // From here on the form cannot be sent again.
            self.exchange.upload.isReplayable = false
            self.spool.release()
            self.send(piece)
        case .sent, .ended: break
        }
    }

    /// Goes on after bytes were taken.
    func proceed() {
        self.exchange.noteUploaded(self.received)
        self.pace.took(to: self.received, now: LoopClock.now())
        switch self.stage {
        case .collecting:
            if self.isWhole, let body = self.spool.wholeInMemory { return self.client.admitForm(body) }
            if self.isWhole || self.exchange.isDecidable(with: self.form) { return self.decide() }
            if self.spool.isBehind { self.holdClient() }
            self.client.setDeadline(self.deadline)
        case .passing:
            if self.isWhole { return self.endSending() }
            self.upstream?.flush()
            // The write may have closed the connection.
            guard case .passing = self.stage, let upstream = self.upstream else { return }
            if !upstream.isWritable { self.holdClient() }
            self.wait(forClient: upstream.isWritable)
        case .waiting, .sending, .sent, .ended: break
        }
    }

    private func decide() {
        let length = self.announced ?? (self.isWhole ? self.received : nil)
        do throws(Refusal) {
            try self.exchange.admitUpload(self.form, length: length, received: self.received)
        } catch {
            return self.fail(error)
        }
        self.stage = .waiting
        self.waitsForClient = false
        if !self.isWhole { self.holdClient() }
        self.driver.start(self)
    }

    /// What the client sends cannot be taken.
    func fail(_ refusal: Refusal) {
        if refusal.code == .spoolFull { self.exchange.countSpoolRefusal() }
        if refusal.code == .overloaded { self.loop.state.metrics.bodiesOverLimit += 1 }
        self.exchange.noteUploaded(self.received)
        if self.driver.isBusy { return self.driver.refuseUpload(refusal) }
        self.end()
        self.client.refuse(refusal, isBodyTaken: self.isWhole)
    }

    // MARK: to the upstream

    /// The head has been sent on `connection`.
    func connected(_ connection: UpstreamConnection, patience: UInt64) {
        self.upstream = connection
        self.upstreamPatience = patience
        self.cursor = 0
        self.splice = self.exchange.uploadSplice
        self.exchange.upload.isLeaving = true
        self.stage = .sending
        self.pump()
    }

    /// The connection is lost or given up; there may be another.
    func disconnected() {
        self.upstream = nil
        if self.isEnded { return }
        if !self.isWhole { self.holdClient() }
        self.stage = .waiting
    }

    /// An answer has begun. One that says no is not argued with: the rest of the form is not sent (RFC 9110 §10.1.1,
    /// RFC 9112 §9.3).
    func answered(status: Int) {
        guard self.exchange.upload.isLeaving, status >= 400 else { return }
        self.end()
        self.client.setReading(true)
    }

    func upstreamBecameWritable() {
        switch self.stage {
        case .sending: self.pump()
        case .passing:
            self.readClient()
            self.wait(forClient: true)
        case .collecting, .waiting, .sent, .ended: break
        }
    }

    /// Sends what was kept, as far as the upstream takes it. Every write can close the connection, and another attempt
    /// can have begun when it returns.
    private func pump() {
        while case .sending = self.stage, self.awaited == nil, let upstream = self.upstream {
            self.wait(forClient: false)
            guard upstream.isWritable else { return }
            guard self.cursor < self.spool.count else { return self.caughtUp() }
            switch self.spool.read(at: self.cursor) {
            case .ready(let piece):
                self.send(piece)
                upstream.flush()
            case .pending: self.awaited = self.cursor
            }
        }
    }

    private func caughtUp() {
        guard !self.isWhole else { return self.endSending() }
        self.stage = .passing
        self.readClient()
        self.wait(forClient: true)
    }

    private func endSending() {
        self.stage = .sent
        self.waitsForClient = false
        self.exchange.upload.isLeaving = false
        let upstream = self.upstream
        if case .chunked? = self.exchange.upload.framing { upstream?.write(ByteBuffer(string: "0\r\n\r\n")) }
        upstream?.flush()
        self.driver.uploadSent()
    }

    private func spoolProgressed(_ progress: Spool.Progress) {
        switch progress {
        case .written:
            if case .collecting = self.stage, !self.spool.isBehind {
                self.readClient()
                self.client.setDeadline(self.deadline)
            }
        case .read(let piece):
            let isWanted = self.awaited == self.cursor
            self.awaited = nil
            if case .sending = self.stage, isWanted {
                self.send(piece)
                self.upstream?.flush()
            }
            self.pump()
        case .failed: self.fail(Refusal(.spoolFull))
        }
    }

    /// Writes the next bytes of the form, spliced and framed.
    private func send(_ piece: ByteBuffer) {
        let start = self.cursor
        self.cursor += piece.readableBytes
        let piece = self.spliced(piece, at: start)
        guard piece.readableBytes > 0, let upstream = self.upstream else { return }
        guard case .chunked? = self.exchange.upload.framing else { return upstream.write(piece) }
        upstream.write(ByteBuffer(string: String(piece.readableBytes, radix: 16) + "\r\n"))
        upstream.write(piece)
        upstream.write(ByteBuffer(string: "\r\n"))
    }

    private func spliced(_ piece: ByteBuffer, at start: Int) -> ByteBuffer {
        let end = start + piece.readableBytes
        guard let splice = self.splice, splice.range.lowerBound < end, splice.range.upperBound > start else {
            return piece
        }
        var spliced = ByteBuffer()
        let before = max(0, splice.range.lowerBound - start)
        spliced.writeBytes(piece.readableBytesView.prefix(before))
        if splice.range.lowerBound >= start { spliced.writeBytes(splice.replacement) }
        spliced.writeBytes(piece.readableBytesView.suffix(max(0, end - splice.range.upperBound)))
        return spliced
    }

    // MARK: time and ends

    private func wait(forClient: Bool) {
        self.waitsForClient = forClient
        self.driver.setUploadDeadline(forClient ? self.pace.deadline : LoopClock.now() + self.upstreamPatience)
    }

    /// What a client that was too slow has not kept.
    var slowness: String { self.pace.reason }

    /// While the disk is behind, nobody waits for the client.
    private var deadline: UInt64 {
        self.spool.isBehind ? LoopClock.now() + self.loop.options.body.pause : self.pace.deadline
    }

    /// Does not read from the client, whose time stands still meanwhile.
    private func holdClient() {
        self.pace.hold(now: LoopClock.now())
        self.client.setReading(false)
    }

    private func readClient() {
        self.pace.goOn(now: LoopClock.now())
        self.client.setReading(true)
    }

    /// Gives back what is held. What still comes is thrown away.
    func end() {
        self.stage = .ended
        self.upstream = nil
        self.awaited = nil
        self.spool.release()
    }
}
