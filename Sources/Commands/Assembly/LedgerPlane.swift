import Foundation
import Logging
import MySQLStorage
import SQLiteStorage
import ServiceKit
import Storage
import TokenService

/// The token service on its database.
struct LedgerPlane {
    let ledger: UsageLedger
    let service: TokenService

    init(
        _ options: ServerOptions,
        in directory: DataDirectory,
        authenticator: any Authenticator,
        logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) async throws {
        self.ledger = UsageLedger(try await Self.store(options.store, in: directory.path))
        self.service = TokenService(
            self.ledger,
            authenticator: authenticator,
            options: TokenServiceOptions(
                host: options.adminHost,
                port: options.tokenServicePort,
                keptDays: options.usageRetention,
                onListening: onListening
            ),
            logger: logger
        )
    }

    /// The ledger in a shared database, or in a file of the data directory.
    static func store(_ address: MySQLAddress?, in directory: String) async throws -> any LedgerStore {
        if let address {
            do { return try await MySQLLedgerStore(MySQLPool(address)) } catch {
                throw OptionError("cannot use the store \(address): \(error)", exitCode: 1)
            }
        }
        let path = "\(directory)/ledger.sqlite"
        do { return try SQLiteLedgerStore(path: path) } catch {
            throw OptionError("cannot open \(path): \(error)", exitCode: 1)
        }
    }
}
