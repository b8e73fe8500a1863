import NIOCore

// frame = length (24 bits) type (8) flags (8) stream (32) payload              GOAWAY's payload: last stream (32) error (32)

/// Stands between the socket and the HTTP/2 handler, which tells its peer of a connection error by GOAWAY and then goes on
/// reading. Here that GOAWAY is seen: nothing more is read, and the connection ends behind it.
final class HTTP2Guard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private unowned let connection: HTTP2Connection
    /// Bytes of the frame being written that are still to come.
    private var payloadLeft = 0
    private var error: UInt32?

    init(of connection: HTTP2Connection) { self.connection = connection }

    var hasFailed: Bool { self.error != nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.error == nil { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.look(self.unwrapOutboundIn(data))
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        if let error = self.error { self.connection.failed(error) }
    }

    /// A frame's header begins a buffer; its payload comes with it, or in the buffers behind.
    private func look(_ buffer: ByteBuffer) {
        var left = buffer.readableBytes
        var index = buffer.readerIndex
        let part = min(left, self.payloadLeft)
        self.payloadLeft -= part
        left -= part
        index += part
        while left >= 9 {
            guard let high: UInt16 = buffer.getInteger(at: index), let low: UInt8 = buffer.getInteger(at: index + 2),
                let type: UInt8 = buffer.getInteger(at: index + 3)
            else { return }
            if type == 7, let code: UInt32 = buffer.getInteger(at: index + 13), code != 0 { self.error = code }
            let length = Int(high) << 8 | Int(low)
            let present = min(left - 9, length)
            self.payloadLeft = length - present
            left -= 9 + present
            index += 9 + present
        }
    }
}
