internal import GRDB
package import Storage

/// A config store in one SQLite file, in WAL mode: readers never wait for the writer.
package final class SQLiteConfigStore: ConfigStore {
    private let pool: DatabasePool

    /// Opens or creates the file, and brings its schema up to date.
    package init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            // A snapshot's number must never be given twice, so what is committed survives a power loss.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        self.pool = try DatabasePool(path: path, configuration: configuration)
        try SQLiteMigrations.migrator.migrate(self.pool)
    }

    package func write<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        try await self.pool.write { db in try work(SQLiteTransaction(db: db)) }
    }

    package func read<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        try await self.pool.read { db in try work(SQLiteTransaction(db: db)) }
    }

    /// Waits for what runs, and closes the file.
    package func close() throws { try self.pool.close() }
}
