internal import Crypto
internal import FoundationEssentials

/// Stores records and adds them to the sums, within one transaction.
package struct LedgerWriter {
    let db: any LedgerDatabase

    package init(_ db: any LedgerDatabase) { self.db = db }

    /// The tables of the records' days must be there.
    package func ingest(_ rows: [LedgerRow]) throws -> IngestReport {
        var report = IngestReport()
        var sums = SumTables()
        let firstDay = try LedgerTables(self.db).firstDay(locking: true)
        var numbers: [UsageSeries: Int64] = [:]
        var statements: [UsageDay: String] = [:]
        for row in rows {
            guard row.day >= firstDay else {
                report.expired += 1
                continue
            }
            let number = try self.number(of: row.series, knowing: &numbers)
            let statement = statements[row.day] ?? self.insertion(row.day)
            statements[row.day] = statement
            guard try self.db.execute(statement, Self.values(row, series: number)) > 0 else {
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

    /// Changes nothing if the record is there already.
    private func insertion(_ day: UsageDay) -> String {
        self.db.dialect.insertOnce(LedgerTables.name(day), 7 + LedgerTables.sums.count, keep: "startedAt")
    }

    private static func values(_ row: LedgerRow, series: Int64) -> [LedgerValue] {
        var values: [LedgerValue] = [.int(row.startedAt), .int(row.process), .int(row.count), .int(series)]
        values.reserveCapacity(7 + row.sums.values.count)
        values.append(.text(row.outcome))
        for sum in row.sums.values { values.append(.int(sum)) }
        values.append(.text(row.priceVersion))
        values.append(.bytes(row.detail))
        return values
    }

    private func number(of series: UsageSeries, knowing numbers: inout [UsageSeries: Int64]) throws -> Int64 {
        if let number = numbers[series] { return number }
        let number = try self.number(of: series)
        numbers[series] = number
        return number
    }

    /// The series' number, which it gets if it has none.
    private func number(of series: UsageSeries) throws -> Int64 {
        let digest = LedgerValue.bytes(series.digest)
        let find = "SELECT id FROM series WHERE digest = ?"
        if let row = try self.db.rows(find, [digest]).first { return row[0].int }
        let texts = [
            series.namespace, series.key, series.model, series.modelServed, series.upstream, series.currency,
        ]
        try self.db.execute(
            """
            INSERT INTO series (digest, namespace, keyName, model, model_served, upstream, currency)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [digest] + texts.map { .text($0) }
        )
        guard let row = try self.db.rows(find, [digest]).first else { throw StorageError.unreadable("a new series") }
        return row[0].int
    }

    func add(_ table: SumTable, to target: SumsTable) throws {
        let names = LedgerTables.sums.joined(separator: ", ")
        let marks = Array(repeating: "?", count: 2 + LedgerTables.sums.count).joined(separator: ", ")
        let sql = """
            INSERT INTO \(target.rawValue) (\(target.time), series, \(names)) VALUES (\(marks))
            \(self.db.dialect.additions(target))
            """
        for (key, sums) in table.sums {
            try self.db.execute(sql, ([key.time, key.series] + sums.values).map { .int($0) })
        }
    }
}

extension UsageSeries {
    /// Sixteen bytes of SHA-256 over the names, each behind its length: a key of one size for what may be long.
    var digest: [UInt8] {
        var hash = SHA256()
        for text in [self.namespace, self.key, self.model, self.modelServed, self.upstream, self.currency] {
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: Array(text.utf8))
        }
        return Array(hash.finalize().prefix(16))
    }
}
