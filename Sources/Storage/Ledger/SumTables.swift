/// Where sums are kept: by hour and by day, each for every series and for all keys together.
package enum SumsTable: String, Sendable, CaseIterable {
    case hours = "usageByHour"
    case days = "usageByDay"
    case hoursOfAllKeys = "usageOfAllKeysByHour"
    case daysOfAllKeys = "usageOfAllKeysByDay"

    package var isByHour: Bool { self == .hours || self == .hoursOfAllKeys }

    /// The column of its time.
    package var time: String { self.isByHour ? "hour" : "day" }

    /// The table that answers a question.
    package static func answering(_ query: UsageQuery, byHour: Bool) -> SumsTable {
        byHour ? (query.isOfKeys ? .hours : .hoursOfAllKeys) : (query.isOfKeys ? .days : .daysOfAllKeys)
    }
}

/// The sums that one batch adds, by hour or day and series.
package struct SumTable: Sendable, Equatable {
    package struct Key: Sendable, Hashable {
        /// Hours or days since 1970.
        package let time: Int64
        /// The series' number.
        package let series: Int64

        package init(time: Int64, series: Int64) {
            self.time = time
            self.series = series
        }
    }

    package private(set) var sums: [Key: UsageSums] = [:]

    package init() {}

    package mutating func add(_ sums: UsageSums, time: Int64, series: Int64) {
        self.sums[Key(time: time, series: series), default: UsageSums()].add(sums)
    }
}

/// What records add to every table of sums.
package struct SumTables: Sendable {
    package private(set) var tables: [SumsTable: SumTable] = [:]

    package init() {}

    /// `series` and `ofAllKeys` are the numbers of the record's series and of that of all keys.
    package mutating func add(_ sums: UsageSums, hour: Int64, series: Int64, ofAllKeys: Int64) {
        self.tables[.hours, default: SumTable()].add(sums, time: hour, series: series)
        self.tables[.days, default: SumTable()].add(sums, time: hour / 24, series: series)
        self.tables[.hoursOfAllKeys, default: SumTable()].add(sums, time: hour, series: ofAllKeys)
        self.tables[.daysOfAllKeys, default: SumTable()].add(sums, time: hour / 24, series: ofAllKeys)
    }

    package subscript(table: SumsTable) -> SumTable { self.tables[table] ?? SumTable() }
}
