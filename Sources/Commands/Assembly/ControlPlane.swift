import ConfigCenter
import Foundation
import GatewayModel
import Logging
import MySQLStorage
import SQLiteStorage
import Storage

/// The config center on its SQLite file, or on the database that it shares with others.
struct ControlPlane {
    let center: ConfigCenter
    /// What is told once, on the very first run.
    let firstRun: FirstRun?
    private let audit: AuditLog

    init(
        _ options: ServerOptions,
        in directory: DataDirectory,
        secrets: SecretBox,
        logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) async throws {
        let store = try await Self.store(options, in: directory)
        let audit = try AuditLog(options.auditLog)
        self.audit = audit
        self.center = ConfigCenter(
            store: store,
            secrets: secrets,
            options: ConfigCenterOptions(
                host: options.adminHost,
                port: options.configCenterPort,
                onListening: onListening,
                onAudit: { audit.write($0) }
            ),
            logger: logger
        )
        self.firstRun = try await self.center.bootstrap()
    }

    private static func store(_ options: ServerOptions, in directory: DataDirectory) async throws -> any ConfigStore {
        if let address = options.store {
            do { return try await MySQLConfigStore(MySQLPool(address)) } catch {
                throw OptionError("cannot use the store \(address): \(error)", exitCode: 1)
            }
        }
        do { return try SQLiteConfigStore(path: "\(directory.path)/config.sqlite") } catch {
            throw OptionError("cannot open \(directory.path)/config.sqlite: \(error)", exitCode: 1)
        }
    }

    func reopenLogs() { self.audit.reopen() }

    /// Brings the log to the disk, after everything else has stopped.
    func close() { self.audit.close() }

    /// Applies what the file named by `--config` says.
    func apply(_ document: ConfigDocument, from path: String) async throws {
        do { _ = try await self.center.apply(document, managedBy: .file) } catch let problems as DocumentProblems {
            throw OptionError(ConfigFile.describe(problems, path))
        }
    }
}
