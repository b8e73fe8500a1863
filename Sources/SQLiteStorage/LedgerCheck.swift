internal import Foundation
internal import GRDB
internal import Storage

/// Compares the sums of one day with its records, and makes them anew.
struct LedgerCheck {
    let db: Database
    let day: UsageDay

    func verdict() throws -> DayVerdict { try self.verdict(self.expected(), isRepaired: false) }

    /// The verdict on what was found; afterwards the sums are those of the records.
    func repaired() throws -> DayVerdict {
        let expected = try self.expected()
        let found = try self.verdict(expected, isRepaired: false)
        guard found.differences > 0 else { return found }
        let writer = LedgerWriter(db: self.db)
        for table in SumsTable.allCases {
            let range = self.range(of: table)
            try self.db.execute(
                sql: "DELETE FROM \(table.rawValue) WHERE \(table.time) >= ? AND \(table.time) < ?",
                arguments: [range.lowerBound, range.upperBound]
            )
            try writer.add(expected[table], to: table)
        }
        return try self.verdict(expected, isRepaired: true, differences: found.differences)
    }

    /// The day, in what the table counts its time in.
    private func range(of table: SumsTable) -> Range<Int64> {
        table.isByHour ? self.day.hours : self.day.number..<self.day.number + 1
    }

    private func verdict(
        _ expected: SumTables,
        isRepaired: Bool,
        differences: Int? = nil
    ) throws -> DayVerdict {
        let found = try SumsTable.allCases.reduce(0) { count, table in
            count + Self.differences(try self.stored(table), expected[table].sums)
        }
        return DayVerdict(
            day: self.day,
            records: expected[.days].sums.values.reduce(0) { $0 + $1[.requests] },
            differences: differences ?? found,
            isRepaired: isRepaired && found == 0
        )
    }

    private static func differences(_ left: [SumTable.Key: UsageSums], _ right: [SumTable.Key: UsageSums]) -> Int {
        left.filter { right[$0.key] != $0.value }.count + right.filter { left[$0.key] == nil }.count
    }

    /// What the records add up to.
    private func expected() throws -> SumTables {
        var expected = SumTables()
        guard try LedgerTables.exists(self.day, self.db) else { return expected }
        let sums = LedgerTables.sums.map { "sum(\($0)) AS \($0)" }.joined(separator: ", ")
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT startedAt / 3600000000000 AS time, record.series AS series, other.id AS ofAllKeys, \(sums)
                FROM \(LedgerTables.name(self.day)) AS record JOIN series ON series.id = record.series
                JOIN series AS other ON other.namespace = series.namespace AND other."key" = '\(UsageSeries.allKeys)'
                    AND other.model = series.model AND other.model_served = series.model_served
                    AND other.upstream = series.upstream AND other.currency = series.currency
                GROUP BY 1, 2
                """
        )
        while let row = try rows.next() {
            let sums = UsageSums(values: LedgerTables.sums.map { row[$0] })
            expected.add(sums, hour: row["time"], series: row["series"], ofAllKeys: row["ofAllKeys"])
        }
        return expected
    }

    private func stored(_ table: SumsTable) throws -> [SumTable.Key: UsageSums] {
        let range = self.range(of: table)
        let rows = try Row.fetchAll(
            self.db,
            sql: "SELECT * FROM \(table.rawValue) WHERE \(table.time) >= ? AND \(table.time) < ?",
            arguments: [range.lowerBound, range.upperBound]
        )
        let pairs = rows.map { row in
            let key = SumTable.Key(time: row[table.time], series: row["series"])
            return (key, UsageSums(values: LedgerTables.sums.map { row[$0] }))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }
}
