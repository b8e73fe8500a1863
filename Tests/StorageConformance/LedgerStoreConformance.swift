package import GatewayModel
package import Storage
import Testing

/// What every driver of the ledger must do alike, as one list of behaviours: each driver's tests run all of them on stores of
/// their own.
package enum LedgerStoreConformance: String, CaseIterable, Sendable {
    case givesBackEveryField
    case storesEachRecordOnce
    case severalStoresMayStoreTheSameAtOnce
    case sumsAreExact
    case theLargestComeFirst
    case theLargestAreThoseOfAll
    case keepsTextsUpToTheirLimits
    case pagesGiveEachRecordOnceNewestFirst
    case aDroppedDayLeavesItsSums
    case tellsWhatIsMissing
    case noFigureBreaksTheSums

    /// Gives a further store on the same database, as another process has it.
    package typealias Opener = @Sendable () async throws -> any LedgerStore

    /// Holds an empty store to the behaviour. Failures are recorded as the running test's issues.
    package func hold(_ store: any LedgerStore, open: Opener) async throws {
        switch self {
        case .givesBackEveryField: try await Self.givesBackEveryField(store, open)
        case .storesEachRecordOnce: try await Self.storesEachRecordOnce(store, open)
        case .severalStoresMayStoreTheSameAtOnce: try await Self.severalStoresMayStoreTheSameAtOnce(store, open)
        case .sumsAreExact: try await Self.sumsAreExact(store, open)
        case .theLargestComeFirst: try await Self.theLargestComeFirst(store, open)
        case .theLargestAreThoseOfAll: try await Self.theLargestAreThoseOfAll(store, open)
        case .keepsTextsUpToTheirLimits: try await Self.keepsTextsUpToTheirLimits(store, open)
        case .pagesGiveEachRecordOnceNewestFirst: try await Self.pagesGiveEachRecordOnceNewestFirst(store, open)
        case .aDroppedDayLeavesItsSums: try await Self.aDroppedDayLeavesItsSums(store, open)
        case .tellsWhatIsMissing: try await Self.tellsWhatIsMissing(store, open)
        case .noFigureBreaksTheSums: try await Self.noFigureBreaksTheSums(store, open)
        }
    }
}

extension LedgerStoreConformance {
    package static let day = UsageDay(20_000)

    package static func entry(
        _ number: Int,
        hour: Int64 = 0,
        namespace: String = "search",
        picounits: Int128? = 1,
        _ change: (inout UsageRecord) -> Void = { _ in }
    ) -> LedgerEntry {
        let count = UInt64(number)
        let start = UInt64((Self.day.number * 24 + hour) * 3_600_000_000_000) + count
        var record = UsageRecord(id: RecordID(process: UInt64.max - 1, count: count), startedAt: start)
        record.namespace = namespace
        record.outcome = .complete
        record.code = nil
        record.usage.source = .provider
        record.usage.input = 10
        change(&record)
        let cost = picounits.map { Money(picounits: $0, currency: "USD") }
        return LedgerEntry(record, cost: cost, priceVersion: picounits == nil ? "" : "book 1")
    }

    static func hours(_ days: Range<Int64> = 0..<1) -> Range<Int64> {
        (Self.day.number + days.lowerBound) * 24..<(Self.day.number + days.upperBound) * 24
    }

    private static func givesBackEveryField(_ store: any LedgerStore, _ open: Opener) async throws {
        let entry = Self.entry(7, picounits: 123_456_789_012_345) { record in
            (record.key, record.modelAsked, record.modelServed) = ("prod é", "gpt", "gpt-2026")
            (record.route, record.upstream, record.path) = ("r", "openai", "/v1/chat/completions")
            (record.dialect, record.callerDialect) = ("openai", "anthropic")
            (record.stream, record.requestBytes, record.responseBytes) = (true, 12, 34)
            (record.snapshotVersion, record.endUser) = (9, "u-1 🙂")
            record.tags = [.init("team", "search"), .init("ticket", "42")]
            record.matchedHeaders = [.init("x-tenant", "a")]
            (record.estimatedInput, record.limit, record.limitRemaining) = (100, 60, 0)
            (record.outcome, record.code) = (.upstreamCut, .upstreamStalled)
            (record.status, record.attempts) = (200, 3)
            (record.sentAfter, record.firstByteAfter, record.endedAfter) = (1, 2, 3_000_000_001)
            for (index, kind) in TokenUsage.Kind.allCases.enumerated() { record.usage[kind] = UInt64(index) }
            for (index, part) in TokenUsage.Part.allCases.enumerated() { record.usage[part] = UInt64(index + 1) }
            record.usage.source = .partial
        }
        let report = try await store.ingest([entry])
        let all = try await store.records(RecordQuery(time: 0..<UInt64(Int64.max)))
        #expect(report.stored == 1)
        #expect(all == [entry])
    }

    private static func storesEachRecordOnce(_ store: any LedgerStore, _ open: Opener) async throws {
        let entries = (1...10).map { Self.entry($0) }
        var report = try await store.ingest(Array(entries[0..<6]))
        #expect((report.stored, report.duplicates) == (6, 0))
        report = try await store.ingest(Array(entries[3..<10]))
        #expect((report.stored, report.duplicates) == (4, 3))
        // Within one batch, too.
        report = try await store.ingest([Self.entry(11), Self.entry(11)])
        #expect((report.stored, report.duplicates) == (1, 1))
        let row = try #require(try await store.usage(UsageQuery(hours: Self.hours())).first)
        #expect((row.sums[.requests], row.sums.picounits) == (11, 11))
    }

    private static func severalStoresMayStoreTheSameAtOnce(_ store: any LedgerStore, _ open: Opener) async throws {
        let stores = [store, try await open(), try await open()]
        let entries = (1...600).map { Self.entry($0, hour: Int64($0 % 30), namespace: "n\($0 % 3)") }
        let reports = try await withThrowingTaskGroup(of: IngestReport.self) { group in
            for (index, store) in stores.enumerated() {
                group.addTask {
                    var total = IngestReport()
                    // Each begins elsewhere, so that they meet.
                    let turned = Array(entries[(index * 200)...] + entries[..<(index * 200)])
                    for start in stride(from: 0, to: turned.count, by: 50) {
                        let report = try await store.ingest(Array(turned[start..<start + 50]))
                        total.stored += report.stored
                        total.duplicates += report.duplicates
                    }
                    return total
                }
            }
            return try await group.reduce(into: [IngestReport]()) { $0.append($1) }
        }
        #expect(reports.reduce(0) { $0 + $1.stored } == 600)
        #expect(reports.reduce(0) { $0 + $1.duplicates } == 1200)
        let rows = try await store.usage(UsageQuery(hours: Self.hours(0..<2), groups: [.namespace]))
        #expect(rows.map { $0.sums[.requests] } == [200, 200, 200])
        for day in try await store.days() {
            let verdict = try await store.verify(day, repair: false)
            #expect(verdict.differences == 0)
        }
    }

    /// Sums of random records over random times, against additions of integers one by one.
    private static func sumsAreExact(_ store: any LedgerStore, _ open: Opener) async throws {
        var random = SeededGenerator(state: 1)
        let entries = (1...400).map { count in
            let price = Bool.random(using: &random) ? Int128.random(in: 0...3_000_000_000_000, using: &random) : nil
            let hour = Int64.random(in: 0..<24 * 70, using: &random)
            return Self.entry(count, hour: hour, namespace: "n\(count % 4)", picounits: price) { record in
                record.key = "k\(count % 3)"
                record.usage.output = UInt64.random(in: 0...1_000_000, using: &random)
                record.endedAfter = UInt64.random(in: 0...90_000_000_000, using: &random)
                if Bool.random(using: &random) { record.outcome = .clientGone }
            }
        }
        for start in stride(from: 0, to: 400, by: 37) {
            _ = try await store.ingest(Array(entries[start..<min(400, start + 37)]))
        }
        let first = Self.day.number * 24
        for _ in 0..<8 {
            let time = ([nil] + UsageQuery.TimeUnit.allCases).randomElement(using: &random) ?? nil
            let begin = first + Int64.random(in: 0...100, using: &random)
            let isByKey = Bool.random(using: &random)
            let query = UsageQuery(
                hours: begin..<begin + Int64.random(in: 1...1600, using: &random),
                groups: isByKey ? [.key] : [.namespace],
                time: time,
                filters: Bool.random(using: &random) ? [.namespace: "n1"] : [:],
                order: .time,
                limit: 10_000
            )
            let rows = try await store.usage(query)
            #expect(Self.byHand(rows) == Self.byHand(entries, query))
        }
    }

    private static func byHand(_ rows: [UsageRow]) -> [String: [Int128]] {
        Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let sums = row.sums
                return (
                    "\(row.values) \(row.time ?? 0) \(row.currency)",
                    [
                        Int128(sums[.requests]), Int128(sums[.failed]), Int128(sums[.output]), sums.picounits,
                        Int128(sums[.durationMicros]), Int128(sums[.unpriced]),
                    ]
                )
            }
        )
    }

    private static func byHand(_ entries: [LedgerEntry], _ query: UsageQuery) -> [String: [Int128]] {
        var sums: [String: [Int128]] = [:]
        for entry in entries {
            let record = entry.record
            if let namespace = query.filters[.namespace], record.namespace != namespace { continue }
            let hour = Int64(record.startedAt / 3_600_000_000_000)
            guard query.hours.contains(hour) else { continue }
            let month = Timestamp.text(hour * 3600).prefix(7).replacing("-", with: "")
            let time =
                switch query.time {
                case nil: "0"
                case .hour: "\(hour)"
                case .day: "\(hour / 24)"
                case .month: String(month)
                }
            let numbers: [Int128] = [
                1, record.outcome == .complete ? 0 : 1, Int128(record.usage.output), entry.cost?.picounits ?? 0,
                Int128(record.endedAfter / 1000), entry.cost == nil ? 1 : 0,
            ]
            let name =
                "\([query.groups == [.key] ? record.key : record.namespace]) \(time) \(entry.cost?.currency ?? "")"
            sums[name] = zip(sums[name] ?? Array(repeating: 0, count: 6), numbers).map { $0 + $1 }
        }
        return sums
    }

    private static func theLargestComeFirst(_ store: any LedgerStore, _ open: Opener) async throws {
        let costs: [(String, Int128)] = [("a", 5), ("b", 2_000_001), ("c", 2_000_003), ("d", 7)]
        let entries = costs.enumerated().map { Self.entry($0 + 1, namespace: $1.0, picounits: $1.1) }
        _ = try await store.ingest(entries + [Self.entry(9, namespace: "a", picounits: 1)])
        let byCost = UsageQuery(hours: Self.hours(), groups: [.namespace], limit: 3)
        #expect(try await store.usage(byCost).map(\.values) == [["c"], ["b"], ["d"]])
        let byRequests = UsageQuery(hours: Self.hours(), groups: [.namespace], order: .requests, limit: 1)
        #expect(try await store.usage(byRequests).map(\.values) == [["a"]])
    }

    /// The first few of an answer are the beginning of the whole answer, whatever they are ordered and grouped by.
    private static func theLargestAreThoseOfAll(_ store: any LedgerStore, _ open: Opener) async throws {
        var random = SeededGenerator(state: 2)
        let entries = (1...600).map { count in
            let price = count % 5 == 0 ? nil : Int128.random(in: 0...4_000_000, using: &random)
            let hour = Int64.random(in: 0..<24 * 4, using: &random)
            return Self.entry(count, hour: hour, namespace: "n\(count % 7)", picounits: price) { record in
                (record.key, record.modelAsked) = ("k\(count % 40)", "m\(count % 3)")
                record.usage.reasoning = UInt64.random(in: 0...50, using: &random)
            }
        }
        _ = try await store.ingest(entries)
        let groups: [[UsageQuery.Dimension]] = [[.key], [.namespace], [.key, .model], [.model, .upstream]]
        for order in UsageQuery.Order.allCases {
            for group in groups {
                for filters in [[:], [.model: "m1"]] as [[UsageQuery.Dimension: String]] {
                    var query = UsageQuery(hours: Self.hours(0..<3), groups: group, filters: filters, order: order)
                    query.hours = query.hours.lowerBound + 5..<query.hours.upperBound + 7
                    query.limit = 10_000
                    let all = try await store.usage(query)
                    for limit in [1, 5, 100] {
                        query.limit = limit
                        #expect(try await store.usage(query) == Array(all.prefix(limit)), "\(query)")
                    }
                }
            }
        }
    }

    private static func keepsTextsUpToTheirLimits(_ store: any LedgerStore, _ open: Opener) async throws {
        let name = String(repeating: "é", count: UsageRecord.TextLimits.name / 2)
        let text = String(repeating: "é", count: UsageRecord.TextLimits.text / 2)
        let entry = Self.entry(1) { record in
            (record.namespace, record.key, record.upstream) = (name, name, name)
            (record.modelAsked, record.modelServed, record.path, record.endUser) = (text, text, text, text)
        }
        #expect(try await store.ingest([entry]).stored == 1)
        #expect(try await store.records(RecordQuery(time: 0..<UInt64(Int64.max))) == [entry])
        let query = UsageQuery(hours: Self.hours(), groups: [.key, .model, .upstream], filters: [.namespace: name])
        #expect(try await store.usage(query).map(\.values) == [[name, text, name]])
    }

    private static func pagesGiveEachRecordOnceNewestFirst(_ store: any LedgerStore, _ open: Opener) async throws {
        let entries = (1...50).map { Self.entry($0, hour: Int64($0 * 3), namespace: "n\($0 % 2)") }
        _ = try await store.ingest(entries.shuffled())
        var seen: [LedgerEntry] = []
        while true {
            let query = RecordQuery(
                time: 0..<UInt64(Int64.max),
                filters: [.namespace: "n1"],
                after: seen.last.map { .init($0.record) },
                limit: 7
            )
            let page = try await store.records(query)
            seen += page
            if page.count < 7 { break }
        }
        #expect(seen == entries.filter { $0.record.namespace == "n1" }.reversed())
    }

    private static func aDroppedDayLeavesItsSums(_ store: any LedgerStore, _ open: Opener) async throws {
        let old = Self.entry(1)
        let new = Self.entry(2, hour: 24)
        _ = try await store.ingest([old, new])
        #expect(try await store.dropDays(before: UsageDay(Self.day.number + 1)) == [Self.day])
        #expect(try await store.records(RecordQuery(time: 0..<UInt64(Int64.max))) == [new])
        let row = try #require(try await store.usage(UsageQuery(hours: Self.hours(0..<2))).first)
        #expect(row.sums[.requests] == 2)
        // Whether it was stored cannot be told any more, so it is not stored again.
        let report = try await store.ingest([old, new])
        #expect((report.stored, report.duplicates, report.expired) == (0, 1, 1))
        #expect(try await store.missing(among: [old.record, new.record]) == [])
        #expect(try await store.days() == [UsageDay(Self.day.number + 1)])
        // The limit never falls.
        #expect(try await store.dropDays(before: Self.day) == [])
        #expect(try await store.ingest([old]).expired == 1)
    }

    private static func tellsWhatIsMissing(_ store: any LedgerStore, _ open: Opener) async throws {
        let entries = (1...4).map { Self.entry($0, hour: Int64($0 * 20)) }
        _ = try await store.ingest(Array(entries[..<2]))
        #expect(try await store.missing(among: entries.map(\.record)) == entries[2...].map(\.record))
    }

    /// Figures that no provider sends, but a broken one may.
    private static func noFigureBreaksTheSums(_ store: any LedgerStore, _ open: Opener) async throws {
        let entries = (1...20).map { count in
            Self.entry(count, picounits: .max) { record in
                for kind in TokenUsage.Kind.allCases { record.usage[kind] = .max / 8 }
                (record.endedAfter, record.firstByteAfter) = (.max, .max)
                (record.requestBytes, record.limit) = (.max, .max)
                record.endUser = String(repeating: "\u{0}\"\\", count: 40)
            }
        }
        #expect(try await store.ingest(entries).stored == 20)
        let row = try #require(try await store.usage(UsageQuery(hours: Self.hours())).first)
        #expect(row.sums[.input] == 20_000_000_000_000)
        #expect(try await store.records(RecordQuery(time: 0..<UInt64(Int64.max), limit: 100)).count == 20)
    }
}

/// splitmix64 (public domain, prng.di.unimi.it): the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
