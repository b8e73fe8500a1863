package import Storage

/// A ledger in a MySQL or MariaDB database, which several token services may use at the same time. The records of each day
/// are a table of their own, so that removing a day is to drop a table.
///
/// Whoever stores records holds the row `firstDay` until it commits: writers come one after another, and none stores into a
/// day that is being removed.
package final class MySQLLedgerStore: LedgerDriver {
    private let pool: MySQLPool

    /// Connects, and brings the schema up to date; several processes may do so at once. Throws `MySQLError`.
    package init(_ pool: MySQLPool) async throws {
        self.pool = pool
        try await pool.migrate(MySQLMigrations("ledger", LedgerDialect.mysql.schema))
    }

    package func ingest(_ entries: [LedgerEntry]) async throws -> IngestReport {
        let rows = entries.map { LedgerRow($0) }
        try await self.makeTables(Set(rows.map(\.day)))
        return try await self.write { try LedgerWriter($0).ingest(rows) }
    }

    /// Making a table ends a transaction, so it happens before the one that stores. A day that is removed in between is not
    /// stored into: the writer looks at the first day again.
    private func makeTables(_ days: Set<UsageDay>) async throws {
        let missing = try await self.read { db in
            let tables = LedgerTables(db)
            let firstDay = try tables.firstDay()
            return days.filter { $0 >= firstDay }.subtracting(try tables.recorded())
        }
        guard !missing.isEmpty else { return }
        try await self.write { try LedgerTables($0).create(missing) }
    }

    /// Waits for what runs, and closes the connections.
    package func close() async { await self.pool.close() }

    package func write<Result: Sendable>(
        _ work: @escaping @Sendable (any LedgerDatabase) throws -> Result
    ) async throws -> Result {
        try await self.pool.write { try work(MySQLLedgerDatabase(transaction: $0)) }
    }

    package func read<Result: Sendable>(
        _ work: @escaping @Sendable (any LedgerDatabase) throws -> Result
    ) async throws -> Result {
        try await self.pool.read { try work(MySQLLedgerDatabase(transaction: $0)) }
    }
}

/// One transaction on the server.
private struct MySQLLedgerDatabase: LedgerDatabase {
    let transaction: MySQLTransaction
    let dialect = LedgerDialect.mysql

    func execute(_ sql: String, _ values: [LedgerValue]) throws -> Int {
        Int(try self.transaction.execute(Self.statement(sql), values: values.map(\.mysql)).affectedRows)
    }

    func rows(_ sql: String, _ values: [LedgerValue], isRare: Bool) throws -> [[LedgerValue]] {
        try self.transaction.rows(Self.statement(sql), values: values.map(\.mysql)).map {
            $0.values.map(LedgerValue.init)
        }
    }

    /// Named by its beginning, which says what it does to which table.
    private static func statement(_ sql: String) -> MySQLStatement { MySQLStatement(String(sql.prefix(48)), sql) }
}

extension LedgerValue {
    fileprivate var mysql: MySQLValue {
        switch self {
        case .null: .null
        case .int(let number): .signed(number)
        case .text(let text): .text(text)
        case .bytes(let bytes): .bytes(bytes)
        }
    }

    fileprivate init(_ value: MySQLValue) {
        self =
            switch value {
            case .null: .null
            case .signed(let number): .int(number)
            case .unsigned(let number): .int(Int64(clamping: number))
            case .double(let number): .int(Int64(number))
            case .text(let text): .text(text)
            case .bytes(let bytes): .bytes(bytes)
            }
    }
}
