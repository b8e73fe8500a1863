/// The tables of a ledger that are not there from the beginning: one for each day that has records.
package struct LedgerTables {
    let db: any LedgerDatabase

    package init(_ db: any LedgerDatabase) { self.db = db }

    private static let prefix = "record_"

    static func name(_ day: UsageDay) -> String { Self.prefix + String(day.number) }

    /// Columns that hold sums, in their order.
    static let sums = UsageSums.Column.allCases.map(\.name)

    static func sums(_ values: some Collection<LedgerValue>) -> UsageSums { UsageSums(values: values.map(\.int)) }

    /// Makes the tables of days that lack one. To be done before a transaction that stores records: some databases end a
    /// transaction when a table is made.
    package func create(_ days: some Sequence<UsageDay>) throws {
        for day in days { try self.db.execute(self.db.dialect.createRecords(Self.name(day))) }
    }

    package func drop(_ day: UsageDay) throws { try self.db.execute("DROP TABLE IF EXISTS \(Self.name(day))") }

    /// Days that have a table of records, oldest first.
    package func recorded() throws -> [UsageDay] {
        try self.db.rows(self.db.dialect.listTables, [.text(Self.prefix)]).compactMap { row in
            Int64(row[0].text.dropFirst(Self.prefix.count)).map { UsageDay($0) }
        }.sorted()
    }

    /// Days that were not removed and have records, or sums.
    package func verifiable() throws -> [UsageDay] {
        let sums = try self.db.rows(
            "SELECT DISTINCT day FROM \(SumsTable.days.rawValue) WHERE day >= ?",
            [.int(try self.firstDay().number)]
        )
        return Set(sums.map { UsageDay($0[0].int) }).union(try self.recorded()).sorted()
    }

    /// The first day whose records are stored. `locking` keeps other writers away until the transaction ends.
    package func firstDay(locking: Bool = false) throws -> UsageDay {
        let lock = locking ? self.db.dialect.lock : ""
        let rows = try self.db.rows("SELECT value FROM ledgerSetting WHERE name = 'firstDay'\(lock)")
        guard let row = rows.first else { throw StorageError.unreadable("the ledger's first day") }
        return UsageDay(row[0].int)
    }

    /// From now on no record before `day` is stored; the days that are to be removed therefore. It never falls.
    package func raiseFirstDay(to day: UsageDay) throws -> [UsageDay] {
        if try self.firstDay(locking: true) < day {
            try self.db.execute("UPDATE ledgerSetting SET value = ? WHERE name = 'firstDay'", [.int(day.number)])
        }
        return try self.recorded().filter { $0 < day }
    }
}
