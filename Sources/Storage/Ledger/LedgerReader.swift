package import GatewayModel

/// Answers questions about usage: sums from the tables of sums, records from those of their days.
package struct LedgerReader {
    let db: any LedgerDatabase

    package init(_ db: any LedgerDatabase) { self.db = db }

    // MARK: sums

    package func usage(_ query: UsageQuery) throws -> [UsageRow] {
        var series = try self.series(query)
        if series == nil, query.wantsLargest, query.limit <= Self.sparse { series = try self.largest(query) }
        guard series != [], let parts = self.parts(query, UsageSums.Column.allCases, series) else { return [] }
        let filters = Self.sorted(query.filters)
        let groups = Self.groups(query).joined(separator: ", ")
        let sql = """
            SELECT \(groups), \(self.sums(UsageSums.Column.allCases, "part."))
            FROM \(parts) \(Self.condition(filters.map(\.key)))
            GROUP BY \(groups) ORDER BY \(Self.order(query)) LIMIT \(query.limit)
            """
        return try self.db.rows(sql, filters.map { .text($0.value) }, isRare: true).map { Self.row($0, query) }
    }

    /// Series up to this number are looked up one by one in each hour or day, instead of reading all that is there.
    private static let sparse = 256
    /// The same for those of the largest groups, which are known only after all has been read once.
    private static let sparseOfLargest = 2048

    /// The numbers of the series that the filters leave, when they are few; nil when they are many or all.
    private func series(_ query: UsageQuery) throws -> [Int64]? {
        guard !query.filters.isEmpty else { return nil }
        let filters = Self.sorted(query.filters)
        let numbers = try self.db.rows(
            """
            SELECT id FROM series \(Self.condition(filters.map(\.key))) AND keyName \(query.isOfKeys ? "<>" : "=") ?
            LIMIT \(Self.sparse + 1)
            """,
            filters.map { .text($0.value) } + [.text(UsageSeries.allKeys)],
            isRare: true
        )
        return numbers.count > Self.sparse ? nil : numbers.map { $0[0].int }
    }

    /// The numbers of the series of the groups that come first, when they are few: then only these need all their sums. To
    /// order the groups takes few columns, and to add up those of many series costs by the column.
    private func largest(_ query: UsageQuery) throws -> [Int64]? {
        guard let parts = self.parts(query, query.order.columns, nil) else { return [] }
        let filters = Self.sorted(query.filters)
        let groups = Self.groups(query).joined(separator: ", ")
        let isSame = Self.groups(query).map { "series.\($0) = first.\($0)" }.joined(separator: " AND ")
        let numbers = try self.db.rows(
            """
            SELECT series.id FROM series JOIN (
                SELECT \(groups) FROM \(parts) \(Self.condition(filters.map(\.key)))
                GROUP BY \(groups) ORDER BY \(Self.order(query)) LIMIT \(query.limit)
            ) AS first ON \(isSame) WHERE series.keyName \(query.isOfKeys ? "<>" : "=") ?
            LIMIT \(Self.sparseOfLargest + 1)
            """,
            filters.map { .text($0.value) } + [.text(UsageSeries.allKeys)],
            isRare: true
        )
        return numbers.count > Self.sparseOfLargest ? nil : numbers.map { $0[0].int }
    }

    /// The sums of the query's time with the names of their series, as what stands behind `FROM`; nil when it is no time.
    private func parts(_ query: UsageQuery, _ columns: [UsageSums.Column], _ series: [Int64]?) -> String? {
        let (days, hours) = query.spans
        let parts =
            (days.isEmpty ? [] : [self.part(of: .answering(query, byHour: false), query.time, days, columns, series)])
            + hours.map { self.part(of: .answering(query, byHour: true), query.time, $0, columns, series) }
        guard !parts.isEmpty else { return nil }
        return "(\(parts.joined(separator: " UNION ALL "))) AS part JOIN series ON series.id = part.series"
    }

    /// Sums by series first: the tables hold numbers only, and few series are left to be joined.
    private func part(
        of table: SumsTable,
        _ unit: UsageQuery.TimeUnit?,
        _ span: Range<Int64>,
        _ columns: [UsageSums.Column],
        _ series: [Int64]?
    ) -> String {
        var condition = "\(table.time) >= \(span.lowerBound) AND \(table.time) < \(span.upperBound)"
        if let series, span.count <= 10_000 {
            let times = span.map(String.init).joined(separator: ",")
            let numbers = series.map(String.init).joined(separator: ",")
            condition = "\(table.time) IN (\(times)) AND series IN (\(numbers))"
        }
        return """
            SELECT \(self.time(unit, of: table)) AS time, series, \(self.sums(columns, "")) FROM \(table.rawValue)
            WHERE \(condition) GROUP BY time, series
            """
    }

    private func sums(_ columns: [UsageSums.Column], _ prefix: String) -> String {
        columns.map { "\(self.db.dialect.sum(prefix + $0.name)) AS \($0.name)" }.joined(separator: ", ")
    }

    /// The unit of time that a row of the table belongs to.
    private func time(_ unit: UsageQuery.TimeUnit?, of table: SumsTable) -> String {
        let day = table.isByHour ? self.db.dialect.quotient("hour", "24") : "day"
        return switch unit {
        case nil: "0"
        case .hour: "hour"
        case .day: day
        case .month: self.db.dialect.month(ofDay: day)
        }
    }

    private static func groups(_ query: UsageQuery) -> [String] {
        (query.time == nil ? [] : ["time"]) + query.groups.map(\.column) + ["currency"]
    }

    private static func condition(_ filters: [UsageQuery.Dimension]) -> String {
        filters.isEmpty ? "" : "WHERE " + filters.map { "series.\($0.column) = ?" }.joined(separator: " AND ")
    }

    /// Always in the same order, so that equal questions are equal statements.
    private static func sorted(
        _ filters: [UsageQuery.Dimension: String]
    ) -> [(key: UsageQuery.Dimension, value: String)] {
        filters.sorted { $0.key.rawValue < $1.key.rawValue }
    }

    private static func order(_ query: UsageQuery) -> String {
        let columns = query.order.columns.map { "sum(part.\($0.name))" }
        let first =
            switch query.order {
            case .cost: columns.map { "\($0) DESC" }
            case .requests: columns.map { "\($0) DESC" }
            case .tokens: [columns.joined(separator: " + ") + " DESC"]
            case .time: query.time == nil ? ["sum(part.requests) DESC"] : []
            }
        // Equal ones in an order that is always the same.
        return (first + Self.groups(query)).joined(separator: ", ")
    }

    private static func row(_ row: [LedgerValue], _ query: UsageQuery) -> UsageRow {
        let names = query.time == nil ? 0 : 1
        let currency = names + query.groups.count
        return UsageRow(
            values: row[names..<currency].map(\.text),
            time: query.time == nil ? nil : row[0].int,
            currency: row[currency].text,
            sums: LedgerTables.sums(row[(currency + 1)...])
        )
    }

    // MARK: records

    package func records(_ query: RecordQuery) throws -> [LedgerEntry] {
        guard !query.time.isEmpty else { return [] }
        let range = UsageDay(of: query.time.lowerBound)...UsageDay(of: query.time.upperBound - 1)
        var entries: [LedgerEntry] = []
        for day in try LedgerTables(self.db).recorded().reversed() where range.contains(day) {
            if let after = query.after, day > UsageDay(of: after.startedAt) { continue }
            entries += try self.records(query, of: day, limit: query.limit - entries.count)
            if entries.count >= query.limit { break }
        }
        return entries
    }

    private func records(_ query: RecordQuery, of day: UsageDay, limit: Int) throws -> [LedgerEntry] {
        var conditions = ["startedAt >= ?", "startedAt < ?"]
        var values = [query.time.lowerBound, query.time.upperBound].map { LedgerValue.int(Int64(clamping: $0)) }
        if let after = query.after {
            conditions.append("(startedAt, process, count) < (?, ?, ?)")
            values += [.int(Int64(clamping: after.startedAt))] + Self.key(after.id)
        }
        if let outcome = query.outcome {
            conditions.append("outcome = ?")
            values.append(.text(outcome.rawValue))
        }
        for (dimension, value) in Self.sorted(query.filters) {
            conditions.append("series.\(dimension.column) = ?")
            values.append(.text(value))
        }
        let columns = ["startedAt", "process", "count", "outcome", "priceVersion", "detail"].map { "record.\($0)" }
        let names = ["namespace", "keyName", "model", "model_served", "upstream", "currency"].map { "series.\($0)" }
        let sql = """
            SELECT \((columns + names + LedgerTables.sums.map { "record.\($0)" }).joined(separator: ", "))
            FROM \(LedgerTables.name(day)) AS record \(self.db.dialect.inOrder) series ON series.id = record.series
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY startedAt DESC, process DESC, count DESC LIMIT \(limit)
            """
        return try self.db.rows(sql, values, isRare: true).map { try Self.ledgerRow($0).entry() }
    }

    private static func ledgerRow(_ row: [LedgerValue]) -> LedgerRow {
        LedgerRow(
            startedAt: row[0].int,
            process: row[1].int,
            count: row[2].int,
            series: UsageSeries(
                namespace: row[6].text,
                key: row[7].text,
                model: row[8].text,
                modelServed: row[9].text,
                upstream: row[10].text,
                currency: row[11].text
            ),
            outcome: row[3].text,
            sums: LedgerTables.sums(row[12...]),
            priceVersion: row[4].text,
            detail: row[5].bytes
        )
    }

    private static func key(_ id: RecordID) -> [LedgerValue] {
        [.int(Int64(bitPattern: id.process)), .int(Int64(bitPattern: id.count))]
    }

    package func missing(among records: [UsageRecord]) throws -> [UsageRecord] {
        let tables = LedgerTables(self.db)
        let firstDay = try tables.firstDay()
        let days = Set(try tables.recorded())
        return try records.filter { record in
            let day = UsageDay(of: record.startedAt)
            guard day >= firstDay else { return false }
            guard days.contains(day) else { return true }
            return try self.db.rows(
                "SELECT 1 FROM \(LedgerTables.name(day)) WHERE startedAt = ? AND process = ? AND count = ?",
                [.int(Int64(clamping: record.startedAt))] + Self.key(record.id)
            ).isEmpty
        }
    }
}

extension LedgerDialect {
    /// A join that reads the table before it first, in the order of its key: records are wanted newest first.
    fileprivate var inOrder: String {
        switch self {
        case .sqlite: "CROSS JOIN"
        case .mysql: "STRAIGHT_JOIN"
        }
    }
}

extension UsageQuery.Dimension {
    /// Its column in the table of series; `key` is a word of SQL.
    var column: String { self == .key ? "keyName" : self.rawValue }
}
