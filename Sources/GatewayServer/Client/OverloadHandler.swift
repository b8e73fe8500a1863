import NIOCore
import NIOPosix

/// Answers a connection that is one too many, and closes it.
final class OverloadHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How many such connections of a loop may wait for their end at a time; the rest is closed at once.
    private static let patientLimit = 32
    private static let patience = TimeAmount.seconds(1)

    private let loop: Loop
    private var isPatient = false

    init(on loop: Loop) { self.loop = loop }

    private static let message: ByteBuffer = {
        let body = #"{"error":{"message":"The gateway is at its limit of connections.","code":"overloaded"}}"#
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
        return ByteBuffer(
            string: "\(head)content-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n\(body)"
        )
    }()

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(Self.message), promise: nil)
        guard self.loop.refusedConnections < Self.patientLimit else { return channel.close(promise: nil) }
        // Closing with a request unread would reset the connection, and could take the answer from its client.
        self.isPatient = true
        self.loop.refusedConnections += 1
        channel.close(mode: .output, promise: nil)
        self.loop.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    /// What the client sends is thrown away.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelInactive(context: ChannelHandlerContext) {
        if self.isPatient { self.loop.refusedConnections -= 1 }
        self.isPatient = false
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
