import GatewayModel
import Testing

@testable import GatewayCore

struct UpstreamSelectorTests {
    static func targets(_ weights: [(weight: Int, priority: Int)]) -> [CompiledTarget] {
        weights.enumerated().map {
            CompiledTarget(upstream: $0, model: nil, quotedModel: nil, weight: $1.weight, priority: $1.priority)
        }
    }

    static func order(_ targets: [CompiledTarget], _ random: inout RandomNumbers, excluding: [Int] = []) -> [Int] {
        var selector = UpstreamSelector()
        for index in excluding { selector.exclude(index) }
        var order: [Int] = []
        while let index = selector.next(targets, &random) { order.append(index) }
        return order
    }

    @Test func drawsByWeight() {
        let targets = Self.targets([(70, 0), (20, 0), (10, 0), (0, 0)])
        var random = RandomNumbers(seed: 42)
        var counts = [0, 0, 0, 0]
        for _ in 0..<20_000 { counts[Self.order(targets, &random)[0]] += 1 }
        // Three standard deviations of the rarest are about 130.
        for (count, expected) in zip(counts, [14_000, 4000, 2000, 0]) { #expect(abs(count - expected) < 200) }
    }

    @Test func triesEveryTargetOnceTierByTier() {
        let targets = Self.targets([(1, 0), (99, 0), (5, 1), (0, 1), (5, 1), (1, 7)])
        var random = RandomNumbers(seed: 1)
        for _ in 0..<200 {
            let order = Self.order(targets, &random)
            #expect(Set(order[..<2]) == [0, 1] && Set(order[2..<4]) == [2, 4] && order[4...] == [5])
        }
    }

    @Test func leavesOutWhatIsExcludedAlsoAfterARestart() {
        let targets = Self.targets([(1, 0), (1, 0), (1, 1)])
        var random = RandomNumbers(seed: 1)
        #expect(Self.order(targets, &random, excluding: [0, 1]) == [2])
        #expect(Self.order(targets, &random, excluding: [0, 1, 2]).isEmpty)
        var selector = UpstreamSelector()
        selector.exclude(1)
        for _ in 0..<3 {
            #expect(selector.next(targets, &random) == 0 && selector.next(targets, &random) == 2)
            #expect(selector.next(targets, &random) == nil)
            selector.restart()
        }
    }

    @Test func aSingleTargetIsTriedOnce() {
        var random = RandomNumbers(seed: 1)
        #expect(Self.order(Self.targets([(5, 3)]), &random) == [0])
        #expect(Self.order(Self.targets([(0, 0)]), &random).isEmpty)
        #expect(Self.order(Self.targets([(5, 0)]), &random, excluding: [0]).isEmpty)
        #expect(Self.order([], &random).isEmpty)
    }

    @Test func targetsBeyondTheSixtyFourthAreNeverChosen() {
        var random = RandomNumbers(seed: 1)
        let order = Self.order(Self.targets(Array(repeating: (1, 0), count: 70)), &random)
        #expect(Set(order) == Set(0..<64) && order.count == 64)
    }

    @Test(arguments: [1, 2, 10, 1000, Int.max]) func numbersStayBelowTheirBound(_ bound: Int) {
        var random = RandomNumbers(seed: 0)
        for _ in 0..<1000 { #expect((0..<bound).contains(random.below(bound))) }
    }
}

struct RouterTests {
    static func route(_ name: String, paths: [String] = ["*"], models: [String] = ["*"], namespaces: [String] = ["*"])
        -> Route
    {
        Route(
            name: name,
            match: .init(
                namespaces: namespaces.map(NamePattern.init),
                paths: paths.map(NamePattern.init),
                models: models.map(NamePattern.init)
            )
        )
    }

    static let table = RoutingTable(
        compiling: Bench.snapshot { snapshot in
            snapshot.routes = [
                Self.route("all"), Self.route("v1", paths: ["/v1/*"]), Self.route("files", paths: ["/v1/files*"]),
                Self.route("exact", paths: ["/v1/files"]), Self.route("gpt", paths: ["/v1/*"], models: ["gpt-*"]),
                Self.route("search-gpt", paths: ["/v1/*"], models: ["gpt-*"], namespaces: ["search"]),
                Self.route("a", paths: ["/v1/images*"]), Self.route("b", paths: ["/v1/images*"]),
                Self.route("two", paths: ["/v1/audio*", "/v1/moderations"], models: ["m", "n*"]),
            ]
        },
        sharing: RoutingTable.Shared()
    )

    @Test(arguments: [
        ("search", "/v1/files", "", "exact"), ("search", "/v1/files/x", "", "files"),
        ("plain", "/v1/x", "gpt-4", "gpt"),
        ("search", "/v1/x", "gpt-4", "search-gpt"), ("search", "/v1/x", "claude", "v1"),
        ("plain", "/other", "m", "all"),
        ("plain", "/v1/images/edits", "m", "a"), ("plain", "/v1/moderations", "m", "two"),
        ("plain", "/v1/audio/speech", "n1", "two"), ("plain", "/v1/audio/speech", "x", "v1"),
    ])
    func takesTheMostSpecificRoute(_ namespace: String, _ path: String, _ model: String, _ name: String) throws {
        let table = Self.table
        let index = try #require(table.namespaces.firstIndex { $0.name == Array(namespace.utf8) })
        let route = Array(path.utf8).withUnsafeBytes { path in
            Array(model.utf8).withUnsafeBytes { model in
                Router(table: table).route(namespace: index, path: path, model: model)
            }
        }
        #expect(table.routes[route].name == Array(name.utf8))
    }

    @Test func everyCallHasARoute() {
        let table = RoutingTable(compiling: Bench.snapshot { $0.routes = [] }, sharing: RoutingTable.Shared())
        let route = Array("/v1/x".utf8).withUnsafeBytes { path in
            Router(table: table).route(namespace: 0, path: path, model: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(table.routes[route].name.isEmpty)
    }
}
