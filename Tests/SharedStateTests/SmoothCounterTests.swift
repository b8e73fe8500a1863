import Testing

@testable import SharedState

struct SmoothCounterTests {
    static let start: UInt64 = 1_795_000_000_000_000_000

    /// At most N + s·N/T in any span s, N at once. The lengths are chosen so that T/N is no whole number.
    @Test(arguments: [(1, 1000), (3, 10), (7, 100), (10, 1000), (13, 1_000_000), (100, 60)] as [(UInt32, UInt64)])
    func keepsItsBoundInEverySpanOfRandomArrivals(_ limit: UInt32, _ length: UInt64) {
        var numbers = SeededNumbers(state: UInt64(limit))
        for pressure in [1, 4, 40] as [UInt64] {
            let counter = SmoothCounter()
            var now = Self.start
            var admitted: [UInt64] = []
            for _ in 0..<400 {
                let pause = 2 * length / UInt64(limit) / pressure
                now += UInt64.random(in: 0...max(1, pause), using: &numbers)
                if counter.take(limit: limit, length: length, now: now).admitted { admitted.append(now) }
            }
            for first in admitted.indices {
                for last in first..<admitted.count {
                    let span = admitted[last] - admitted[first]
                    let bound = UInt64(limit) + span * UInt64(limit) / length
                    #expect(UInt64(last - first + 1) <= bound, "\(limit) per \(length): span \(span)")
                }
            }
            #expect(admitted.count >= min(400, Int(limit)))
        }
    }

    @Test(arguments: [(1, 1000), (7, 1_000_000_000), (600, 60_000_000_000), (10, 3)] as [(UInt32, UInt64)])
    func admitsItsLimitAtOnceAfterARest(_ limit: UInt32, _ length: UInt64) {
        let counter = SmoothCounter()
        let decisions = (0...limit).map { _ in counter.take(limit: limit, length: length, now: Self.start) }
        #expect(decisions.map(\.admitted) == Array(repeating: true, count: Int(limit)) + [false])
        #expect(decisions.map(\.remaining) == Array((0..<limit).reversed()) + [0])
    }

    @Test func saysWhenToComeBackAndKeepsItsWord() {
        let counter = SmoothCounter()
        let take = { (now: UInt64) in counter.take(limit: 3, length: 1000, now: now) }
        for _ in 0..<3 { #expect(take(Self.start).admitted) }
        let refused = take(Self.start)
        #expect(!refused.admitted && refused.resetAfter > 0)
        #expect(!take(Self.start + refused.resetAfter - 1).admitted)
        #expect(take(Self.start + refused.resetAfter).admitted)
    }

    @Test func whatIsGivenBackCanBeTakenAgain() {
        let counter = SmoothCounter()
        let take = { counter.take(limit: 2, length: 1000, now: Self.start).admitted }
        #expect(take() && take() && !take())
        counter.giveBack(limit: 2, length: 1000)
        #expect(take() && !take())
    }

    @Test func aClockThatStepsBackAdmitsNothingMore() {
        let counter = SmoothCounter()
        #expect(counter.take(limit: 1, length: 1000, now: Self.start).admitted)
        #expect(!counter.take(limit: 1, length: 1000, now: Self.start - 5000).admitted)
    }
}

/// SplitMix64: the same numbers on every run.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
