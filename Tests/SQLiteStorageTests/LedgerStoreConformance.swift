import Foundation
import GRDB
import GatewayModel
import SQLiteStorage
import Storage
import Testing

/// What every driver of the ledger must do alike.
struct LedgerStoreConformance {
    enum Driver: CaseIterable, Sendable {
        case sqlite

        /// `open` gives further stores on the same database, as other processes have them.
        func run(_ body: (any LedgerStore, _ open: () throws -> any LedgerStore) async throws -> Void) async throws {
            let directory = FileManager.default.temporaryDirectory.appending(path: "ledger-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let path = directory.appending(path: "ledger.sqlite").path()
            try await body(SQLiteLedgerStore(path: path)) { try SQLiteLedgerStore(path: path) }
        }
    }

    static let day = UsageDay(20_000)

    static func entry(
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

    @Test(arguments: Driver.allCases)
    func givesBackEveryField(_ driver: Driver) async throws {
        try await driver.run { store, _ in
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
                record.usage.source = .partial
            }
            let report = try await store.ingest([entry])
            let all = try await store.records(RecordQuery(time: 0..<UInt64(Int64.max)))
            #expect(report.stored == 1)
            #expect(all == [entry])
        }
    }

    @Test(arguments: Driver.allCases)
    func storesEachRecordOnce(_ driver: Driver) async throws {
        try await driver.run { store, _ in
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
    }

    @Test(arguments: Driver.allCases)
    func severalStoresMayStoreTheSameAtOnce(_ driver: Driver) async throws {
        try await driver.run { store, open in
            let stores = [store, try open(), try open()]
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
    }

    /// Sums of random records over random times, against additions of integers one by one.
    @Test(arguments: Driver.allCases, [1, 2, 3] as [UInt64])
    func sumsAreExact(_ driver: Driver, _ seed: UInt64) async throws {
        try await driver.run { store, _ in
            var random = SeededGenerator(state: seed)
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
            for time in [nil] + UsageQuery.TimeUnit.allCases {
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

    @Test(arguments: Driver.allCases)
    func theLargestComeFirst(_ driver: Driver) async throws {
        try await driver.run { store, _ in
            let costs: [(String, Int128)] = [("a", 5), ("b", 2_000_001), ("c", 2_000_003), ("d", 7)]
            let entries = costs.enumerated().map { Self.entry($0 + 1, namespace: $1.0, picounits: $1.1) }
            _ = try await store.ingest(entries + [Self.entry(9, namespace: "a", picounits: 1)])
            let byCost = UsageQuery(hours: Self.hours(), groups: [.namespace], limit: 3)
            #expect(try await store.usage(byCost).map(\.values) == [["c"], ["b"], ["d"]])
            let byRequests = UsageQuery(hours: Self.hours(), groups: [.namespace], order: .requests, limit: 1)
            #expect(try await store.usage(byRequests).map(\.values) == [["a"]])
        }
    }

    @Test(arguments: Driver.allCases)
    func pagesGiveEachRecordOnceNewestFirst(_ driver: Driver) async throws {
        try await driver.run { store, _ in
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
    }

    @Test(arguments: Driver.allCases)
    func aDroppedDayLeavesItsSums(_ driver: Driver) async throws {
        try await driver.run { store, _ in
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
    }

    @Test(arguments: Driver.allCases)
    func tellsWhatIsMissing(_ driver: Driver) async throws {
        try await driver.run { store, _ in
            let entries = (1...4).map { Self.entry($0, hour: Int64($0 * 20)) }
            _ = try await store.ingest(Array(entries[..<2]))
            #expect(try await store.missing(among: entries.map(\.record)) == entries[2...].map(\.record))
        }
    }

    /// Figures that no provider sends, but a broken one may.
    @Test(arguments: Driver.allCases)
    func noFigureBreaksTheSums(_ driver: Driver) async throws {
        try await driver.run { store, _ in
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
}

/// What a check finds in a ledger whose sums somebody has changed.
struct LedgerCheckTests {
    @Test(arguments: [
        "UPDATE usageByHour SET output = output + 1", "UPDATE usageByDay SET costRest = 3", "DELETE FROM usageByHour",
        "UPDATE usageOfAllKeysByHour SET requests = 0", "DELETE FROM usageOfAllKeysByDay",
        "INSERT INTO usageByHour SELECT hour + 1, series, 1,0,0,0,0,0,0,0,0,0,0,0,0,0,0 FROM usageByHour",
    ])
    func findsAndRepairsEveryDifference(_ damage: String) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "ledger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "ledger.sqlite").path()
        let store = try SQLiteLedgerStore(path: path)
        let day = LedgerStoreConformance.day
        _ = try await store.ingest((1...9).map { LedgerStoreConformance.entry($0) })
        #expect(
            try await store.verify(day, repair: true)
                == DayVerdict(day: day, records: 9, differences: 0, isRepaired: false)
        )
        let before = try await store.usage(UsageQuery(hours: day.hours, time: .hour))
        try await DatabaseQueue(path: path).write { db in try db.execute(sql: damage) }
        #expect(try await store.verify(day, repair: false).differences > 0)
        #expect(try await store.verify(day, repair: true).isRepaired)
        #expect(try await store.verify(day, repair: false).differences == 0)
        #expect(try await store.usage(UsageQuery(hours: day.hours, time: .hour)) == before)
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
