import Foundation
import Logging
import SQLiteStorage
import ServiceKit
import TokenService

/// The token service on its SQLite file.
struct LedgerPlane {
    let ledger: UsageLedger
    let service: TokenService

    init(
        _ options: ServerOptions,
        in directory: DataDirectory,
        authenticator: any Authenticator,
        logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) throws {
        let path = "\(directory.path)/ledger.sqlite"
        let store: SQLiteLedgerStore
        do { store = try SQLiteLedgerStore(path: path) } catch {
            throw OptionError("cannot open \(path): \(error)", exitCode: 1)
        }
        self.ledger = UsageLedger(store)
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
}
