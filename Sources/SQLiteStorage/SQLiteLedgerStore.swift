internal import Foundation
internal import GRDB
package import GatewayModel
package import Storage

/// A ledger in one SQLite file. The records of each day are a table of their own, so that removing a day is to drop a table.
package final class SQLiteLedgerStore: LedgerStore {
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
            try db.execute(sql: "PRAGMA cache_size = -65536")
        }
        self.pool = try DatabasePool(path: path, configuration: configuration)
        try SQLiteMigrations.ledger.migrate(self.pool)
    }

    package func ingest(_ entries: [LedgerEntry]) async throws -> IngestReport {
        let rows = entries.map { LedgerRow($0) }
        return try await self.pool.write { db in try LedgerWriter(db: db).ingest(rows) }
    }

    package func usage(_ query: UsageQuery) async throws -> [UsageRow] {
        try await self.pool.read { db in try LedgerReader(db: db).usage(query) }
    }

    package func records(_ query: RecordQuery) async throws -> [LedgerEntry] {
        try await self.pool.read { db in try LedgerReader(db: db).records(query) }
    }

    package func missing(among records: [UsageRecord]) async throws -> [UsageRecord] {
        try await self.pool.read { db in try LedgerReader(db: db).missing(among: records) }
    }

    package func days() async throws -> [UsageDay] {
        try await self.pool.read { db in
            let first = try LedgerTables.firstDay(db)
            let sums = try Int64.fetchAll(
                db,
                sql: "SELECT DISTINCT day FROM usageByDay WHERE day >= ?",
                arguments: [first.number]
            )
            return Set(sums.map { UsageDay($0) }).union(try LedgerTables.days(db)).sorted()
        }
    }

    package func dropDays(before day: UsageDay) async throws -> [UsageDay] {
        let old = try await self.pool.write { db in
            try LedgerTables.raiseFirstDay(to: day, db)
            return try LedgerTables.days(db).filter { $0 < day }
        }
        // One day at a time, so that others may write between them.
        for day in old { try await self.pool.write { db in try LedgerTables.drop(day, db) } }
        return old
    }

    package func verify(_ day: UsageDay, repair: Bool) async throws -> DayVerdict {
        guard repair else { return try await self.pool.read { db in try LedgerCheck(db: db, day: day).verdict() } }
        return try await self.pool.write { db in try LedgerCheck(db: db, day: day).repaired() }
    }

    /// Waits for what runs, and closes the file.
    package func close() throws { try self.pool.close() }
}

/// The tables of a ledger that are not there from the beginning: one for each day that has records.
enum LedgerTables {
    static func name(_ day: UsageDay) -> String { "record_\(day.number)" }

    /// Columns that hold sums, in their order, for the statements.
    static let sums = UsageSums.Column.allCases.map(\.rawValue)

    static func create(_ day: UsageDay, _ db: Database) throws {
        let sums = Self.sums.map { "\($0) INTEGER NOT NULL" }.joined(separator: ", ")
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS \(Self.name(day)) (
                    startedAt INTEGER NOT NULL,
                    process INTEGER NOT NULL,
                    count INTEGER NOT NULL,
                    series INTEGER NOT NULL REFERENCES series (id),
                    outcome TEXT NOT NULL,
                    \(sums),
                    priceVersion TEXT NOT NULL,
                    detail BLOB NOT NULL,
                    PRIMARY KEY (startedAt, process, count)
                ) STRICT, WITHOUT ROWID
                """
        )
    }

    static func drop(_ day: UsageDay, _ db: Database) throws {
        try db.execute(sql: "DROP TABLE IF EXISTS \(Self.name(day))")
    }

    /// Those that have records, oldest first.
    static func days(_ db: Database) throws -> [UsageDay] {
        let names = try String.fetchAll(
            db,
            sql: #"SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'record\_%' ESCAPE '\'"#
        )
        return names.compactMap { Int64($0.dropFirst(7)).map { UsageDay($0) } }.sorted()
    }

    static func exists(_ day: UsageDay, _ db: Database) throws -> Bool { try db.tableExists(Self.name(day)) }

    /// The first day whose records are stored.
    static func firstDay(_ db: Database) throws -> UsageDay {
        UsageDay(try Int64.fetchOne(db, sql: "SELECT value FROM ledgerSetting WHERE name = 'firstDay'") ?? 0)
    }

    static func raiseFirstDay(to day: UsageDay, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO ledgerSetting (name, value) VALUES ('firstDay', ?)
                ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
                """,
            arguments: [day.number]
        )
    }
}
