import Foundation
import GatewayModel
import Synchronization
import Testing

@testable import GatewayCore

struct RoutingTableTests {
    static func model(_ name: String) -> Model { Model(name: NamePattern(name), targets: [.init(upstream: "openai")]) }

    @Test(arguments: [
        ("gpt-4o", "gpt-4o"), ("gpt-4o-mini", "gpt-4o-*"), ("gpt-5", "gpt-*"), ("gpt-4o-", "gpt-4o-*"), ("claude", "*"),
        ("", "*"),
    ])
    func exactModelsWinOverPatternsAndLongerPatternsOverShorter(_ asked: String, _ found: String) {
        let names = ["*", "gpt-*", "gpt-4o-*", "gpt-4o"]
        let table = RoutingTable(
            compiling: Bench.snapshot { $0.models = names.map(Self.model) },
            sharing: RoutingTable.Shared()
        )
        let index = Array(asked.utf8).withUnsafeBytes { table.modelIndex($0) }
        #expect(index.map { table.models[$0].name } == found)
    }

    @Test func limitsOfAncestorsApplyOutermostFirst() {
        let table = RoutingTable(
            compiling: Bench.snapshot { snapshot in
                let rule = Policy.Rule.rateLimit(.init(requests: 1, per: .seconds(1)))
                snapshot.namespaces = [
                    Namespace(name: "team", parent: "unit"), Namespace(name: "unit", parent: "company"),
                    Namespace(name: "company"), Namespace(name: "loop", parent: "loop"),
                ]
                snapshot.policies =
                    ["team", "company", "unit", "other"].map {
                        Policy(name: $0, scope: .namespace($0), rule: rule)
                    } + [Policy(name: "global", rule: rule)]
            },
            sharing: RoutingTable.Shared()
        )
        #expect(table.namespaces[0].limits.map(\.policy) == ["global", "company", "unit", "team"])
        #expect(table.namespaces[2].limits.map(\.policy) == ["global", "company"])
        #expect(table.namespaces[3].limits.map(\.policy) == ["global"])
    }

    @Test func upstreamStatesSurviveAPublishUnlessTheAddressChanges() {
        let shared = RoutingTable.Shared()
        let first = RoutingTable(compiling: Bench.snapshot(), sharing: shared)
        #expect(first.upstreams[0].state.enter(limit: 5))
        let second = RoutingTable(compiling: Bench.snapshot { $0.upstreams[0].limits.queue = 3 }, sharing: shared)
        #expect(second.upstreams[0].state === first.upstreams[0].state)
        let moved = RoutingTable(compiling: Bench.snapshot { $0.upstreams[0].baseURL.port = 81 }, sharing: shared)
        #expect(moved.upstreams[0].state !== first.upstreams[0].state)
        #expect(Set([first.upstreams[0], first.upstreams[1], moved.upstreams[0]].map(\.state.poolIndex)).count == 3)
    }

    @Test func offersOfOlderAndEqualVersionsAreIgnored() {
        let current = CurrentTable()
        let heard = Mutex<[UInt64]>([])
        let table = { (version: UInt64) in
            RoutingTable(compiling: Bench.snapshot { $0.version = version }, sharing: RoutingTable.Shared())
        }
        #expect(current.table == nil && current.offer(table(3)))
        current.listen { table in heard.withLock { $0.append(table.version) } }
        #expect(!current.offer(table(2)) && !current.offer(table(3)) && current.offer(table(4)))
        #expect(current.table?.version == 4 && heard.withLock { $0 } == [3, 4])
    }

    @Test func placesOfAnUpstreamAreBoundedAndAllGivenBack() async {
        let state = UpstreamStates().state(of: Bench.snapshot().upstreams[0])
        #expect(state.enter(limit: 2) && state.enter(limit: 2) && !state.enter(limit: 2))
        #expect(state.openConnection(limit: 1) && !state.openConnection(limit: 1) && state.openConnections == 1)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<500 where state.enter(limit: 5) { state.leave() }
                }
            }
        }
        #expect(state.requestsInFlight == 2)
    }
}

struct CredentialFileTests {
    @Test(
        arguments: [
            ("sk-1\n", "sk-1"), (" \tsk-1 x\r\n\n", "sk-1 x"), ("", nil), ("\n", nil), ("a\nb", nil), ("a\u{0}b", nil),
            (String(repeating: "x", count: 70_000), nil),
        ] as [(String, String?)]
    )
    func readsWhatAFieldMayHold(_ text: String, _ value: String?) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "credential-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let files = CredentialFiles(within: FileManager.default.temporaryDirectory.path)
        #expect(files.read(path).map { String(decoding: $0, as: UTF8.self) } == value)
        #expect(files.read(path + "-missing") == nil)
        #expect(CredentialFiles(within: nil).read(path) == nil)
        #expect(CredentialFiles(within: "/etc").read(path) == nil)
    }
}

struct ExchangeMetricsTests {
    @Test func labelsBeyondTheCapAreCountedAsOverflow() {
        var metrics = ExchangeMetrics()
        for index in 0..<10_005 as Range<UInt32> {
            let place = metrics.place(of: .init(namespace: index + 10, model: 1, upstream: 1))
            metrics.update(place) { $0.succeeded += 1 }
        }
        #expect(metrics.blocks.count == 10_001 && metrics.overflows == 5)
        #expect(metrics.blocks.last?.succeeded == 5 && metrics.labels.last?.namespace == LabelNames.overflow)
    }

    @Test func mergingAddsByLabels() {
        var left = ExchangeMetrics()
        var right = ExchangeMetrics()
        let labels = { (namespace: UInt32) in ExchangeMetrics.Labels(namespace: namespace, model: 1, upstream: 1) }
        left.update(left.place(of: labels(5))) { $0.succeeded = 2 }
        right.update(right.place(of: labels(6))) { $0.succeeded = 4 }
        right.update(right.place(of: labels(5))) { $0.failed[0] = 3 }
        right.malformed["x"] = 2
        left.merge(right)
        #expect(left.labels.map(\.namespace) == [5, 6] && left.blocks.map(\.succeeded) == [2, 4])
        #expect(left.blocks[0].failed[0] == 3 && left.malformed["x"] == 2)
    }

    @Test func labelNamesAreStableAndBounded() {
        let names = LabelNames(capacity: 4)
        let (a, b) = (names.id(of: "a"), names.id(of: "b"))
        #expect(names.id(of: "a") == a && names.name(of: b) == "b" && a != b)
        #expect(names.id(of: "c") == LabelNames.overflow && names.name(of: LabelNames.none).isEmpty)
    }
}
