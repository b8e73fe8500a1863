import GatewayCore
import NIOCore
import NIOHTTP2

/// A client's HTTP/2 connection: its streams, each of which is a `ClientConnection` with one request, and the end of it all.
///
/// Frames of streams do not come here; what does is about the connection as a whole.
final class HTTP2Connection: ChannelInboundHandler, ClientChannel, Expiring {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private enum Phase {
        case open
        /// The client has been told not to open streams; until its answer to the ping has come it may not know.
        case announcing
        /// It knows. The connection ends with its last stream.
        case draining
        /// An error has been told; what still comes is thrown away.
        case failed
        case closed
    }

    let loop: Loop
    private var context: ChannelHandlerContext?
    private var phase = Phase.open
    private var streams: [ObjectIdentifier: ClientConnection] = [:]
    private var lastStream = HTTP2StreamID.rootStream
    var deadlineSlot = -1

    private static let farewell = HTTP2PingData(withInteger: 0x6167_772D_6279_6521)
    /// How long the client may take to answer the ping, or to read what has gone wrong.
    private static let patience: UInt64 = 1_000_000_000

    private init(on loop: Loop) { self.loop = loop }

    /// Makes `channel` speak HTTP/2. The client's preface has not been taken from it yet.
    static func install(on channel: any Channel, of loop: Loop) throws {
        let connection = HTTP2Connection(on: loop)
        let bound = NIOLoopBound(connection, eventLoop: loop.eventLoop)
        let handler = NIOHTTP2Handler(
            mode: .server,
            eventLoop: loop.eventLoop,
            connectionConfiguration: HTTP2Limits.connection(maximumHeadBytes: loop.options.maximumHeadBytes),
            streamConfiguration: HTTP2Limits.stream
        ) { stream in
            stream.eventLoop.makeCompletedFuture { try bound.value.open(stream) }
        }
        // The connection comes first, because the handler says its preface when it is added.
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(connection)
        try pipeline.addHandler(HTTP2Guard(of: connection), position: .before(connection))
        try pipeline.addHandler(handler, position: .before(connection))
        if loop.state.isDraining { connection.drain() }
    }

    // MARK: streams

    private func open(_ channel: any Channel) throws {
        if let id = try channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID), id > self.lastStream {
            self.lastStream = id
        }
        let request = ClientConnection(on: self.loop, peer: channel.remoteAddress, streamOf: self)
        try channel.pipeline.syncOperations.addHandlers([StreamTranslator(on: self.loop), request])
    }

    func opened(_ stream: ClientConnection) {
        self.streams[ObjectIdentifier(stream)] = stream
        if case .open = self.phase { self.loop.deadlines.set(self, Deadlines.never) }
    }

    func closed(_ stream: ClientConnection) {
        self.streams[ObjectIdentifier(stream)] = nil
        guard self.streams.isEmpty else { return }
        switch self.phase {
        case .open: self.loop.deadlines.set(self, LoopClock.now() + self.loop.options.keepAliveTimeout)
        case .draining: self.closeSoon()
        case .announcing, .failed, .closed: break
        }
    }

    // MARK: channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.opened(self)
        // The first request has the time that a head has.
        self.loop.deadlines.add(self, LoopClock.now() + self.loop.options.headTimeout)
    }

    /// The connection came with its place among the process's.
    func handlerRemoved(context: ChannelHandlerContext) { self.loop.state.load.closeConnection() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .ping(Self.farewell, ack: true) = self.unwrapInboundIn(data).payload else { return }
        self.finishAnnouncing()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.phase = .closed
        self.context = nil
        self.loop.deadlines.remove(self)
        self.loop.closed(self)
        context.fireChannelInactive()
    }

    /// Of one stream, which has been reset, or of the connection, whose end `HTTP2Guard` brings about.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .failed = self.phase { return }
        if error is any NIOHTTP2Error { self.loop.state.metrics.streamErrors += 1 }
    }

    // MARK: ends

    /// The client has been told by GOAWAY that the connection has an error.
    func failed(_ code: UInt32) {
        switch self.phase {
        case .failed, .closed: return
        case .open, .announcing, .draining: break
        }
        self.phase = .failed
        self.loop.state.metrics.connectionErrors[HTTP2ErrorName.of(code), default: 0] += 1
        self.loop.deadlines.set(self, LoopClock.now() + Self.patience)
        // Closing at once, with bytes unread, would reset the connection and take the reason from the client.
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        self.loop.eventLoop.execute { bound.value.context?.close(mode: .output, promise: nil) }
    }

    func drain() {
        guard case .open = self.phase else { return }
        self.phase = .announcing
        self.goAway(.maxID)
        self.write(.ping(Self.farewell, ack: false))
        self.context?.flush()
        self.loop.deadlines.set(self, LoopClock.now() + Self.patience)
    }

    /// RFC 9113 §6.8: streams that the client opened before it knew are answered as well.
    private func finishAnnouncing() {
        guard case .announcing = self.phase else { return }
        self.phase = .draining
        self.loop.deadlines.set(self, Deadlines.never)
        self.goAway(self.lastStream)
        self.context?.flush()
        if self.streams.isEmpty { self.closeSoon() }
    }

    func cut() {
        for stream in self.streams.values { stream.cut() }
        self.context?.close(promise: nil)
    }

    func deadlinePassed(_ now: UInt64) {
        switch self.phase {
        // Idle for too long.
        case .open: self.drain()
        case .announcing: self.finishAnnouncing()
        case .draining, .failed, .closed: self.context?.close(promise: nil)
        }
    }

    /// The last stream's last frame is written, but not flushed: that happens behind the event that told of its end.
    private func closeSoon() {
        self.loop.deadlines.set(self, LoopClock.now() + self.loop.options.writeTimeout)
        let bound = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        self.loop.eventLoop.execute { bound.value.context?.close(promise: nil) }
    }

    private func goAway(_ last: HTTP2StreamID) {
        self.write(.goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil))
    }

    private func write(_ payload: HTTP2Frame.FramePayload) {
        let frame = HTTP2Frame(streamID: .rootStream, payload: payload)
        self.context?.write(self.wrapOutboundOut(frame), promise: nil)
    }
}

/// The names of RFC 9113 §7, as they stand in metrics.
enum HTTP2ErrorName {
    private static let names = [
        "no_error", "protocol_error", "internal_error", "flow_control_error", "settings_timeout", "stream_closed",
        "frame_size_error", "refused_stream", "cancel", "compression_error", "connect_error", "enhance_your_calm",
        "inadequate_security", "http_1_1_required",
    ]

    static func of(_ code: UInt32) -> String {
        Self.names.indices.contains(Int(code)) ? Self.names[Int(code)] : "other"
    }
}
