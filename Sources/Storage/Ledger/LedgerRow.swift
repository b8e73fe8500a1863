internal import GatewayModel

/// What the sums of several records have in common: a row of the table of series, to which records and sums refer by
/// number.
package struct UsageSeries: Sendable, Hashable {
    package var namespace: String
    package var key: String
    package var model: String
    package var modelServed: String
    package var upstream: String
    /// ISO 4217; empty for what has no price.
    package var currency: String

    package init(namespace: String, key: String, model: String, modelServed: String, upstream: String, currency: String)
    {
        self.namespace = namespace
        self.key = key
        self.model = model
        self.modelServed = modelServed
        self.upstream = upstream
        self.currency = currency
    }

    /// The series of all keys together: most questions are not about keys, and have a fraction of the sums to read in it.
    /// No key can be called so.
    package var ofAllKeys: UsageSeries {
        var series = self
        series.key = Self.allKeys
        return series
    }

    package static let allKeys = "*"

    package init(_ entry: LedgerEntry) {
        let record = entry.record
        self.init(
            namespace: record.namespace,
            key: record.key,
            model: record.modelAsked,
            modelServed: record.modelServed,
            upstream: record.upstream,
            currency: entry.cost?.currency ?? ""
        )
    }
}

/// A record as its row holds it: what sums and queries need as columns, everything else as JSON.
package struct LedgerRow: Sendable, Equatable {
    package var startedAt: Int64
    /// The halves of the id, bit by bit.
    package var process: Int64
    package var count: Int64
    package var series: UsageSeries
    package var outcome: String
    package var sums: UsageSums
    package var priceVersion: String
    /// Fields of the record's written form that are not columns.
    package var detail: [UInt8]

    package init(
        startedAt: Int64,
        process: Int64,
        count: Int64,
        series: UsageSeries,
        outcome: String,
        sums: UsageSums,
        priceVersion: String,
        detail: [UInt8]
    ) {
        self.startedAt = startedAt
        self.process = process
        self.count = count
        self.series = series
        self.outcome = outcome
        self.sums = sums
        self.priceVersion = priceVersion
        self.detail = detail
    }

    package init(_ entry: LedgerEntry) {
        let record = entry.record
        self.init(
            startedAt: Int64(clamping: record.startedAt),
            process: Int64(bitPattern: record.id.process),
            count: Int64(bitPattern: record.id.count),
            series: UsageSeries(entry),
            outcome: record.outcome.rawValue,
            sums: UsageSums(entry),
            priceVersion: entry.priceVersion,
            detail: record.detail.json()
        )
    }

    package var day: UsageDay { UsageDay(of: UInt64(self.startedAt)) }

    /// Hours since 1970.
    package var hour: Int64 { self.startedAt / 3_600_000_000_000 }

    /// The record again. Throws `StorageError` when the row is damaged.
    package func entry() throws -> LedgerEntry {
        let id = RecordID(process: UInt64(bitPattern: self.process), count: UInt64(bitPattern: self.count))
        guard var fields = (try? DocumentValue(json: self.detail))?.object else {
            throw StorageError.unreadable("the record \(id)")
        }
        fields.set("id", .string(id.description))
        fields.set("started_at", .int(self.startedAt))
        fields.set("namespace", .string(self.series.namespace))
        fields.set("key", .string(self.series.key))
        fields.set("model", .string(self.series.model))
        fields.set("model_served", .string(self.series.modelServed))
        fields.set("upstream", .string(self.series.upstream))
        fields.set("outcome", .string(self.outcome))
        for kind in TokenUsage.Kind.allCases { fields.set(kind.fieldName, .int(self.sums.tokens(kind))) }
        let log = ProblemLog()
        let record = UsageRecord(reading: FieldReader(.object(fields), at: "", log: log))
        guard log.problems.isEmpty else { throw StorageError.unreadable("the record \(id)") }
        let isPriced = !self.series.currency.isEmpty
        let cost = isPriced ? Money(picounits: self.sums.picounits, currency: self.series.currency) : nil
        return LedgerEntry(record, cost: cost, priceVersion: self.priceVersion)
    }
}
