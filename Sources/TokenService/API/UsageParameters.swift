internal import GatewayModel
internal import ServiceKit
internal import Storage

/// What a question about usage says in its query, checked.
struct UsageParameters {
    static let rowLimit = 10_000
    static let defaultRows = 100

    let request: ServiceRequest
    /// Seconds since 1970.
    let now: Int64

    /// The parameters that every question has.
    static let common: [Endpoint.Query] =
        [
            .init("from", "Begin, as `2026-11-26` or `2026-11-26T08:00:00Z`; 24 hours ago if not given."),
            .init("to", "End, not included; now if not given."),
            .init("format", "`json`, `csv` or `jsonl`; json if not given."),
        ] + UsageQuery.Dimension.allCases.map { .init($0.rawValue, "Only this \($0.label).") }

    static let sums: [Endpoint.Query] =
        Self.common + [
            .init(
                "group",
                "What to add up by, with commas: namespace, key, model, model_served, upstream; and hour, day or month."
            ),
            .init(
                "order",
                "Largest `cost`, `requests` or `tokens` first, or `time`. Cost, or time where grouped by it."
            ),
            .init("limit", "At most this many rows, 1 to \(Self.rowLimit); \(Self.defaultRows) if not given."),
        ]

    enum Format: String, CaseIterable {
        case json, csv, jsonl
    }

    func format() throws -> Format { try self.choice("format") ?? .json }

    /// Seconds since 1970. Throws when the end is not behind the begin.
    func time() throws -> Range<Int64> {
        let end = try self.instant("to") ?? self.now + 1
        let begin = try self.instant("from") ?? end - 86_400
        guard begin < end else { throw ServiceProblem(.malformedRequest, "`from` must be before `to`.") }
        return begin..<end
    }

    func filters() -> [UsageQuery.Dimension: String] {
        var filters: [UsageQuery.Dimension: String] = [:]
        for dimension in UsageQuery.Dimension.allCases { filters[dimension] = self.text(dimension.rawValue) }
        return filters
    }

    func sumsQuery() throws -> UsageQuery {
        let time = try self.time()
        var groups: [UsageQuery.Dimension] = []
        var unit: UsageQuery.TimeUnit?
        for name in (self.text("group") ?? "").split(separator: ",").map(String.init) {
            if let dimension = UsageQuery.Dimension(rawValue: name) {
                if !groups.contains(dimension) { groups.append(dimension) }
            } else if unit == nil, let time = UsageQuery.TimeUnit(rawValue: name) {
                unit = time
            } else {
                let allowed =
                    UsageQuery.Dimension.allCases.map(\.rawValue) + UsageQuery.TimeUnit.allCases.map(\.rawValue)
                throw ServiceProblem(
                    .malformedRequest,
                    "`group` names `\(name.prefix(64))`; allowed: \(allowed.joined(separator: ", ")), one time at most."
                )
            }
        }
        return UsageQuery(
            // Whole hours: the sums know no smaller ones.
            hours: time.lowerBound / 3600..<(time.upperBound + 3599) / 3600,
            groups: groups,
            time: unit,
            filters: self.filters(),
            order: try self.choice("order") ?? (unit == nil ? .cost : .time),
            limit: try self.limit(default: Self.defaultRows, most: Self.rowLimit)
        )
    }

    func recordQuery() throws -> RecordQuery {
        let time = try self.time()
        let nanoseconds = { (seconds: Int64) in UInt64(seconds) * 1_000_000_000 }
        return RecordQuery(
            time: nanoseconds(time.lowerBound)..<nanoseconds(time.upperBound),
            filters: self.filters(),
            outcome: try self.choice("outcome"),
            after: try self.place(),
            limit: try self.limit(default: PageRequest.defaultLimit, most: PageRequest.maximumLimit)
        )
    }

    private func place() throws -> RecordQuery.Place? {
        guard let text = self.text("after") else { return nil }
        guard let place = RecordQuery.Place(text) else {
            throw ServiceProblem(.malformedRequest, "`after` must be what a page named as `next`.")
        }
        return place
    }

    func limit(default fallback: Int, most: Int) throws -> Int {
        guard let text = self.text("limit") else { return fallback }
        guard let limit = Int(text), (1...most).contains(limit) else {
            throw ServiceProblem(.malformedRequest, "`limit` must be a number from 1 to \(most).")
        }
        return limit
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(_ name: String) throws -> Choice?
    where Choice.RawValue == String {
        guard let text = self.text(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ServiceProblem(.malformedRequest, "`\(name)` must be one of: \(allowed).")
        }
        return choice
    }

    /// A time, or a day's begin.
    private func instant(_ name: String) throws -> Int64? {
        guard let text = self.text(name) else { return nil }
        let whole = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        guard let seconds = Timestamp.seconds(whole), seconds >= 0 else {
            throw ServiceProblem(.malformedRequest, "`\(name)` must be a day or a time, as in 2026-11-26T08:00:00Z.")
        }
        return seconds
    }

    /// Nil when it is not there or empty.
    private func text(_ name: String) -> String? {
        let text = self.request.query(name)
        return text?.isEmpty == false ? text : nil
    }
}

extension UsageQuery.Dimension {
    var label: String { self == .modelServed ? "model that served" : self.rawValue }
}
