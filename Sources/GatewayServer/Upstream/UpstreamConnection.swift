import GatewayCore
import NIOCore
import NIOSSL

/// One connection to an upstream: idle in its pool, or lent to one exchange. Moves bytes; decides nothing.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// WHY: unsafe: pools live as long as their loop, and that as long as its channels.
    private let pool: Uncounted<UpstreamPool>
    private var context: ChannelHandlerContext?
    private let socket = PlainSocket()
    /// Nothing stands between this handler and the socket.
    private let isPlain: Bool
    /// The exchange that uses the connection now.
    private(set) var driver: ExchangeDriver?
    /// Answers that have come back on this connection.
    private(set) var uses = 0
    /// Monotonic nanoseconds; since when the connection waits in its pool.
    var idleSince: UInt64 = 0
    private var isClosed = false
    private var isReading = true
    private var failure: (any Error)?

    private let readMemory: ReadMemory
    /// Lends the memory of each read; nil when something stands between this handler and the socket.
    var supply: ReadMemory.Supply?

    init(in pool: UpstreamPool, isPlain: Bool, reading readMemory: ReadMemory) {
        self.pool = Uncounted(pool)
        self.readMemory = readMemory
        self.isPlain = isPlain
    }

    /// A connection that has closed has said so by `channelInactive`.
    var isUsable: Bool { !self.isClosed && self.context != nil }

    /// Lends the connection to `driver`.
    func lend(to driver: ExchangeDriver) { self.driver = driver }

    /// Sends `message`, and `second` behind it.
    func send(_ message: ByteBuffer, then second: ByteBuffer? = nil) { self.socket.send(message, then: second) }

    /// Writes without sending yet: `flush` does.
    func write(_ piece: ByteBuffer) { self.socket.write(piece) }

    func flush() { self.socket.flush() }

    /// False while the upstream does not take what was sent.
    var isWritable: Bool { self.socket.isWritable }

    /// A stream has begun: what its events go through is asked for ahead of each read.
    func expectEvents() {
        guard let supply = self.supply, let driver = self.driver else { return }
        supply.ahead.forget()
        supply.ahead.add(self, lines: 3)
        driver.addPath(to: &supply.ahead)
    }

    /// Takes the connection back from its exchange: into the pool, or closed when it cannot be used again.
    func giveBack(reusable: Bool, now: UInt64) {
        self.driver = nil
        self.supply?.ahead.forget()
        self.uses += 1
        guard reusable, self.isUsable else { return self.close() }
        self.setReading(true)
        self.pool.use { $0.takeBack(self, now: now) }
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

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.socket.attach(context, isPlain: self.isPlain)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let driver = self.driver else {
            // Bytes that nobody asked for: whatever they are, they are not the answer to the next request.
            return self.close()
        }
        let buffer = self.unwrapInboundIn(data)
        driver.upstreamRead(buffer)
        if self.isPlain { self.readMemory.keep(buffer) }
    }

    /// Not passed on: behind this handler is nobody who waits for it.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.driver?.upstreamBecameWritable() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = error
        self.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isClosed = true
        self.context = nil
        self.socket.detach()
        self.pool.use { $0.forget(self) }
        let driver = self.driver
        self.driver = nil
        driver?.upstreamClosed(self, failure: self.failure)
    }
}
