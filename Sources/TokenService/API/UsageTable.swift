internal import GatewayModel
internal import Storage

/// Rows of usage as JSON objects, and as CSV (RFC 4180).
enum UsageTable {
    /// A row's fields in their order. Money is an exact decimal number in a string.
    static func document(_ row: UsageRow, _ query: UsageQuery) -> DocumentValue {
        var object = DocumentObject()
        if let unit = query.time, let time = row.time { object.set(unit.rawValue, .string(Self.text(time, unit))) }
        for (dimension, value) in zip(query.groups, row.values) { object.set(dimension.rawValue, .string(value)) }
        let sums = row.sums
        object.set("requests", .int(sums[.requests]))
        object.set("failed", .int(sums[.failed]))
        for kind in TokenUsage.Kind.allCases { object.set(kind.fieldName, .int(sums.tokens(kind))) }
        object.set("tokens", .int(sums.tokens))
        object.set("cost", .string(Money(picounits: sums.picounits, currency: row.currency).decimal))
        object.set("currency", .string(row.currency))
        object.set("unpriced", .int(sums[.unpriced]))
        object.set("duration_ms_mean", Self.mean(sums[.durationMicros], sums[.requests]))
        object.set("first_byte_ms_mean", Self.mean(sums[.firstByteMicros], sums[.firstBytes]))
        return .object(object)
    }

    /// A record's fields with what it cost.
    static func document(_ entry: LedgerEntry) -> DocumentValue {
        var object = entry.record.document.object ?? DocumentObject()
        object.set("time", .string(Timestamp.text(Int64(entry.record.startedAt / 1_000_000_000))))
        object.set("cost", entry.cost.map { .string($0.decimal) } ?? .null)
        object.set("currency", .string(entry.cost?.currency ?? ""))
        object.set("price_version", .string(entry.priceVersion))
        return .object(object)
    }

    /// A record with every field, whether it says anything or not, so that all rows of a table have the same columns.
    static func exported(_ entry: LedgerEntry) -> DocumentValue {
        var object = Self.document(entry).object ?? DocumentObject()
        let optional =
            ["tags", "matched_headers", "estimated_input", "limit", "limit_remaining"]
            + TokenUsage.Part.allCases.map(\.fieldName) + ["sent_after", "first_byte_after"]
        let values = optional.map { ($0, object[$0] ?? .null) }
        for name in optional { object.remove(name) }
        for (name, value) in values { object.set(name, value) }
        return .object(object)
    }

    /// The mean in milliseconds, of microseconds.
    private static func mean(_ sum: Int64, _ count: Int64) -> DocumentValue {
        count == 0 ? .null : .double((Double(sum) / Double(count)).rounded() / 1000)
    }

    /// `2026-11-26T08:00:00Z`, `2026-11-26`, `2026-11`
    private static func text(_ time: Int64, _ unit: UsageQuery.TimeUnit) -> String {
        switch unit {
        case .hour: Timestamp.text(time * 3600)
        case .day: UsageDay(time).description
        case .month: "\(time / 100)-\(time % 100 < 10 ? "0" : "")\(time % 100)"
        }
    }

    // MARK: CSV

    /// The heading over the rows of an answer, also over none.
    static func csvHeading(_ query: UsageQuery) -> String {
        let values = query.groups.map { _ in "" }
        return Self.csvHeading(Self.document(UsageRow(values: values, time: 0, currency: "", sums: UsageSums()), query))
    }

    /// The heading over records.
    static func csvHeadingOfRecords() -> String {
        let record = UsageRecord(id: RecordID(process: 0, count: 0), startedAt: 0)
        return Self.csvHeading(Self.exported(LedgerEntry(record, cost: nil, priceVersion: "")))
    }

    private static func csvHeading(_ document: DocumentValue) -> String {
        (document.object?.fields.map(\.name) ?? []).joined(separator: ",") + "\r\n"
    }

    static func csvRow(_ document: DocumentValue) -> String {
        (document.object?.fields.map { Self.csvField($0.value) } ?? []).joined(separator: ",") + "\r\n"
    }

    private static func csvField(_ value: DocumentValue) -> String {
        switch value {
        case .null: return ""
        case .string(let text): return Self.quoted(text)
        case .object, .array: return Self.quoted(String(decoding: value.json(), as: UTF8.self))
        default: return String(decoding: value.json(), as: UTF8.self)
        }
    }

    /// Callers choose names of models and tags, and a spreadsheet takes what begins like a formula for one: an apostrophe
    /// before it keeps it a text.
    private static func quoted(_ text: String) -> String {
        var text = text
        if let first = text.first, "=+-@\t\r".contains(first), Double(text) == nil { text = "'" + text }
        guard text.contains(where: { ",\"\r\n".contains($0) || $0 == "\r\n" }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
