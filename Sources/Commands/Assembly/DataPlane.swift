import Foundation
import GatewayCore
import GatewayModel
import GatewayServer
import Journal
import Logging
import ServiceLifecycle
import Storage
import Synchronization
import Telemetry

/// The gateway with everything that it keeps on this machine: journal, object map, access log, last good snapshot.
final class DataPlane: Sendable {
    let server: GatewayServer
    let keeper: SnapshotKeeper
    /// Asks for the tokens that upstreams are called with.
    let renewer: EntraRenewer
    private let tables: CurrentTable
    private let shared: RoutingTable.Shared
    private let journal: Journal
    private let shipping: ShippingCounts?
    private let accessLog: LogFile?
    private let snapshots: SnapshotFile
    private let logger: Logger

    init(
        _ options: ServerOptions,
        in directory: DataDirectory,
        secrets: SecretBox,
        logger: Logger,
        shipsUsage: Bool,
        configAge: @escaping @Sendable () -> (seconds: Double, isStale: Bool)? = { nil },
        onListening: @escaping @Sendable (Int) -> Void
    ) throws {
        let tables = CurrentTable()
        let secretsDirectory = options.secretsDirectory ?? "\(directory.path)/secrets"
        let shared = RoutingTable.Shared(
            credentialFiles: CredentialFiles(within: secretsDirectory),
            egress: options.egress
        )
        let journal = try Journal(Journal.Options(directory: "\(directory.path)/journal"), writers: options.threads)
        self.shipping = shipsUsage ? ShippingCounts() : nil
        self.accessLog = try options.accessLog.map { destination in try LogFile(destination) }
        let server = Self.serverOptions(options, in: directory)
        let load = server.transport.load
        logger.info(
            "limits of this process",
            metadata: [
                "gateway.connections": "\(load.connections)", "gateway.requests": "\(load.requests)",
                "gateway.body_bytes": "\(load.bodyBytes)",
            ]
        )
        self.server = GatewayServer(
            server,
            tables: tables,
            sharing: shared,
            journal: journal,
            shipping: self.shipping,
            accessLog: self.accessLog,
            objects: try ObjectMap(path: "\(directory.path)/objects.map"),
            logger: logger,
            configAge: configAge,
            onListening: onListening
        )
        self.tables = tables
        self.shared = shared
        self.journal = journal
        self.snapshots = SnapshotFile(path: "\(directory.path)/snapshot.sealed", secrets: secrets)
        self.keeper = SnapshotKeeper(self.snapshots, logger: logger)
        self.renewer = EntraRenewer(shared.tokens, egress: options.egress, logger: logger)
        self.logger = logger
    }

    private static func serverOptions(_ options: ServerOptions, in directory: DataDirectory) -> GatewayServer.Options {
        var server = GatewayServer.Options()
        server.host = options.host
        server.port = options.gatewayPort
        server.certificate = options.certificate
        server.threads = options.threads
        server.drainTimeout = options.drainTimeout
        server.metricsToken = options.metricsToken
        server.core.maximumBodyBytes = options.maximumBodyBytes
        server.core.maximumUploadBytes = options.maximumUploadBytes
        server.transport.spoolDirectory = "\(directory.path)/spool"
        server.transport.maximumSpoolBytes = max(server.transport.maximumSpoolBytes, 2 * options.maximumUploadBytes)
        server.core.servesWithoutJournal = options.servesWithoutJournal
        FreedMemory.keep()
        let possible = DescriptorLimit.connectionsAfterRaising()
        server.transport.load.connections = min(options.maximumConnections ?? possible, possible)
        server.transport.load.requests = options.patience.requests ?? server.transport.load.connections
        Self.set(&server.transport, options.patience)
        return server
    }

    private static func set(_ transport: inout TransportOptions, _ patience: ClientPatience) {
        func nanoseconds(_ duration: Duration?, or fallback: UInt64) -> UInt64 {
            duration.map { UInt64($0.nanoseconds) } ?? fallback
        }
        transport.load.bodyBytes = patience.bodyMemory ?? transport.load.bodyBytes
        transport.headTimeout = nanoseconds(patience.head, or: transport.headTimeout)
        transport.body.pause = nanoseconds(patience.body, or: transport.body.pause)
        transport.body.total = nanoseconds(patience.wholeBody, or: transport.body.total)
        transport.body.rate = patience.bodyRate.map { UInt64($0) } ?? transport.body.rate
        transport.body.grace = nanoseconds(patience.bodyGrace, or: transport.body.grace)
        transport.keepAliveTimeout = nanoseconds(patience.keepAlive, or: transport.keepAliveTimeout)
        transport.writeTimeout = nanoseconds(patience.write, or: transport.writeTimeout)
    }

    /// Puts a snapshot into force, if it is newer than the one that is, and has it kept on the disk.
    func adopt(_ snapshot: Snapshot) {
        guard self.tables.table.map({ $0.version < snapshot.version }) ?? true else { return }
        let table = RoutingTable(compiling: snapshot, sharing: self.shared)
        guard self.tables.offer(table) else { return }
        self.report(table)
        self.logger.info("configuration applied", metadata: ["gateway.version": "\(snapshot.version)"])
        self.keeper.keep(snapshot)
    }

    /// Serves from the last good snapshot, if there is one; says its version.
    func adoptLastGood() -> UInt64? {
        do {
            guard let snapshot = try self.snapshots.load() else { return nil }
            let table = RoutingTable(compiling: snapshot, sharing: self.shared)
            self.tables.offer(table)
            self.report(table)
            self.logger.info("last good snapshot in force", metadata: ["gateway.version": "\(snapshot.version)"])
            return snapshot.version
        } catch {
            self.logger.error("last good snapshot unusable", metadata: ["gateway.cause": "\(error)"])
            return nil
        }
    }

    private func report(_ table: RoutingTable) {
        for problem in table.problems {
            self.logger.error("configuration incomplete here", metadata: ["gateway.cause": "\(problem)"])
        }
    }

    /// The service that brings the journal's records to the ledger; `send` returns when they are stored.
    func shipper(_ send: @escaping @Sendable ([UsageRecord]) async throws -> Void) -> UsageShipper {
        let counts = self.shipping ?? ShippingCounts()
        return UsageShipper(self.journal, counts: counts, logger: self.logger, send: send)
    }

    /// The service that sees when the certificate's files are replaced; none where there is no certificate.
    static func certificateKeepers(_ options: ServerOptions, logger: Logger) -> [any Service] {
        options.certificate.map { [CertificateKeeper($0, logger: logger)] } ?? []
    }

    /// The version in force; 0 before the first.
    var version: UInt64 { self.tables.table?.version ?? 0 }

    func reopenLogs() { self.accessLog?.reopen() }

    /// Brings journal and log to the disk, after everything else has stopped.
    func close() {
        self.journal.close()
        self.accessLog?.close()
    }
}

/// Writes the newest snapshot to the disk, off every path that somebody waits on. Of snapshots that come faster than the
/// disk takes them, the newest is written.
final class SnapshotKeeper: Service {
    private let file: SnapshotFile
    private let logger: Logger
    private let stream: AsyncStream<Snapshot>
    private let continuation: AsyncStream<Snapshot>.Continuation

    init(_ file: SnapshotFile, logger: Logger) {
        self.file = file
        self.logger = logger
        (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func keep(_ snapshot: Snapshot) { self.continuation.yield(snapshot) }

    func run() async throws {
        await withGracefulShutdownHandler {
            for await snapshot in self.stream {
                do { try self.file.save(snapshot) } catch {
                    self.logger.error("snapshot not kept on disk", metadata: ["gateway.cause": "\(error)"])
                }
            }
        } onGracefulShutdown: {
            self.continuation.finish()
        }
    }
}
