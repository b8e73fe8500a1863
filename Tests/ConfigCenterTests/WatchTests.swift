import ConfigCenter
import GatewayModel
import GatewayServer
import Logging
import SQLiteStorage
import ServiceKit
import ServiceLifecycle
import Storage
import Synchronization
import Testing

/// The config center and the watcher of a gateway, over a socket.
@Suite(.timeLimit(.minutes(1)))
struct WatchTests {
    @Test func aChangeArrivesWithinAHundredMilliseconds() async throws {
        try await Self.running { center, url, token in
            let watcher = try Watching(url, token)
            try await watcher.run {
                #expect(try await watcher.next().version == 1)
                var delays: [Duration] = []
                for version in 2...10 as ClosedRange<UInt64> {
                    let document = try ConfigDocument(
                        yaml: "namespaces: { name: n\(version) }",
                        environment: { _ in nil }
                    )
                    let start = ContinuousClock.now
                    _ = try await center.apply(document, managedBy: .api)
                    let snapshot = try await watcher.next()
                    #expect(snapshot == center.currentSnapshot())
                    delays.append(start.duration(to: .now))
                }
                // The median: other tests run beside this one. Polling and heartbeats, both off here, could not do it.
                #expect(delays.sorted()[delays.count / 2] < .milliseconds(100))
                #expect(try #require(watcher.watcher.sinceContact) < .seconds(1))
            }
        }
    }

    @Test func aKnownVersionIsNotSentAgain() async throws {
        try await Self.running { center, url, token in
            let watcher = try Watching(url, token, known: 1)
            try await watcher.run {
                while watcher.watcher.sinceContact == nil { try await Task.sleep(for: .milliseconds(5)) }
                let document = try ConfigDocument(yaml: "namespaces: { name: a }", environment: { _ in nil })
                _ = try await center.apply(document, managedBy: .api)
                #expect(try await watcher.next().version == 2)
            }
        }
    }

    @Test func forgetsWatchersThatAreGone() async throws {
        try await Self.running(heartbeat: .milliseconds(10)) { center, url, token in
            let watcher = try Watching(url, token)
            try await watcher.run {
                _ = try await watcher.next()
                #expect(center.watcherCount == 1)
            }
            while center.watcherCount > 0 { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    @Test func comesBackToAConfigCenterThatRestarts() async throws {
        let store = MemoryConfigStore()
        let port = Mutex(0)
        let token = Mutex("")
        try await Self.running(store: store) { _, url, first in
            port.withLock { $0 = url.port }
            token.withLock { $0 = first }
        }
        let url = BaseURL(tls: false, host: "127.0.0.1", port: port.withLock { $0 }, path: "")
        let watcher = try Watching(url, token.withLock { $0 })
        try await watcher.run {
            // Nobody listens yet: the watcher tries again and again.
            try await Task.sleep(for: .milliseconds(50))
            try await Self.running(store: store, port: url.port) { _, _, _ in
                let snapshot = try await watcher.next()
                #expect(snapshot.version == 1)
            }
        }
    }

    @Test(arguments: [
        ("http://config.example:8001", "the config center's address is plain http to another machine"),
        ("ftp://x", "the config center's address must begin with http:// or https://"),
    ])
    func refusesAddressesThatWouldShowCredentials(_ url: String, _ message: String) {
        do {
            _ = try SnapshotWatcher.Options(url: url, enrolmentToken: Secret("t"), gatewayID: "g")
            Issue.record("was accepted")
        } catch { #expect(error.message.hasPrefix(message)) }
    }

    @Test func plainHTTPCanBeAllowed() throws {
        _ = try SnapshotWatcher.Options(
            url: "http://config.example:8001",
            enrolmentToken: Secret("t"),
            gatewayID: "g",
            allowPlainHTTP: true
        )
        for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://config.example"] {
            _ = try SnapshotWatcher.Options(url: url, enrolmentToken: Secret("t"), gatewayID: "g")
        }
    }

    // MARK: Support

    private static func running(
        store: any ConfigStore = MemoryConfigStore(),
        port: Int = 0,
        heartbeat: Duration = .seconds(3600),
        _ body: @escaping @Sendable (ConfigCenter, BaseURL, String) async throws -> Void
    ) async throws {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let center = ConfigCenter(
            store: store,
            secrets: SecretBox(Fixture.masterKey),
            options: ConfigCenterOptions(
                port: port,
                heartbeat: heartbeat,
                poll: .seconds(3600),
                hasher: PasswordHasher(rounds: 16),
                onListening: { continuation.yield($0) }
            ),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let first = try await center.bootstrap()
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: center)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let real = try #require(await ports.first { _ in true })
            let url = BaseURL(tls: false, host: "127.0.0.1", port: real, path: "")
            try await body(center, url, first?.enrolmentToken ?? "")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// A watcher whose snapshots can be awaited one by one.
private struct Watching: Sendable {
    let watcher: SnapshotWatcher
    private let snapshots: AsyncStream<Snapshot>

    init(_ url: BaseURL, _ token: String, known: UInt64? = nil) throws {
        let (snapshots, continuation) = AsyncStream.makeStream(of: Snapshot.self)
        self.snapshots = snapshots
        self.watcher = SnapshotWatcher(
            options: try SnapshotWatcher.Options(
                url: url.description,
                enrolmentToken: Secret(token),
                gatewayID: "g1",
                knownVersion: known,
                backoff: .milliseconds(5) ... .milliseconds(20)
            ),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { continuation.yield($0) }
    }

    func next() async throws -> Snapshot { try #require(await self.snapshots.first { _ in true }) }

    func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await self.watcher.run() }
            try await body()
            tasks.cancelAll()
        }
    }
}
