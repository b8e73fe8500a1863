package import Storage

/// A config store that several config centers share. Writers of all processes go one after another: each locks the same
/// row first, so that what it reads, the newest version above all, is still true when it commits.
package final class MySQLConfigStore: ConfigStore {
    private let pool: MySQLPool

    /// Connects, and brings the schema up to date; several processes may do so at once. Throws `MySQLError`.
    package init(_ pool: MySQLPool) async throws {
        self.pool = pool
        try await pool.migrate(MySQLConfigSchema.migrations)
    }

    package func write<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        try await self.pool.write { transaction in
            guard try transaction.first(Self.lock) != nil else {
                throw MySQLError(
                    .lockMissing,
                    in: Self.lock.name,
                    "table writer has lost its row `config`; insert it again"
                )
            }
            return try work(MySQLConfigTransaction(rows: transaction))
        }
    }

    package func read<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        do {
            return try await self.pool.read { transaction in try work(MySQLConfigTransaction(rows: transaction)) }
        } catch let error as MySQLError where error.isReadOnly {
            throw StorageError.readOnly
        }
    }

    /// Waits for what runs, and closes all connections.
    package func close() async { await self.pool.close() }

    private static let lock = MySQLStatement("lock writer", "SELECT name FROM writer WHERE name = 'config' FOR UPDATE")
}
