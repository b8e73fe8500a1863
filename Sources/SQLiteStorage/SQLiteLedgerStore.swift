internal import Foundation
internal import GRDB
package import Storage

/// A ledger in one SQLite file. The records of each day are a table of their own, so that removing a day is to drop a table.
package final class SQLiteLedgerStore: LedgerDriver {
    private let pool: DatabasePool

    /// Opens or creates the file, and brings its schema up to date.
    package init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            // A gateway forgets what it was told is stored, so what is committed survives a power loss.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
            // Pages of 64 MB at most for each connection.
            try db.execute(sql: "PRAGMA cache_size = -65536")
        }
        self.pool = try DatabasePool(path: path, configuration: configuration)
        try SQLiteMigrations.ledger.migrate(self.pool)
    }

    package func ingest(_ entries: [LedgerEntry]) async throws -> IngestReport {
        let rows = entries.map { LedgerRow($0) }
        return try await self.write { db in
            // Only of days that are kept: the others' records are not stored.
            let firstDay = try LedgerTables(db).firstDay()
            try LedgerTables(db).create(Set(rows.map(\.day)).filter { $0 >= firstDay })
            return try LedgerWriter(db).ingest(rows)
        }
    }

    /// Waits for what runs, and closes the file.
    package func close() throws { try self.pool.close() }

    package func write<Result: Sendable>(
        _ work: @escaping @Sendable (any LedgerDatabase) throws -> Result
    ) async throws -> Result {
        try await self.pool.write { db in try work(SQLiteLedgerDatabase(db: db)) }
    }

    package func read<Result: Sendable>(
        _ work: @escaping @Sendable (any LedgerDatabase) throws -> Result
    ) async throws -> Result {
        try await self.pool.read { db in try work(SQLiteLedgerDatabase(db: db)) }
    }
}

/// One transaction on the file.
private struct SQLiteLedgerDatabase: LedgerDatabase {
    let db: Database
    let dialect = LedgerDialect.sqlite

    func execute(_ sql: String, _ values: [LedgerValue]) throws -> Int {
        let before = self.db.totalChangesCount
        try self.db.cachedStatement(sql: sql).execute(arguments: Self.arguments(values))
        return self.db.totalChangesCount - before
    }

    func rows(_ sql: String, _ values: [LedgerValue], isRare: Bool) throws -> [[LedgerValue]] {
        let statement = try isRare ? self.db.makeStatement(sql: sql) : self.db.cachedStatement(sql: sql)
        let cursor = try Row.fetchCursor(statement, arguments: Self.arguments(values))
        var rows: [[LedgerValue]] = []
        while let row = try cursor.next() { rows.append(row.databaseValues.map(Self.value)) }
        return rows
    }

    private static func arguments(_ values: [LedgerValue]) -> StatementArguments {
        StatementArguments(
            values.map { value -> DatabaseValue in
                switch value {
                case .null: .null
                case .int(let number): number.databaseValue
                case .text(let text): text.databaseValue
                case .bytes(let bytes): Data(bytes).databaseValue
                }
            }
        )
    }

    private static func value(_ value: DatabaseValue) -> LedgerValue {
        switch value.storage {
        case .null: .null
        case .int64(let number): .int(number)
        case .double(let number): .int(Int64(number))
        case .string(let text): .text(text)
        case .blob(let data): .bytes(Array(data))
        }
    }
}
