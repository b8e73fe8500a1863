// WHY: longer than 200 lines: one state machine, the two directions of a WebSocket and their ends.

import Dialects
import GatewayCore
import GatewayModel
import HTTPWire
import NIOCore

/// A WebSocket between a client and an upstream, from the 101 on: bytes go both ways as they come, and are looked at for frames,
/// so that a session ends as the protocol wants it to, and for the usage that the provider tells.
///
/// Pressure: who does not take its bytes stops the other from being read. Every write can close a channel, so the state is looked
/// at again after each.
final class Tunnel {
    private enum Phase {
        case open
        /// One side has said that it closes; the other has a moment to say so, too.
        case closing
        case ended
    }

    private let exchange: Exchange
    private let loop: Loop
    private unowned let client: ClientConnection
    private let onEnd: (ErrorCode?) -> Void
    private var upstream: UpstreamConnection?
    private var phase = Phase.open
    private var fromClient = FrameScanner(from: .client)
    private var fromUpstream = FrameScanner(from: .server)
    private var watch = RealtimeWatch()
    private var totals = Exchange.SessionTotals()
    private let totalDeadline: UInt64
    private var idleDeadline: UInt64 = 0
    /// What the client has been sent ends with a frame, so one of ours may follow.
    private var isAtFrameEnd = true
    private var isUpstreamPaused = false
    private var isClientPaused = false

    /// How long the other side may take to answer a close frame.
    private static let closingTime: UInt64 = 5_000_000_000

    /// `onEnd` is told what the operator should hear: nothing when the session ended in good order.
    init(
        _ exchange: Exchange,
        on loop: Loop,
        between client: ClientConnection,
        and upstream: UpstreamConnection,
        until totalDeadline: UInt64,
        onEnd: @escaping (ErrorCode?) -> Void
    ) {
        self.exchange = exchange
        self.loop = loop
        self.client = client
        self.upstream = upstream
        self.totalDeadline = totalDeadline
        self.onEnd = onEnd
        loop.state.metrics.sessionsOpen += 1
        self.touch()
    }

    // MARK: bytes

    func clientRead(_ buffer: ByteBuffer) {
        guard case .ended = self.phase else { return self.passUp(buffer) }
    }

    private func passUp(_ buffer: ByteBuffer) {
        var cursor = 0
        do throws(FrameFlaw) {
            while try self.fromClient.next(buffer, &cursor) != .needsMore {}
        } catch {
            return self.end(.malformedRequest, saying: .protocolError, "a frame is malformed")
        }
        // What stands behind a close frame is nobody's.
        guard cursor > 0, let passed = buffer.getSlice(at: buffer.readerIndex, length: cursor) else { return }
        self.totals.received += UInt64(cursor)
        self.upstream?.send(passed)
        self.noteProgress()
        guard let upstream = self.upstream, !upstream.isWritable, !self.isClientPaused else { return }
        self.isClientPaused = true
        self.client.setReading(false)
    }

    func upstreamRead(_ buffer: ByteBuffer) {
        if case .ended = self.phase { return }
        var cursor = 0
        var flaw: FrameFlaw?
        do throws(FrameFlaw) {
            let bytes = buffer.readableBytesUInt8Span
            loop: while true {
                switch try self.fromUpstream.next(bytes, &cursor) {
                case .needsMore: break loop
                case .closed: break
                case .data(let range, let isText, let isEnd):
                    guard isText else { continue }
                    self.watch.take(bytes.extracting(range.lower..<range.upper), isEnd: isEnd)
                }
            }
        } catch { flaw = error }
        if flaw != nil { return self.end(.upstreamBroken, saying: .internalError, "the upstream broke the protocol") }
        guard cursor > 0, let passed = buffer.getSlice(at: buffer.readerIndex, length: cursor) else { return }
        self.totals.sent += UInt64(cursor)
        self.isAtFrameEnd = self.fromUpstream.isBetweenFrames
        self.client.send(passed, passing: nil)
        self.noteProgress()
        guard !self.client.isWritable, !self.isUpstreamPaused, let upstream = self.upstream else { return }
        self.isUpstreamPaused = true
        upstream.setReading(false)
        self.client.setDeadline(min(self.totalDeadline, LoopClock.now() + self.loop.options.writeTimeout))
    }

    /// Both have closed, one has, or bytes have moved.
    private func noteProgress() {
        switch self.phase {
        case .ended: return
        case .closing:
            if self.fromClient.hasClosed, self.fromUpstream.hasClosed { self.end(nil) }
        case .open:
            if self.fromClient.hasClosed, self.fromUpstream.hasClosed { return self.end(nil) }
            guard self.fromClient.hasClosed || self.fromUpstream.hasClosed else { return self.touch() }
            self.phase = .closing
            self.client.setDeadline(LoopClock.now() + Self.closingTime)
        }
    }

    private func touch() {
        guard !self.isUpstreamPaused else { return }
        self.idleDeadline = LoopClock.now() + self.loop.options.sessionIdleTimeout
        self.client.setDeadline(min(self.totalDeadline, self.idleDeadline))
    }

    // MARK: pressure

    func clientBecameWritable() {
        guard self.isUpstreamPaused else { return }
        self.isUpstreamPaused = false
        self.upstream?.setReading(true)
        if case .open = self.phase { self.touch() }
    }

    func upstreamBecameWritable() {
        guard self.isClientPaused else { return }
        self.isClientPaused = false
        self.client.setReading(true)
    }

    // MARK: ends

    func upstreamClosed() {
        self.upstream = nil
        // Who answers a close frame by closing the connection has closed.
        let isInOrder = self.fromClient.hasClosed || self.fromUpstream.hasClosed
        isInOrder ? self.end(nil) : self.end(.upstreamCut, saying: .internalError, "the upstream broke off the session")
    }

    func clientGone() {
        let isInOrder = self.fromClient.hasClosed || self.fromUpstream.hasClosed
        self.end(isInOrder ? nil : .clientGone, isClientThere: false)
    }

    func deadlinePassed(_ now: UInt64) {
        switch self.phase {
        case .ended: return
        // One side has closed, and the other had its time to say so.
        case .closing: self.end(nil)
        case .open where now >= self.totalDeadline:
            self.end(.totalTimeout, saying: .goingAway, "the session's time is over")
        case .open where self.isUpstreamPaused: self.end(.clientStalled, isAborting: true)
        case .open: self.end(.sessionIdle, saying: .goingAway, "the session was idle")
        }
    }

    func cutForShutdown() { self.end(.draining, saying: .serviceRestart, "the gateway restarts") }

    /// Ends the session once. The client is told why by a close frame, if one may stand where its bytes end.
    private func end(
        _ code: ErrorCode?,
        saying close: CloseFrame.Code? = nil,
        _ reason: String = "",
        isClientThere: Bool = true,
        isAborting: Bool = false
    ) {
        if case .ended = self.phase { return }
        self.phase = .ended
        self.loop.state.metrics.sessionsOpen -= 1
        let now = LoopClock.now()
        let upstream = self.upstream
        self.upstream = nil
        upstream?.giveBack(reusable: false, now: now)
        self.totals.usage = self.watch.usage
        self.exchange.endSession(self.totals, code, now: now)
        self.onEnd(code)
        guard isClientThere else { return }
        let isSayable = self.isAtFrameEnd && !self.fromUpstream.hasClosed
        if isAborting || (close != nil && !isSayable && !self.fromUpstream.hasClosed) { return self.client.abort() }
        if let close, isSayable {
            var frame = ByteBuffer()
            CloseFrame.write(close, reason, into: &frame)
            self.client.send(frame, passing: nil)
        }
        self.client.answerEnded(reusable: false, now: now)
    }
}
