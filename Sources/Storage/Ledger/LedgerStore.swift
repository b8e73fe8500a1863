package import GatewayModel

/// Where the usage ledger keeps what gateways have shipped: each record once, and sums of them by hour and by day.
///
/// A record is known by its id and its start, which belong together for good. Storing one again changes nothing, so a
/// shipper that got no answer sends again, and several token services may store at the same time.
package protocol LedgerStore: Sendable {
    /// Stores what is not there yet and adds it to the sums, all of it or nothing.
    func ingest(_ entries: [LedgerEntry]) async throws -> IngestReport

    /// Sums by the dimensions that the query names. Reads sums only, never records.
    func usage(_ query: UsageQuery) async throws -> [UsageRow]

    /// Records, newest first.
    func records(_ query: RecordQuery) async throws -> [LedgerEntry]

    /// Which of these records are not stored, among those that would be.
    func missing(among records: [UsageRecord]) async throws -> [UsageRecord]

    /// Removes the records of days before `day`, whole days at a time and in constant memory; their sums stay. From then
    /// on records of those days are not stored any more. Returns the days that were removed.
    func dropDays(before day: UsageDay) async throws -> [UsageDay]

    /// The days that can be verified, oldest first: those not removed that have records, or sums.
    func days() async throws -> [UsageDay]

    /// Compares the sums of a day with its records, and with `repair` makes the sums anew where they differ.
    func verify(_ day: UsageDay, repair: Bool) async throws -> DayVerdict
}

/// A day in UTC: days since 1970-01-01.
package struct UsageDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let number: Int64

    package init(_ number: Int64) { self.number = number }

    /// The day of a time in nanoseconds since 1970.
    package init(of nanoseconds: UInt64) { self.number = Int64(nanoseconds / 86_400_000_000_000) }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    /// `2026-11-26`
    package var description: String { String(Timestamp.text(self.number * 86_400).prefix(10)) }

    /// Hours since 1970 at which the day begins and ends.
    package var hours: Range<Int64> { self.number * 24..<(self.number + 1) * 24 }
}

/// A record with what it cost.
package struct LedgerEntry: Sendable, Equatable {
    package var record: UsageRecord
    /// Nil: no price was known.
    package var cost: Money?
    /// Which price of which book; empty when none was known.
    package var priceVersion: String

    package init(_ record: UsageRecord, cost: Money?, priceVersion: String) {
        self.record = record
        self.cost = cost
        self.priceVersion = priceVersion
    }
}

/// What became of the records of one batch.
package struct IngestReport: Sendable, Equatable {
    package var stored = 0
    /// Were stored before.
    package var duplicates = 0
    /// Of days whose records have been removed: whether they were stored before cannot be told any more.
    package var expired = 0

    package init() {}
}

/// What a comparison of a day's sums with its records found.
package struct DayVerdict: Sendable, Equatable {
    package let day: UsageDay
    package let records: Int64
    /// Sums, of an hour or of the day, that are not those of the records; missing ones and superfluous ones included.
    package let differences: Int
    package let isRepaired: Bool

    package init(day: UsageDay, records: Int64, differences: Int, isRepaired: Bool) {
        self.day = day
        self.records = records
        self.differences = differences
        self.isRepaired = isRepaired
    }
}
