import GatewayModel
import Testing

@testable import GatewayCore

struct KeyRingTests {
    static func table(_ keys: [Key], _ change: (inout Snapshot) -> Void = { _ in }) -> RoutingTable {
        let snapshot = Bench.snapshot { snapshot in
            snapshot.keys = keys
            change(&snapshot)
        }
        return RoutingTable(compiling: snapshot, sharing: RoutingTable.Shared())
    }

    static func find(_ value: String, _ ring: inout KeyRing, _ table: RoutingTable) -> FoundKey? {
        Array(value.utf8).withUnsafeBytes { ring.find($0, in: table) }
    }

    static func name(_ key: FoundKey?, _ table: RoutingTable) -> String? {
        guard let key else { return nil }
        var name = ""
        table.withName(of: key) { name = String(decoding: $0, as: UTF8.self) }
        return name
    }

    /// More than its first memory holds, and again when they are known.
    @Test func findsEachKeyByItsName() {
        let names = (0..<300).map { String(repeating: "n", count: $0 % 128) + "\($0)" }
        let table = Self.table(names.map { Bench.key($0, "key-\($0)", in: "plain") })
        var ring = KeyRing()
        for _ in 0..<2 {
            for (index, name) in names.enumerated() {
                let key = Self.find("key-\(name)", &ring, table)
                #expect(key?.index == Int32(index) && Self.name(key, table) == name)
                #expect(Self.find("no-\(name)", &ring, table) == nil)
            }
        }
    }

    @Test func whatIsKnownIsTheNewTablesAfterAPublish() {
        let keys = ["a", "b", "c"].map { Bench.key($0, "key-\($0)", in: "plain", expires: 5) }
        let first = Self.table(keys)
        var ring = KeyRing()
        for key in keys { #expect(Self.find("key-\(key.name)", &ring, first)?.expires == 5) }
        let second = Self.table([
            Bench.key("longer", "key-c", in: "open", models: ["gpt"]), Bench.key("b", "key-b", in: "plain"),
        ])
        let moved = Self.find("key-c", &ring, second)
        #expect(moved?.index == 0 && moved?.namespace == 1 && Self.name(moved, second) == "longer")
        #expect(moved?.hasRules == true && second.rules(of: moved)?.models?.count == 1)
        #expect(Self.find("key-b", &ring, second)?.expires == .max)
        #expect(Self.find("key-a", &ring, second) == nil)
        #expect(Self.find("key-a", &ring, Self.table(keys))?.index == 0)
    }

    /// Only these make a request go to the table's own entry of the key.
    @Test func aKeyHasRulesByItsLimitsOrModels() {
        let keys = [
            Bench.key("limited", "1", in: "plain"), Bench.key("choosy", "2", in: "plain", models: []),
            Bench.key("plain", "3", in: "plain"),
        ]
        let table = Self.table(keys) { snapshot in
            let rule = Policy.Rule.rateLimit(.init(requests: 1, per: .seconds(1)))
            snapshot.policies = [Policy(name: "p", scope: .key("limited"), rule: rule)]
        }
        var ring = KeyRing()
        let found = ["1", "2", "3"].map { Self.find($0, &ring, table) }
        #expect(found.map { $0?.hasRules } == [true, true, false])
        #expect(found.map { table.rules(of: $0)?.limits.count } == [1, 0, nil])
    }

    @Test func beyondItsCapacityItForgetsAndVerifiesAnew() {
        let table = Self.table((0..<5).map { Bench.key("\($0)", "key-\($0)", in: "plain") })
        var ring = KeyRing(capacity: 2)
        for _ in 0..<2 {
            for index in 0..<5 { #expect(Self.find("key-\(index)", &ring, table)?.index == Int32(index)) }
        }
        #expect(ring.evictions == 4)
    }

    @Test func theMetricsTellHowOftenALoopForgot() throws {
        let bench = try Bench()
        bench.loop.keyRing = KeyRing(capacity: 1)
        let table = try #require(bench.loop.table)
        for key in ["key-search", "key-plain", "key-search"] {
            #expect(Self.find(key, &bench.loop.keyRing, table) != nil)
        }
        bench.loop.tick()
        var all = ExchangeMetrics()
        all.merge(bench.loop.metrics)
        #expect(all.keysForgotten == 2)
    }
}

struct CacheLinesTests {
    @Test(arguments: [1, 64, 40_000])
    func keepsEachElement(_ count: Int) {
        let lines = CacheLines(repeating: UInt64(7), count: count)
        #expect((0..<count).allSatisfy { lines[$0] == 7 })
        for place in 0..<count { lines[place] = UInt64(place) }
        #expect((0..<count).allSatisfy { lines[$0] == UInt64($0) })
    }
}
