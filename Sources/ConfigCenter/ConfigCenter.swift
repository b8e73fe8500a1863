internal import Foundation
package import GatewayModel
package import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Logging
internal import NIOSSL
package import ServiceKit
internal import ServiceLifecycle
package import Storage

/// The control plane: keeps the resources, publishes snapshots, and serves the API.
///
/// First `bootstrap()`, then `observe` and `apply` as wanted, then `run()`, which serves until graceful shutdown.
package final class ConfigCenter: Service {
    private let store: any ConfigStore
    private let options: ConfigCenterOptions
    private let logger: Logger
    private let vault: Vault
    private let publisher: SnapshotPublisher
    private let editor: ConfigEditor
    private let access: AccessService
    private let registry = GatewayRegistry()
    private let requests = RequestCounter(service: "config_center")
    private let now: @Sendable () -> Int64

    package init(
        store: any ConfigStore,
        secrets: SecretBox,
        options: ConfigCenterOptions = ConfigCenterOptions(),
        logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    ) {
        let store = AuditedStore(store, onAudit: options.onAudit)
        self.store = store
        self.options = options
        self.logger = logger
        self.now = now
        self.vault = Vault(secrets)
        self.publisher = SnapshotPublisher(watcherLimit: options.watcherLimit)
        self.editor = ConfigEditor(
            store: store,
            vault: self.vault,
            publisher: self.publisher,
            keptSnapshots: options.keptSnapshots,
            now: now
        )
        self.access = AccessService(store: store, hasher: options.hasher, now: now, onAudit: options.onAudit)
    }

    // MARK: For the process that holds it

    /// Prepares the store and publishes its newest snapshot. On the very first run this makes the pepper, the enrolment
    /// token and the user `admin`, whose password and token are told here and never again.
    package func bootstrap() async throws -> FirstRun? {
        let password = RandomText.base62(20)
        let token = "age_" + RandomText.base62(40)
        let now = self.now()
        var isNew = try await self.store.read { rows in try rows.setting("keyPepper") } == nil
        if isNew {
            let hash = try await self.options.hasher.hash(Secret(password))
            isNew = try await self.store.write { rows in
                // Another config center may have been first meanwhile; what it told must stay true.
                guard try rows.setting("keyPepper") == nil else { return false }
                var generator = SystemRandomNumberGenerator()
                let pepper = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
                try self.vault.setPepper(Secret(pepper), rows)
                try rows.set(AccessService.enrolmentSetting, Array(KeyedHash.tokenDigest(token).utf8))
                try rows.put(UserRecord(name: "admin", role: Role.admin.rawValue, passwordHash: hash, createdAt: now))
                return true
            }
        }
        if try await self.store.read({ rows in try rows.newestVersion() }) == 0 {
            _ = try await self.editor.change(by: Self.system, reason: "first run") { _ in }
        }
        try await self.editor.publishNewest()
        return isNew ? FirstRun(adminPassword: password, enrolmentToken: token) : nil
    }

    /// Creates and updates what the document names; all of it, or nothing. Throws `DocumentProblems`.
    package func apply(
        _ document: ConfigDocument,
        managedBy: ManagedBy,
        prune: Bool? = nil
    ) async throws -> ChangeReport {
        let author = ChangeAuthor(name: managedBy == .file ? "file" : "system", managedBy: managedBy)
        return try await self.editor.apply(document, by: author, prune: prune ?? document.prune)
    }

    /// Calls back with the newest snapshot at once, and with each that is published, on the publisher's thread and
    /// before the change is answered. Calls may overtake each other: a lower version than the last means nothing.
    package func observe(_ observer: @escaping @Sendable (Snapshot) -> Void) { self.publisher.observe(observer) }

    /// The newest published snapshot; nil before `bootstrap()`.
    package func currentSnapshot() -> Snapshot? { self.publisher.newest?.snapshot }

    /// Notes what the gateway in the same process has applied, as others report over HTTP.
    package func reportGateway(id: String, version: UInt64) {
        _ = self.registry.record(.init(id: id, version: version, origin: "local", seenAt: self.now()))
    }

    /// Who holds a token, for services in the same process.
    package var authenticator: any Authenticator { self.access }

    /// How many gateways hold a watch stream.
    package var watcherCount: Int { self.publisher.watcherCount }

    /// Lets someone log in.
    package func createUser(_ name: String, role: Role, password: Secret) async throws {
        try await self.access.create(name, role, password, by: Self.system)
    }

    /// Gives someone a new password, which is told here and never again, and ends all tokens of theirs: for those who
    /// have lost theirs and can reach the database.
    package func renewPassword(of user: String) async throws -> String {
        let password = RandomText.base62(20)
        try await self.access.setPassword(of: user, to: Secret(password), by: Self.system)
        return password
    }

    /// Makes a new enrolment token, which is told here and never again; the old one ends.
    package func renewEnrolmentToken() async throws -> String {
        let token = "age_" + RandomText.base62(40)
        let now = self.now()
        try await self.store.write { rows in
            try rows.set(AccessService.enrolmentSetting, Array(KeyedHash.tokenDigest(token).utf8))
            try rows.append(
                AuditRecord(
                    at: now,
                    actor: "system",
                    origin: "local",
                    action: "update",
                    kind: "enrolmentToken",
                    name: "",
                    secretsChanged: true
                )
            )
        }
        return token
    }

    private static let system = ChangeAuthor(name: "system", managedBy: .api)

    // MARK: Serving

    /// Every endpoint that the service has.
    package var endpoints: [Endpoint] {
        let api =
            ResourceEndpoints(store: self.store, editor: self.editor, now: self.now).endpoints
            + ConfigEndpoints(store: self.store, editor: self.editor, vault: self.vault).endpoints
            + GatewayEndpoints(publisher: self.publisher, registry: self.registry, now: self.now).endpoints
            + AccessEndpoints(store: self.store, access: self.access).endpoints
        let system = { (document: @escaping @Sendable () -> DocumentValue) in
            SystemEndpoints(
                store: self.store,
                publisher: self.publisher,
                requests: self.requests,
                openAPI: document
            ).endpoints
        }
        let all = api + system { .null }
        return api
            + system {
                OpenAPIDocument(title: "AI Gateway config center", endpoints: all, schemas: Schemas.all).document
            }
    }

    /// The router of all endpoints.
    package var router: Router<ServiceContext> {
        let requests = self.requests
        let middleware = ServiceMiddleware(logger: self.logger) { requests.count($0, $1, $2) }
        return EndpointRouter(authenticator: self.access).router(self.endpoints, middleware: middleware)
    }

    // Streams are not idle: only connections without a request are closed.
    private func server() throws -> HTTPServerBuilder {
        let http = HTTPServerBuilder.http1(configuration: .init(idleTimeout: .seconds(60)))
        guard let files = self.options.tls else { return http }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificates).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.privateKey, format: .pem))
        )
        tls.minimumTLSVersion = .tlsv12
        return try .tls(http, tlsConfiguration: tls)
    }

    /// The HTTP service by itself, without what `run()` does beside it. Throws when its certificate cannot be read.
    package func application() throws -> Application<RouterResponder<ServiceContext>> {
        let onListening = self.options.onListening
        return Application(
            router: self.router,
            server: try self.server(),
            configuration: ApplicationConfiguration(
                address: .hostname(self.options.host, port: self.options.port),
                availableConnectionsDelegate: MaximumAvailableConnections(
                    self.options.watcherLimit + self.options.connectionLimit
                )
            ),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
            logger: self.logger
        )
    }

    /// Serves until graceful shutdown: the API, heartbeats, and versions that other instances publish.
    package func run() async throws {
        let application = try self.application()
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.tick(every: self.options.heartbeat) { self.publisher.wake() } }
                group.addTask {
                    await self.tick(every: self.options.poll) { try await self.editor.publishNewest() }
                }
                try await application.run()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.publisher.close()
        }
    }

    private func tick(every interval: Duration, _ work: @escaping @Sendable () async throws -> Void) async {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: interval)) != nil {
                do {
                    try await work()
                } catch {
                    self.logger.error("background work failed", metadata: ["gateway.cause": "\(error)"])
                }
            }
        }
    }
}

/// What only the first run can tell.
package struct FirstRun: Sendable, Equatable {
    /// The password of the user `admin`.
    package let adminPassword: String
    /// What a gateway in another process needs to watch this config center.
    package let enrolmentToken: String
}
