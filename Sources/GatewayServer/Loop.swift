package import GatewayCore
import NIOCore
import NIOPosix

/// Everything of the transport that belongs to one event loop: the core's state, connection pools, deadlines, and the
/// buffer that outgoing messages are built in. Touched by that loop only.
final class Loop {
    let eventLoop: any EventLoop
    let state: LoopState
    let deadlines = Deadlines()
    let options: TransportOptions
    let tls: TLSContexts
    let spoolSpace: SpoolSpace
    let attempts: AttemptLog
    /// What clients send is read into the one, what upstreams send into the other: an answer is let go of at once, a request
    /// only when its answer begins.
    let readMemory = ReadMemory()
    let answerMemory = ReadMemory()
    /// Memory for the next outgoing message; nil while one is being built.
    private var spare: ByteBuffer?
    /// Asks all loops for the metrics page.
    let operations: Operations
    private var pools: [UpstreamPool?] = []
    /// The other loops of the process.
    var siblings: [NIOLoopBound<Loop>] = []
    /// Connections that are open, for draining.
    var connections: [ObjectIdentifier: any ClientChannel] = [:]
    /// Connections beyond the limit that have been answered and are about to end.
    var refusedConnections = 0

    init(
        _ eventLoop: any EventLoop,
        state: LoopState,
        options: TransportOptions,
        tls: TLSContexts,
        spoolSpace: SpoolSpace,
        attempts: AttemptLog,
        operations: Operations
    ) {
        self.eventLoop = eventLoop
        self.state = state
        self.options = options
        self.tls = tls
        self.spoolSpace = spoolSpace
        self.attempts = attempts
        self.operations = operations
    }

    /// An empty buffer to build a message in. Give it back with `recycle` after it was sent: once the system has taken the
    /// bytes, their memory serves the next message. A message that is built while another one is gets memory of its own.
    func takeBuffer() -> ByteBuffer {
        guard var buffer = self.spare.take() else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }

    func recycle(_ buffer: consuming ByteBuffer) { self.spare = buffer }

    /// The pool of connections to an upstream's address.
    func pool(of state: UpstreamState) -> UpstreamPool {
        while self.pools.count <= state.poolIndex { self.pools.append(nil) }
        if let pool = self.pools[state.poolIndex] { return pool }
        let pool = UpstreamPool(to: state, on: self)
        self.pools[state.poolIndex] = pool
        return pool
    }

    /// Has the other loops give up an idle connection to an upstream, or take the place that is free, if they can.
    func askSiblings(for state: UpstreamState) {
        for sibling in self.siblings {
            sibling.eventLoop.execute { sibling.value.pool(of: state).rebalance() }
        }
    }

    /// The timer's work: deadlines, idle connections, the core's clock and log.
    func tick() {
        let now = LoopClock.now()
        self.deadlines.expire(now)
        for pool in self.pools { pool?.tick(now) }
        self.state.tick()
    }

    /// Begins to drain: what is idle is closed, what is busy closes when it is done.
    func drain() {
        self.state.isDraining = true
        for connection in self.connections.values { connection.drain() }
    }

    /// The deadline for draining has passed.
    func cutAll() {
        for connection in self.connections.values { connection.cut() }
        for pool in self.pools { pool?.closeAll() }
    }
}

/// What the transport is told at start. Durations are nanoseconds, like every time on a loop.
package struct TransportOptions: Sendable {
    /// Bytes of a request's line and fields.
    package var maximumHeadBytes = 32 << 10
    /// From the first byte of a head to its last.
    package var headTimeout: UInt64 = 30_000_000_000
    /// How slowly a request's body may come.
    package var body = BodyPace.Limits()
    /// How long a connection may stay open without a request.
    package var keepAliveTimeout: UInt64 = 75_000_000_000
    /// How long a client may leave its answer untaken.
    package var writeTimeout: UInt64 = 60_000_000_000
    /// How long both sides of a realtime session may be silent.
    package var sessionIdleTimeout: UInt64 = 300_000_000_000
    /// How long an upstream connection is kept without a request.
    package var upstreamIdleTimeout: UInt64 = 30_000_000_000
    /// What the process bears; beyond, connections and requests are answered 503.
    package var load = ProcessLoad.Limits()
    /// Where uploads wait that are too large for memory.
    package var spoolDirectory = "/tmp"
    /// Uploads of the whole process that may wait there, and their bytes together; beyond, they are refused.
    package var maximumSpoolFiles = 256
    package var maximumSpoolBytes = 4 << 30

    package init() {}
}
