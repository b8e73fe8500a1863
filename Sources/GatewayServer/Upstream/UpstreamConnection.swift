import GatewayCore
import NIOCore
import NIOSSL

/// One connection to an upstream: idle in its pool, or lent to one exchange. Moves bytes; decides nothing.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private unowned let pool: UpstreamPool
    private var context: ChannelHandlerContext?
    /// The exchange that uses the connection now.
    private(set) var driver: ExchangeDriver?
    /// Answers that have come back on this connection.
    private(set) var uses = 0
    /// Monotonic nanoseconds; since when the connection waits in its pool.
    var idleSince: UInt64 = 0
    private var isClosed = false
    private var isReading = true
    private var failure: (any Error)?

    init(in pool: UpstreamPool) { self.pool = pool }

    /// A connection that has closed has said so by `channelInactive`.
    var isUsable: Bool { !self.isClosed && self.context != nil }

    /// Lends the connection to `driver`.
    func lend(to driver: ExchangeDriver) { self.driver = driver }

    func send(_ message: ByteBuffer) {
        guard let context = self.context else { return }
        context.writeAndFlush(self.wrapOutboundOut(message), promise: nil)
    }

    /// Takes the connection back from its exchange: into the pool, or closed when it cannot be used again.
    func giveBack(reusable: Bool) {
        self.driver = nil
        self.uses += 1
        guard reusable, self.isUsable else { return self.close() }
        self.setReading(true)
        self.pool.takeBack(self)
    }

    /// Stops or resumes reading, so that a slow client slows its upstream.
    func setReading(_ isReading: Bool) {
        // Setting an option costs a few thousand instructions, and nearly every answer comes without a pause.
        guard isReading != self.isReading, let context = self.context, !self.isClosed else { return }
        self.isReading = isReading
        // Setting an option on a channel that has just closed fails, and there is nothing left to slow.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isReading)
        if isReading { context.read() }
    }

    func close() {
        guard !self.isClosed else { return }
        self.context?.close(promise: nil)
    }

    // MARK: channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let driver = self.driver else {
            // Bytes that nobody asked for: whatever they are, they are not the answer to the next request.
            return self.close()
        }
        driver.upstreamRead(self.unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = error
        self.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isClosed = true
        self.context = nil
        self.pool.forget(self)
        let driver = self.driver
        self.driver = nil
        driver?.upstreamClosed(self, failure: self.failure)
    }
}
