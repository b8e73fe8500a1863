import GatewayModel
import Testing

@testable import SharedState

struct CounterStoreTests {
    static let limit = Policy.RateLimit(requests: 1, per: .seconds(1))

    static func takesOne(_ counter: CounterStore.Counter) -> Bool {
        switch counter {
        case .window(let counter):
            counter.take(limit: 1, length: 1_000_000_000, now: 1_795_000_000_000_000_000).admitted
        case .smooth(let counter):
            counter.take(limit: 1, length: 1_000_000_000, now: 1_795_000_000_000_000_000).admitted
        }
    }

    @Test(arguments: [false, true]) func keepsACounterWhileItsLimitIsUnchanged(_ smooth: Bool) {
        let store = CounterStore()
        let limit = Policy.RateLimit(requests: 1, per: .seconds(1), smooth: smooth)
        #expect(Self.takesOne(store.counter(for: limit, of: "p")))
        store.keep(only: [(limit, "p"), (Self.limit, "q")])
        #expect(!Self.takesOne(store.counter(for: limit, of: "p")))
    }

    @Test(arguments: [
        (Policy.RateLimit(requests: 2, per: .seconds(1)), "p"), (Policy.RateLimit(requests: 1, per: .seconds(2)), "p"),
        (Policy.RateLimit(requests: 1, per: .milliseconds(999)), "p"),
        (Policy.RateLimit(requests: 1, per: .seconds(1), smooth: true), "p"), (limit, "q"),
    ])
    func anotherLimitOrPolicyHasAnotherCounter(_ other: Policy.RateLimit, _ policy: String) {
        let store = CounterStore()
        #expect(Self.takesOne(store.counter(for: Self.limit, of: "p")))
        #expect(Self.takesOne(store.counter(for: other, of: policy)))
    }

    @Test func forgetsWhatIsGone() {
        let store = CounterStore()
        #expect(Self.takesOne(store.counter(for: Self.limit, of: "p")))
        store.keep(only: [])
        #expect(Self.takesOne(store.counter(for: Self.limit, of: "p")))
    }
}
