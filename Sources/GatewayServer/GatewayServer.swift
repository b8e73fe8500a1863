package import GatewayCore
import GatewayModel
import Glibc
package import Journal
package import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization
package import Telemetry

/// The data plane as a service: one event loop per core, each with its own listener, pools and counters.
package final class GatewayServer: Service {
    package struct Options: Sendable {
        package var host = "127.0.0.1"
        /// 0 takes a free one.
        package var port = 8080
        package var threads = 1
        /// How long running exchanges may take when the process is told to stop.
        package var drainTimeout: Duration = .seconds(30)
        package var core = CoreOptions()
        package var transport = TransportOptions()
        /// Admits readers of `/metrics` from elsewhere than private networks.
        package var metricsToken: String?
        /// With one the gateway speaks TLS only.
        package var certificate: ServerCertificate?

        package init() {}
    }

    private let options: Options
    private let tables: CurrentTable
    private let shared: RoutingTable.Shared
    private let journal: Journal
    private let shipping: ShippingCounts?
    private let accessLog: LogFile?
    private let objects: ObjectMap
    /// Seconds since the config center was last heard of, and whether that is too long; nil when there is none to lose.
    private let configAge: @Sendable () -> (seconds: Double, isStale: Bool)?
    private let tls = TLSContexts()
    private let spoolSpace: SpoolSpace
    private let load: ProcessLoad
    private let attempts: AttemptLog
    private let startedAt = LoopClock.now()
    private let onListening: @Sendable (Int) -> Void
    private let running = Mutex<[NIOLoopBound<Loop>]>([])

    /// `onListening` is told the port when connections are accepted.
    package init(
        _ options: Options,
        tables: CurrentTable,
        sharing shared: RoutingTable.Shared,
        journal: Journal,
        shipping: ShippingCounts? = nil,
        accessLog: LogFile?,
        objects: ObjectMap,
        logger: Logger = Logger(label: "gateway") { _ in SwiftLogNoOpLogHandler() },
        configAge: @escaping @Sendable () -> (seconds: Double, isStale: Bool)? = { nil },
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.options = options
        self.tables = tables
        self.shared = shared
        self.journal = journal
        self.shipping = shipping
        self.accessLog = accessLog
        self.objects = objects
        self.attempts = AttemptLog(logger)
        self.configAge = configAge
        self.onListening = onListening
        self.load = ProcessLoad(options.transport.load)
        self.spoolSpace = SpoolSpace(
            directory: options.transport.spoolDirectory,
            maximumFiles: options.transport.maximumSpoolFiles,
            maximumBytes: options.transport.maximumSpoolBytes,
            load: self.load
        )
    }

    /// Serves until told to stop, then drains: accepts nothing more, lets what runs finish up to the deadline. Throws when
    /// the port cannot be had.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: self.options.threads)
        do {
            try PortProbe.check(host: self.options.host, port: self.options.port)
            let loops = try await self.makeLoops(group)
            self.running.withLock { $0 = loops }
            self.adoptTables(loops)
            let listeners = try await self.listen(loops)
            self.onListening(listeners.first?.localAddress?.port ?? self.options.port)
            try? await gracefulShutdown()
            await self.drain(loops, listeners)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }

    // MARK: start

    private func makeLoops(_ group: MultiThreadedEventLoopGroup) async throws -> [NIOLoopBound<Loop>] {
        var loops: [NIOLoopBound<Loop>] = []
        let operations = Operations(
            notReady: { [weak self] in self?.notReady },
            metrics: { [weak self] in self?.metricsPage(on: group.any()) ?? group.any().makeSucceededFuture("") },
            metricsToken: self.options.metricsToken
        )
        for (index, eventLoop) in Array(group.makeIterator()).enumerated() {
            loops.append(
                try await eventLoop.submit {
                    let state = LoopState(
                        journal: self.journal.writer(index),
                        options: self.options.core,
                        accessLog: self.accessLog,
                        objects: self.objects,
                        load: self.load
                    )
                    let loop = Loop(
                        eventLoop,
                        state: state,
                        options: self.options.transport,
                        tls: self.tls,
                        spoolSpace: self.spoolSpace,
                        attempts: self.attempts,
                        operations: operations
                    )
                    let bound = NIOLoopBound(loop, eventLoop: eventLoop)
                    let tick = TimeAmount.milliseconds(100)
                    eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in bound.value.tick() }
                    return bound
                }.get()
            )
        }
        for (index, loop) in loops.enumerated() {
            let others = loops.enumerated().filter { $0.offset != index }.map(\.element)
            try await loop.eventLoop.submit { loop.value.siblings = others }.get()
        }
        return loops
    }

    private func adoptTables(_ loops: [NIOLoopBound<Loop>]) {
        let tls = self.tls
        self.tables.listen { table in
            tls.prepare(for: table)
            for loop in loops {
                loop.eventLoop.execute {
                    // Two publishes may overtake each other on their way here.
                    let current = loop.value.state.table?.version ?? 0
                    if loop.value.state.table == nil || current < table.version { loop.value.state.table = table }
                }
            }
        }
    }

    private func listen(_ loops: [NIOLoopBound<Loop>]) async throws -> [any Channel] {
        var listeners: [any Channel] = []
        var port = self.options.port
        let certificate = self.options.certificate
        for loop in loops {
            let listener = try await ServerBootstrap(group: loop.eventLoop)
                .serverChannelOption(.backlog, value: 4096)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.unsentLimit, value: SocketLimits.unsentBytes)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let loop = loop.value
                        guard loop.state.load.openConnection() else {
                            loop.state.metrics.connectionsRefused += 1
                            // Behind TLS nobody would understand an answer before a handshake, which is what there is no
                            // room for.
                            guard certificate == nil else { return channel.close(promise: nil) }
                            try channel.pipeline.syncOperations.addHandler(OverloadHandler(on: loop))
                            return
                        }
                        do { try Self.addHandlers(to: channel, of: loop, certificate) } catch {
                            loop.state.load.closeConnection()
                            throw error
                        }
                    }
                }
                .bind(host: self.options.host, port: port).get()
            port = listener.localAddress?.port ?? port
            listeners.append(listener)
        }
        return listeners
    }

    private static func addHandlers(to channel: any Channel, of loop: Loop, _ certificate: ServerCertificate?) throws {
        let pipeline = channel.pipeline.syncOperations
        guard let certificate else {
            try loop.readMemory.serve(channel)
            return try pipeline.addHandler(ClientConnection(on: loop, peer: channel.remoteAddress, isPlain: true))
        }
        try pipeline.addHandlers([NIOSSLServerHandler(context: certificate.context), SecureEntrance(on: loop)])
    }

    // MARK: stop

    private func drain(_ loops: [NIOLoopBound<Loop>], _ listeners: [any Channel]) async {
        for listener in listeners { try? await listener.close().get() }
        for loop in loops { loop.eventLoop.execute { loop.value.drain() } }
        let deadline = ContinuousClock.now + self.options.drainTimeout
        while ContinuousClock.now < deadline, await self.openConnections(loops) > 0 {
            try? await Task.sleep(for: .milliseconds(50))
        }
        for loop in loops {
            try? await loop.eventLoop.submit {
                loop.value.cutAll()
                loop.value.state.tick()
            }.get()
        }
    }

    private func openConnections(_ loops: [NIOLoopBound<Loop>]) async -> Int {
        var count = 0
        for loop in loops { count += (try? await loop.eventLoop.submit { loop.value.connections.count }.get()) ?? 0 }
        return count
    }

    // MARK: pages

    private var notReady: String? {
        guard self.tables.table != nil else { return "no configuration yet" }
        guard let age = self.configAge(), age.isStale else { return nil }
        return "the config center has not been heard of for \(Int(age.seconds)) s; serving the last good configuration"
    }

    /// The metrics of all loops, merged.
    private func metricsPage(on eventLoop: any EventLoop) -> EventLoopFuture<String> {
        let loops = self.running.withLock { $0 }
        let parts = loops.map { loop in loop.eventLoop.submit { loop.value.state.metrics } }
        return EventLoopFuture.whenAllSucceed(parts, on: eventLoop).map { parts in
            var merged = ExchangeMetrics()
            for part in parts { merged.merge(part) }
            return MetricsPage(
                metrics: merged,
                labels: self.shared.labels,
                table: self.tables.table,
                uptime: LoopClock.now() - self.startedAt,
                wall: LoopClock.wallTime(),
                configAge: self.configAge()?.seconds,
                journal: self.journal,
                shipping: self.shipping,
                load: self.load,
                logDropped: self.accessLog?.droppedLines ?? 0,
                failuresUnlogged: self.attempts.unlogged,
                objectsDropped: self.objects.droppedObjects,
                certificateExpires: self.options.certificate?.expires
            ).text()
        }
    }
}
