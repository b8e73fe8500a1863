internal import Foundation
internal import GRDB
internal import GatewayModel
internal import Storage

/// Answers questions about usage: sums from the tables of sums, records from those of their days.
struct LedgerReader {
    let db: Database

    // MARK: sums

    func usage(_ query: UsageQuery) throws -> [UsageRow] {
        let (days, hours) = query.spans
        let series = try self.series(query)
        let parts =
            (days.isEmpty ? [] : [Self.part(of: .answering(query, byHour: false), query.time, days, series)])
            + hours.map { Self.part(of: .answering(query, byHour: true), query.time, $0, series) }
        guard series != [], !parts.isEmpty else { return [] }
        let filters = query.filters.sorted { $0.key.rawValue < $1.key.rawValue }
        let arguments = filters.map(\.value)
        let sql = """
            SELECT \(Self.groups(query).joined(separator: ", ")), \(Self.sums)
            FROM (\(parts.joined(separator: " UNION ALL "))) AS part JOIN series ON series.id = part.series
            \(Self.condition(filters.map(\.key)))
            GROUP BY \(Self.groups(query).joined(separator: ", "))
            ORDER BY \(Self.order(query)) LIMIT \(query.limit)
            """
        return try Row.fetchAll(self.db, sql: sql, arguments: StatementArguments(arguments)).map { Self.row($0, query) }
    }

    /// Series up to this number are looked up one by one in each hour or day, instead of reading all that is there.
    private static let sparse = 256

    /// The numbers of the series that the filters leave, when they are few; nil when they are many or all.
    private func series(_ query: UsageQuery) throws -> [Int64]? {
        guard !query.filters.isEmpty else { return nil }
        let filters = query.filters.sorted { $0.key.rawValue < $1.key.rawValue }
        let numbers = try Int64.fetchAll(
            self.db,
            sql: """
                SELECT id FROM series \(Self.condition(filters.map(\.key))) AND "key" \(query.isOfKeys ? "<>" : "=") ?
                LIMIT \(Self.sparse + 1)
                """,
            arguments: StatementArguments(filters.map(\.value) + [UsageSeries.allKeys])
        )
        return numbers.count > Self.sparse ? nil : numbers
    }

    /// Sums by series first: the tables hold numbers only, and few series are left to be joined.
    private static func part(
        of table: SumsTable,
        _ unit: UsageQuery.TimeUnit?,
        _ span: Range<Int64>,
        _ series: [Int64]?
    ) -> String {
        var condition = "\(table.time) >= \(span.lowerBound) AND \(table.time) < \(span.upperBound)"
        if let series, span.count <= 10_000 {
            let times = span.map(String.init).joined(separator: ",")
            let numbers = series.map(String.init).joined(separator: ",")
            condition = "\(table.time) IN (\(times)) AND series IN (\(numbers))"
        }
        return """
            SELECT \(Self.time(unit, of: table)) AS time, series, \(Self.sums) FROM \(table.rawValue)
            WHERE \(condition) GROUP BY 1, series
            """
    }

    private static let sums = LedgerTables.sums.map { "sum(\($0)) AS \($0)" }.joined(separator: ", ")

    /// The unit of time that a row of the table belongs to.
    private static func time(_ unit: UsageQuery.TimeUnit?, of table: SumsTable) -> String {
        let seconds = table.isByHour ? "hour * 3600" : "day * 86400"
        return switch unit {
        case nil: "0"
        case .hour: "hour"
        case .day: table.isByHour ? "hour / 24" : "day"
        case .month: "CAST(strftime('%Y%m', \(seconds), 'unixepoch') AS INTEGER)"
        }
    }

    private static func groups(_ query: UsageQuery) -> [String] {
        (query.time == nil ? [] : ["time"]) + query.groups.map { #""\#($0.rawValue)""# } + ["currency"]
    }

    private static func condition(_ filters: [UsageQuery.Dimension]) -> String {
        filters.isEmpty
            ? "" : "WHERE " + filters.map { #"series."\#($0.rawValue)" = ?"# }.joined(separator: " AND ")
    }

    private static func order(_ query: UsageQuery) -> String {
        let tokens = TokenUsage.Kind.allCases.map { "sum(part.\(UsageSums.Column($0).rawValue))" }.joined(
            separator: " + "
        )
        let first =
            switch query.order {
            case .cost: "sum(part.costMicros) DESC, sum(part.costRest) DESC"
            case .requests: "sum(part.requests) DESC"
            case .tokens: "\(tokens) DESC"
            case .time: query.time == nil ? "sum(part.requests) DESC" : "time"
            }
        // Equal ones in an order that is always the same.
        return ([first] + Self.groups(query)).joined(separator: ", ")
    }

    private static func row(_ row: Row, _ query: UsageQuery) -> UsageRow {
        UsageRow(
            values: query.groups.map { row[$0.rawValue] },
            time: query.time == nil ? nil : row["time"],
            currency: row["currency"],
            sums: UsageSums(values: LedgerTables.sums.map { row[$0] })
        )
    }

    // MARK: records

    func records(_ query: RecordQuery) throws -> [LedgerEntry] {
        guard !query.time.isEmpty else { return [] }
        let range = UsageDay(of: query.time.lowerBound)...UsageDay(of: query.time.upperBound - 1)
        var entries: [LedgerEntry] = []
        for day in try LedgerTables.days(self.db).reversed() where range.contains(day) {
            if let after = query.after, day > UsageDay(of: after.startedAt) { continue }
            entries += try self.records(query, of: day, limit: query.limit - entries.count)
            if entries.count >= query.limit { break }
        }
        return entries
    }

    private func records(_ query: RecordQuery, of day: UsageDay, limit: Int) throws -> [LedgerEntry] {
        var conditions = ["startedAt >= ?", "startedAt < ?"]
        var arguments: [any DatabaseValueConvertible] = [
            Int64(clamping: query.time.lowerBound), Int64(clamping: query.time.upperBound),
        ]
        if let after = query.after {
            conditions.append("(startedAt, process, count) < (?, ?, ?)")
            arguments += [Int64(clamping: after.startedAt), Int64(bitPattern: after.id.process)]
            arguments.append(Int64(bitPattern: after.id.count))
        }
        if let outcome = query.outcome {
            conditions.append("outcome = ?")
            arguments.append(outcome.rawValue)
        }
        for (dimension, value) in query.filters.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            conditions.append(#"series."\#(dimension.rawValue)" = ?"#)
            arguments.append(value)
        }
        let sql = """
            SELECT record.*, namespace, "key", model, model_served, upstream, currency
            FROM \(LedgerTables.name(day)) AS record CROSS JOIN series ON series.id = record.series
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY startedAt DESC, process DESC, count DESC LIMIT \(limit)
            """
        return try Row.fetchAll(self.db, sql: sql, arguments: StatementArguments(arguments)).map {
            try Self.ledgerRow($0).entry()
        }
    }

    private static func ledgerRow(_ row: Row) -> LedgerRow {
        let detail: Data = row["detail"]
        return LedgerRow(
            startedAt: row["startedAt"],
            process: row["process"],
            count: row["count"],
            series: UsageSeries(
                namespace: row["namespace"],
                key: row["key"],
                model: row["model"],
                modelServed: row["model_served"],
                upstream: row["upstream"],
                currency: row["currency"]
            ),
            outcome: row["outcome"],
            sums: UsageSums(values: LedgerTables.sums.map { row[$0] }),
            priceVersion: row["priceVersion"],
            detail: Array(detail)
        )
    }

    func missing(among records: [UsageRecord]) throws -> [UsageRecord] {
        let firstDay = try LedgerTables.firstDay(self.db)
        let days = Set(try LedgerTables.days(self.db))
        return try records.filter { record in
            let day = UsageDay(of: record.startedAt)
            guard day >= firstDay else { return false }
            guard days.contains(day) else { return true }
            let find = try self.db.cachedStatement(
                sql: "SELECT 1 FROM \(LedgerTables.name(day)) WHERE startedAt = ? AND process = ? AND count = ?"
            )
            let key = [
                Int64(clamping: record.startedAt), Int64(bitPattern: record.id.process),
                Int64(bitPattern: record.id.count),
            ]
            return try Int64.fetchOne(find, arguments: StatementArguments(key)) == nil
        }
    }
}
