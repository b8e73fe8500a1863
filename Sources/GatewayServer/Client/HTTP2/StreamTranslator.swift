import GatewayCore
import HTTPWire
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Makes one HTTP/2 stream look to its `ClientConnection` like an HTTP/1.1 connection that carries one request: frames
/// become bytes on the way in, bytes become frames on the way out.
///
/// Pressure needs no translation: the stream's window, and that of its connection, make the stream's channel unwritable,
/// and a stream that is not read from grants its client no more window.
final class StreamTranslator: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    private enum Body { case awaitingHead, length, chunked, ended }

    private let loop: Loop
    private var body = Body.awaitingHead
    private var answer = AnswerFrames()
    /// Done when the client has been sent the last frame of its answer.
    private var sent: EventLoopPromise<Void>?

    init(on loop: Loop) { self.loop = loop }

    // MARK: the request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .headers(let headers):
            if case .awaitingHead = self.body { return self.readHead(context, headers) }
            // Trailers, of which nothing is forwarded.
            if headers.endStream { self.endBody(context) }
        case .data(let data):
            guard case .byteBuffer(let bytes) = data.data else { return }
            self.readPiece(context, bytes)
            if data.endStream { self.endBody(context) }
        default: break
        }
    }

    private func readHead(_ context: ChannelHandlerContext, _ frame: HTTP2Frame.FramePayload.Headers) {
        var head = RequestHeadBytes()
        var bytes = context.channel.allocator.buffer(capacity: 1024)
        do throws(WireError) {
            try head.write(frame.headers, hasBody: !frame.endStream, into: &bytes)
        } catch {
            self.body = .ended
            self.loop.state.metrics.malformed[error.rawValue, default: 0] += 1
            return self.reset(context, .protocolError)
        }
        self.body = frame.endStream ? .ended : head.hasContentLength ? .length : .chunked
        if frame.headers.first(name: ":method") == "HEAD" { self.answer.method = .head }
        context.fireChannelRead(self.wrapInboundOut(bytes))
    }

    /// That the body is as long as its head says is seen to by the connection, whose streams are reset otherwise.
    private func readPiece(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        switch self.body {
        case .awaitingHead, .ended: return
        case .length: context.fireChannelRead(self.wrapInboundOut(bytes))
        case .chunked:
            var framed = context.channel.allocator.buffer(capacity: bytes.readableBytes + 16)
            framed.writeString(String(bytes.readableBytes, radix: 16))
            framed.writeStaticString("\r\n")
            framed.writeImmutableBuffer(bytes)
            framed.writeStaticString("\r\n")
            context.fireChannelRead(self.wrapInboundOut(framed))
        }
    }

    private func endBody(_ context: ChannelHandlerContext) {
        let isChunked = self.body == .chunked
        self.body = .ended
        if isChunked { context.fireChannelRead(self.wrapInboundOut(ByteBuffer(string: "0\r\n\r\n"))) }
    }

    // MARK: the answer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let steps: [AnswerFrames.Step]
        do throws(WireError) { steps = try self.answer.take(self.unwrapOutboundIn(data)) } catch {
            promise?.fail(error)
            return self.reset(context, .internalError)
        }
        // Done when the last of its frames is, which may wait for the client's window.
        for (index, step) in steps.enumerated() {
            self.send(step, context, promise: index == steps.count - 1 ? promise : nil)
        }
        if steps.isEmpty { promise?.succeed(()) }
    }

    private func send(
        _ step: AnswerFrames.Step,
        _ context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>? = nil
    ) {
        let (payload, isEnd): (HTTP2Frame.FramePayload, Bool) =
            switch step {
            case .interim(let headers): (.headers(.init(headers: headers, endStream: false)), false)
            case .head(let headers, let isEnd): (.headers(.init(headers: headers, endStream: isEnd)), isEnd)
            case .piece(let bytes, let isEnd): (.data(.init(data: .byteBuffer(bytes), endStream: isEnd)), isEnd)
            case .end: (.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)), true)
            }
        guard isEnd else { return context.write(self.wrapOutboundOut(payload), promise: promise) }
        let sent = context.eventLoop.makePromise(of: Void.self)
        self.sent = sent
        if let promise { sent.futureResult.cascade(to: promise) }
        if self.body != .ended {
            // RFC 9113 §8.1: the rest of the request is not needed. A reset before the answer has gone would take it away.
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            sent.futureResult.whenSuccess {
                let (translator, context) = bound.value
                if translator.body != .ended { translator.reset(context, .noError) }
            }
        }
        context.write(self.wrapOutboundOut(payload), promise: sent)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            if self.answer.endsWithConnection {
                self.send(.end, context)
                context.flush()
            }
            guard let sent = self.sent else { return self.breakOff(context, promise) }
            sent.futureResult.cascade(to: promise)
        case .input: promise?.fail(ChannelError.operationUnsupported)
        case .all: self.breakOff(context, promise)
        }
    }

    /// An answer that is cut short is told to be so; the code that a closed channel sends of itself says that nobody wants it.
    private func breakOff(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        if !self.answer.isEnded, context.channel.isActive { self.reset(context, .internalError) }
        context.close(promise: promise)
    }

    private func reset(_ context: ChannelHandlerContext, _ code: HTTP2ErrorCode) {
        context.writeAndFlush(self.wrapOutboundOut(.rstStream(code)), promise: nil)
    }
}
