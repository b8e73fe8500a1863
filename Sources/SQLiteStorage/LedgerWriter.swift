internal import Foundation
internal import GRDB
internal import Storage

/// Stores records and adds them to the sums, within one transaction.
struct LedgerWriter {
    let db: Database

    func ingest(_ rows: [LedgerRow]) throws -> IngestReport {
        var report = IngestReport()
        var sums = SumTables()
        let firstDay = try LedgerTables.firstDay(self.db)
        var tables: Set<UsageDay> = []
        var numbers: [UsageSeries: Int64] = [:]
        for row in rows {
            guard row.day >= firstDay else {
                report.expired += 1
                continue
            }
            if tables.insert(row.day).inserted { try LedgerTables.create(row.day, self.db) }
            let number = try self.number(of: row.series, knowing: &numbers)
            guard try self.insert(row, series: number) else {
                report.duplicates += 1
                continue
            }
            report.stored += 1
            let ofAllKeys = try self.number(of: row.series.ofAllKeys, knowing: &numbers)
            sums.add(row.sums, hour: row.hour, series: number, ofAllKeys: ofAllKeys)
        }
        for table in SumsTable.allCases { try self.add(sums[table], to: table) }
        return report
    }

    /// False: it is there already.
    private func insert(_ row: LedgerRow, series: Int64) throws -> Bool {
        let marks = Array(repeating: "?", count: 7 + LedgerTables.sums.count).joined(separator: ", ")
        let statement = try self.db.cachedStatement(
            sql: "INSERT OR IGNORE INTO \(LedgerTables.name(row.day)) VALUES (\(marks))"
        )
        var arguments: [(any DatabaseValueConvertible)?] = [row.startedAt, row.process, row.count, series, row.outcome]
        for value in row.sums.values { arguments.append(value) }
        arguments.append(row.priceVersion)
        arguments.append(Data(row.detail))
        try statement.execute(arguments: StatementArguments(arguments))
        return self.db.changesCount > 0
    }

    private func number(of series: UsageSeries, knowing numbers: inout [UsageSeries: Int64]) throws -> Int64 {
        if let number = numbers[series] { return number }
        let number = try self.number(of: series)
        numbers[series] = number
        return number
    }

    /// The series' number, which it gets if it has none.
    func number(of series: UsageSeries) throws -> Int64 {
        let values = [
            series.namespace, series.key, series.model, series.modelServed, series.upstream, series.currency,
        ]
        let find = try self.db.cachedStatement(
            sql: """
                SELECT id FROM series WHERE namespace = ? AND "key" = ? AND model = ? AND model_served = ?
                    AND upstream = ? AND currency = ?
                """
        )
        if let number = try Int64.fetchOne(find, arguments: StatementArguments(values)) { return number }
        try self.db.execute(
            sql: """
                INSERT INTO series (namespace, "key", model, model_served, upstream, currency)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: StatementArguments(values)
        )
        return self.db.lastInsertedRowID
    }

    func add(_ table: SumTable, to target: SumsTable) throws {
        let names = LedgerTables.sums.joined(separator: ", ")
        let marks = Array(repeating: "?", count: 2 + LedgerTables.sums.count).joined(separator: ", ")
        let statement = try self.db.cachedStatement(
            sql: """
                INSERT INTO \(target.rawValue) (\(target.time), series, \(names)) VALUES (\(marks))
                ON CONFLICT (\(target.time), series) DO UPDATE SET \(Self.additions)
                """
        )
        for (key, sums) in table.sums {
            try statement.execute(arguments: StatementArguments([key.time, key.series] + sums.values))
        }
    }

    /// `requests = requests + excluded.requests, …`, with the carry from the rest of the cost into its millionths.
    private static let additions: String = UsageSums.Column.allCases.map { column in
        let name = column.rawValue
        return switch column {
        case .costMicros: "\(name) = \(name) + excluded.\(name) + (costRest + excluded.costRest) / 1000000"
        case .costRest: "\(name) = (\(name) + excluded.\(name)) % 1000000"
        default: "\(name) = \(name) + excluded.\(name)"
        }
    }.joined(separator: ", ")
}
