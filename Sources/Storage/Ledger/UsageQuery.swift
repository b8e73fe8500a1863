package import GatewayModel

/// A question about usage: sums over a time, grouped and ordered.
package struct UsageQuery: Sendable, Equatable {
    /// Hours since 1970; the end is not included.
    package var hours: Range<Int64>
    package var groups: [Dimension]
    package var time: TimeUnit?
    /// Values that a dimension must have.
    package var filters: [Dimension: String]
    package var order: Order
    /// At most this many rows.
    package var limit: Int

    package init(
        hours: Range<Int64>,
        groups: [Dimension] = [],
        time: TimeUnit? = nil,
        filters: [Dimension: String] = [:],
        order: Order = .cost,
        limit: Int = 100
    ) {
        self.hours = hours
        self.groups = groups
        self.time = time
        self.filters = filters
        self.order = order
        self.limit = limit
    }

    /// What usage can be grouped by. The raw values name columns.
    package enum Dimension: String, Sendable, CaseIterable {
        case namespace, key, model
        case modelServed = "model_served"
        case upstream
    }

    package enum TimeUnit: String, Sendable, CaseIterable {
        case hour, day, month
    }

    /// Largest first, except for `time`: earliest first.
    package enum Order: String, Sendable, CaseIterable {
        case cost, requests, tokens, time

        /// The sums that decide it, the first one first; of `tokens` all together.
        var columns: [UsageSums.Column] {
            switch self {
            case .cost: [.costMicros, .costRest]
            case .requests: [.requests]
            case .tokens: TokenUsage.Kind.allCases.map { UsageSums.Column($0) }
            case .time: []
            }
        }
    }

    /// Whether the answer depends on keys; if not, the sums of all keys together answer it.
    package var isOfKeys: Bool { self.groups.contains(.key) || self.filters[.key] != nil }

    /// Whether some of the groups are wanted, the largest, and each of them once.
    var wantsLargest: Bool { self.time == nil && self.order != .time && !self.groups.isEmpty }

    /// The parts of the time that whole days answer, and the hours before and after them.
    package var spans: (days: Range<Int64>, hours: [Range<Int64>]) {
        let first = (self.hours.lowerBound + 23) / 24
        let last = self.hours.upperBound / 24
        guard self.time != .hour, first < last else { return (0..<0, [self.hours]) }
        let edges = [self.hours.lowerBound..<first * 24, last * 24..<self.hours.upperBound]
        return (first..<last, edges.filter { !$0.isEmpty })
    }
}

/// One row of an answer. Amounts of different currencies are never added: a group that has several has a row for each.
package struct UsageRow: Sendable, Equatable {
    /// In the order of the query's groups.
    package var values: [String]
    /// The hour or the day since 1970, or the month as `year * 100 + month`; nil when the query has no unit of time.
    package var time: Int64?
    /// Empty for what has no price.
    package var currency: String
    package var sums: UsageSums

    package init(values: [String], time: Int64?, currency: String, sums: UsageSums) {
        self.values = values
        self.time = time
        self.currency = currency
        self.sums = sums
    }
}

/// Which records to list.
package struct RecordQuery: Sendable, Equatable {
    /// Nanoseconds since 1970.
    package var time: Range<UInt64>
    package var filters: [UsageQuery.Dimension: String]
    package var outcome: Outcome?
    /// Continue behind, that is before, this record.
    package var after: Place?
    package var limit: Int

    package init(
        time: Range<UInt64>,
        filters: [UsageQuery.Dimension: String] = [:],
        outcome: Outcome? = nil,
        after: Place? = nil,
        limit: Int = 100
    ) {
        self.time = time
        self.filters = filters
        self.outcome = outcome
        self.after = after
        self.limit = limit
    }

    /// Where a record stands among all.
    package struct Place: Sendable, Equatable, CustomStringConvertible {
        package let startedAt: UInt64
        package let id: RecordID

        package init(_ record: UsageRecord) {
            self.startedAt = record.startedAt
            self.id = record.id
        }

        /// Reads `description` back.
        package init?(_ text: String) {
            let parts = text.split(separator: "-", maxSplits: 1)
            guard parts.count == 2, let startedAt = UInt64(parts[0]), let id = RecordID(String(parts[1])) else {
                return nil
            }
            self.startedAt = startedAt
            self.id = id
        }

        package var description: String { "\(self.startedAt)-\(self.id)" }
    }
}
