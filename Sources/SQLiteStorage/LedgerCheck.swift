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
        try self.db.execute(
            sql: "DELETE FROM usageByHour WHERE hour >= ? AND hour < ?",
            arguments: [self.day.hours.lowerBound, self.day.hours.upperBound]
        )
        try self.db.execute(sql: "DELETE FROM usageByDay WHERE day = ?", arguments: [self.day.number])
        let writer = LedgerWriter(db: self.db)
        try writer.add(expected.hours, to: .hours)
        try writer.add(expected.days, to: .days)
        return try self.verdict(expected, isRepaired: true, differences: found.differences)
    }

    private func verdict(
        _ expected: (hours: SumTable, days: SumTable),
        isRepaired: Bool,
        differences: Int? = nil
    ) throws -> DayVerdict {
        let hours = try self.stored(.hours, self.day.hours)
        let days = try self.stored(.days, self.day.number..<self.day.number + 1)
        let found = Self.differences(hours, expected.hours.sums) + Self.differences(days, expected.days.sums)
        return DayVerdict(
            day: self.day,
            records: expected.days.sums.values.reduce(0) { $0 + $1[.requests] },
            differences: differences ?? found,
            isRepaired: isRepaired && found == 0
        )
    }

    private static func differences(_ left: [SumTable.Key: UsageSums], _ right: [SumTable.Key: UsageSums]) -> Int {
        left.filter { right[$0.key] != $0.value }.count + right.filter { left[$0.key] == nil }.count
    }

    /// What the records add up to.
    private func expected() throws -> (hours: SumTable, days: SumTable) {
        var (hours, days) = (SumTable(), SumTable())
        guard try LedgerTables.exists(self.day, self.db) else { return (hours, days) }
        let sums = LedgerTables.sums.map { "sum(\($0)) AS \($0)" }.joined(separator: ", ")
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT startedAt / 3600000000000 AS time, series, \(sums) FROM \(LedgerTables.name(self.day))
                GROUP BY 1, 2
                """
        )
        while let row = try rows.next() {
            let sums = UsageSums(values: LedgerTables.sums.map { row[$0] })
            hours.add(sums, time: row["time"], series: row["series"])
            days.add(sums, time: self.day.number, series: row["series"])
        }
        return (hours, days)
    }

    private func stored(_ table: LedgerWriter.SumsTable, _ range: Range<Int64>) throws -> [SumTable.Key: UsageSums] {
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
