/// Compares the sums of one day with its records, and makes them anew.
package struct LedgerCheck {
    let db: any LedgerDatabase
    let day: UsageDay

    package init(_ db: any LedgerDatabase, _ day: UsageDay) {
        self.db = db
        self.day = day
    }

    package func verdict() throws -> DayVerdict { try self.verdict(self.expected(), isRepaired: false) }

    /// The verdict on what was found; afterwards the sums are those of the records.
    package func repaired() throws -> DayVerdict {
        // Nobody stores records meanwhile.
        _ = try LedgerTables(self.db).firstDay(locking: true)
        let expected = try self.expected()
        let found = try self.verdict(expected, isRepaired: false)
        guard found.differences > 0 else { return found }
        let writer = LedgerWriter(self.db)
        for table in SumsTable.allCases {
            let range = self.range(of: table)
            try self.db.execute(
                "DELETE FROM \(table.rawValue) WHERE \(table.time) >= ? AND \(table.time) < ?",
                [.int(range.lowerBound), .int(range.upperBound)]
            )
            try writer.add(expected[table], to: table)
        }
        return try self.verdict(expected, isRepaired: true, differences: found.differences)
    }

    /// The day, in what the table counts its time in.
    private func range(of table: SumsTable) -> Range<Int64> {
        table.isByHour ? self.day.hours : self.day.number..<self.day.number + 1
    }

    private func verdict(_ expected: SumTables, isRepaired: Bool, differences: Int? = nil) throws -> DayVerdict {
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
        guard try LedgerTables(self.db).recorded().contains(self.day) else { return expected }
        let sums = LedgerTables.sums.map { self.db.dialect.sum("record.\($0)") }.joined(separator: ", ")
        let rows = try self.db.rows(
            """
            SELECT \(self.db.dialect.quotient("record.startedAt", "3600000000000")) AS time, record.series,
                other.id, \(sums)
            FROM \(LedgerTables.name(self.day)) AS record JOIN series ON series.id = record.series
            JOIN series AS other ON other.namespace = series.namespace AND other.keyName = '\(UsageSeries.allKeys)'
                AND other.model = series.model AND other.model_served = series.model_served
                AND other.upstream = series.upstream AND other.currency = series.currency
            GROUP BY time, record.series, other.id
            """
        )
        for row in rows {
            expected.add(LedgerTables.sums(row[3...]), hour: row[0].int, series: row[1].int, ofAllKeys: row[2].int)
        }
        return expected
    }

    private func stored(_ table: SumsTable) throws -> [SumTable.Key: UsageSums] {
        let range = self.range(of: table)
        let rows = try self.db.rows(
            """
            SELECT \(table.time), series, \(LedgerTables.sums.joined(separator: ", ")) FROM \(table.rawValue)
            WHERE \(table.time) >= ? AND \(table.time) < ?
            """,
            [.int(range.lowerBound), .int(range.upperBound)]
        )
        let pairs = rows.map { row in
            (SumTable.Key(time: row[0].int, series: row[1].int), LedgerTables.sums(row[2...]))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }
}
