import GatewayCore
import GatewayModel
import NIOCore
import NIOPosix

/// The connections of one loop to one upstream: idle ones ready, exchanges that wait for one in a bounded queue.
final class UpstreamPool {
    private struct Waiter {
        let driver: ExchangeDriver
        let upstream: CompiledUpstream
        /// Monotonic nanoseconds.
        let deadline: UInt64
    }

    private let state: UpstreamState
    /// WHY: unsafe: the loop owns its pools and never lets go of one.
    private unowned(unsafe) let loop: Loop
    /// The one used last comes first: it is the least likely to have been closed meanwhile.
    private var idle: [UpstreamConnection] = []
    private var waiting: [Waiter] = []
    private var connecting = 0
    /// How many of those that wait have been told of in `state`: no connection is being opened for them.
    private var toldWaiters = 0

    init(to state: UpstreamState, on loop: Loop) {
        self.state = state
        self.loop = loop
    }

    /// Gives `driver` a connection: now, or later through `upstreamReady`, or never, through `attemptFailed`.
    func acquire(_ upstream: CompiledUpstream, for driver: ExchangeDriver, now: UInt64) {
        while let connection = self.idle.popLast() {
            guard connection.isUsable else { continue }
            connection.lend(to: driver)
            driver.upstreamReady(connection)
            return
        }
        let canConnect = self.state.openConnection(limit: upstream.limits.connections)
        guard canConnect || self.waiting.count < upstream.limits.queue else {
            let refusal = Refusal(.upstreamSaturated, retryAfter: 1_000_000_000)
            driver.upstreamSaturated(refusal)
            return
        }
        let patience = canConnect ? upstream.timeouts.connect : UInt64(upstream.limits.queueTimeout.nanoseconds)
        self.waiting.append(Waiter(driver: driver, upstream: upstream, deadline: now + patience))
        if canConnect { return self.connect(upstream) }
        self.tellOfWaiters()
        // A place may be held by a connection that another loop keeps idle.
        self.loop.askSiblings(for: self.state)
    }

    /// The exchange does not want a connection any more.
    func cancel(_ driver: ExchangeDriver) {
        self.waiting.removeAll { $0.driver === driver }
        self.tellOfWaiters()
    }

    func takeBack(_ connection: UpstreamConnection, now: UInt64) {
        if self.serve(connection) { return }
        // Nobody waits here: the place goes to the loop where somebody does.
        if self.state.hasWaiters { return connection.close() }
        connection.idleSince = now
        self.idle.append(connection)
    }

    /// The connection has closed; its place may go to one who waits.
    func forget(_ connection: UpstreamConnection) {
        self.state.closeConnection()
        self.idle.removeAll { $0 === connection }
        self.connectForWaiters()
        if self.state.hasWaiters { self.loop.askSiblings(for: self.state) }
    }

    /// Another loop has waiters, or a place is free: whichever it is, this loop does its part.
    func rebalance() {
        self.connectForWaiters()
        guard self.waiting.isEmpty, self.state.hasWaiters, let spare = self.idle.popLast() else { return }
        spare.close()
    }

    /// Tells the other loops how many wait here without a connection on its way.
    private func tellOfWaiters() {
        let unserved = max(0, self.waiting.count - self.connecting)
        guard unserved != self.toldWaiters else { return }
        self.state.addWaiters(unserved - self.toldWaiters)
        self.toldWaiters = unserved
    }

    /// Opens a connection for a waiter if a place is free and none is being opened for it already.
    private func connectForWaiters() {
        guard self.waiting.count > self.connecting, let waiter = self.waiting.first,
            self.state.openConnection(limit: waiter.upstream.limits.connections)
        else { return }
        self.connect(waiter.upstream)
    }

    func tick(_ now: UInt64) {
        let limit = self.loop.options.upstreamIdleTimeout
        for connection in self.idle where connection.idleSince + limit < now { connection.close() }
        // A place that another loop has freed.
        self.rebalance()
        guard self.waiting.contains(where: { $0.deadline <= now }) else { return }
        let late = self.waiting.filter { $0.deadline <= now }
        self.waiting.removeAll { $0.deadline <= now }
        self.tellOfWaiters()
        for waiter in late {
            let isConnecting = self.connecting > 0
            let refusal =
                isConnecting
                ? Refusal(.upstreamUnreachable, "No connection in time.")
                : Refusal(.upstreamSaturated, retryAfter: 1_000_000_000)
            let cause = isConnecting ? "no connection in time" : "no connection became free in time"
            waiter.driver.attemptFailed(refusal, on: .connect, .said(cause))
        }
    }

    func closeAll() {
        for connection in self.idle { connection.close() }
    }

    // MARK: connecting

    private func connect(_ upstream: CompiledUpstream) {
        self.connecting += 1
        self.tellOfWaiters()
        let address = self.state.address
        let steps: [UpstreamConnector.Step]
        do { steps = try UpstreamConnector.steps(to: address, self.loop.tls) } catch {
            return self.connectFailed(error)
        }
        let connection = UpstreamConnection(in: self, isPlain: steps.isEmpty, reading: self.loop.answerMemory)
        let ready = self.loop.eventLoop.makePromise(of: Void.self)
        let connector = steps.isEmpty ? nil : UpstreamConnector(to: address, by: steps, for: connection, ready: ready)
        let bound = NIOLoopBound((self, connection, connector), eventLoop: self.loop.eventLoop)
        let opened = ClientBootstrap(group: self.loop.eventLoop)
            .connectTimeout(.nanoseconds(Int64(upstream.timeouts.connect)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.unsentLimit, value: SocketLimits.unsentBytes)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (pool, connection, connector) = bound.value
                    if let connector {
                        try channel.pipeline.syncOperations.addHandler(connector)
                    } else {
                        connection.supply = try pool.loop.answerMemory.serve(channel)
                        try channel.pipeline.syncOperations.addHandler(connection)
                    }
                }
            }
            .connect(host: address.proxy?.host ?? address.host, port: address.proxy?.port ?? address.port)
        let proxy = address.proxy
        opened.whenFailure { error in
            if let proxy { ready.fail(ProxyFailure(proxy, .error(error))) } else { ready.fail(error) }
        }
        if connector == nil {
            opened.whenSuccess { _ in ready.succeed(()) }
        } else {
            self.limit(opened, by: upstream.timeouts.connect, bound, ready)
        }
        ready.futureResult.assumeIsolated().whenComplete { result in
            let (pool, connection, _) = bound.value
            switch result {
            case .success: pool.connected(connection)
            case .failure(let error): pool.connectFailed(error)
            }
        }
    }

    /// What has to be agreed on a connection counts as connecting it: one time for all of it.
    private func limit(
        _ opened: EventLoopFuture<any Channel>,
        by time: UInt64,
        _ bound: NIOLoopBound<(UpstreamPool, UpstreamConnection, UpstreamConnector?)>,
        _ ready: EventLoopPromise<Void>
    ) {
        let timer = self.loop.eventLoop.scheduleTask(in: .nanoseconds(Int64(time))) {
            opened.assumeIsolated().whenSuccess { channel in bound.value.2?.expire(after: time, channel) }
        }
        ready.futureResult.whenComplete { _ in timer.cancel() }
    }

    private func connected(_ connection: UpstreamConnection) {
        self.connecting -= 1
        self.tellOfWaiters()
        guard connection.isUsable else { return }
        self.takeBack(connection, now: LoopClock.now())
    }

    private func connectFailed(_ error: any Error) {
        self.connecting -= 1
        self.state.closeConnection()
        guard !self.waiting.isEmpty else { return self.tellOfWaiters() }
        let waiter = self.waiting.removeFirst()
        self.tellOfWaiters()
        waiter.driver.attemptFailed(UpstreamFailure.refusal(connecting: error), on: .connect, .error(error))
    }

    private func serve(_ connection: UpstreamConnection) -> Bool {
        guard !self.waiting.isEmpty else { return false }
        let waiter = self.waiting.removeFirst()
        self.tellOfWaiters()
        connection.lend(to: waiter.driver)
        waiter.driver.upstreamReady(connection)
        return true
    }
}
