import Synchronization
import Testing

@testable import SharedState

/// A count that several threads add to.
final class Tally: Sendable {
    private let atomic = Atomic<Int>(0)
    var count: Int { self.atomic.load(ordering: .relaxed) }
    func add() { self.atomic.wrappingAdd(1, ordering: .relaxed) }
}

struct WindowCounterTests {
    static let second: UInt64 = 1_000_000_000
    /// A time in 2026, on a border of seconds.
    static let now: UInt64 = 1_795_000_000 * second

    static func take(_ counter: WindowCounter, _ limit: UInt32, at now: UInt64, length: UInt64 = second) -> Bool {
        counter.take(limit: limit, length: length, now: now).admitted
    }

    @Test func admitsExactlyTheLimitPerWindowUnderThreads() async {
        let counter = WindowCounter()
        for window in 0..<20 {
            let admitted = Tally()
            await withTaskGroup { group in
                for thread in 0..<8 {
                    group.addTask {
                        for call in 0..<500 {
                            let offset = UInt64((thread * 500 + call) * 1000)
                            let now = Self.now + UInt64(window) * Self.second + offset
                            if Self.take(counter, 1000, at: now) { admitted.add() }
                        }
                    }
                }
            }
            #expect(admitted.count == 1000, "in window \(window)")
        }
    }

    /// Some lengths put today's window number beyond the sign bit of the word's half.
    @Test(arguments: [100, 250, 400, 500, 700, 999, 1000, 60_000, 86_400_000] as [UInt64])
    func opensAnewAtEachBorderWhateverTheLength(_ milliseconds: UInt64) {
        let length = milliseconds * 1_000_000
        let counter = WindowCounter()
        let border = Self.now / length * length
        for window in 0..<5 as Range<UInt64> {
            let start = border + window * length
            #expect(Self.take(counter, 2, at: start, length: length))
            #expect(Self.take(counter, 2, at: start + length - 1, length: length))
            #expect(!Self.take(counter, 2, at: start + length - 1, length: length))
        }
    }

    @Test func saysWhatIsLeftAndUntilWhen() {
        let counter = WindowCounter()
        let now = Self.now + 250_000_000
        let take = { counter.take(limit: 2, length: Self.second, now: now) }
        #expect(take() == LimitDecision(admitted: true, remaining: 1, resetAfter: 750_000_000))
        #expect(take() == LimitDecision(admitted: true, remaining: 0, resetAfter: 750_000_000))
        #expect(take() == LimitDecision(admitted: false, remaining: 0, resetAfter: 750_000_000))
    }

    @Test func aClockThatStepsBackOpensNoWindowAgain() {
        let counter = WindowCounter()
        #expect(Self.take(counter, 1, at: Self.now))
        #expect(!Self.take(counter, 1, at: Self.now - Self.second))
        #expect(!Self.take(counter, 1, at: Self.now - 100 * Self.second))
        #expect(!Self.take(counter, 1, at: Self.now + Self.second / 2))
        #expect(Self.take(counter, 1, at: Self.now + Self.second))
    }

    @Test func givesBackWithinTheWindowOnly() {
        let counter = WindowCounter()
        #expect(Self.take(counter, 1, at: Self.now))
        counter.giveBack(length: Self.second, then: Self.now)
        #expect(Self.take(counter, 1, at: Self.now + 1))
        #expect(!Self.take(counter, 1, at: Self.now + 2))
        // What was taken in an older window has gone with it.
        #expect(Self.take(counter, 1, at: Self.now + Self.second))
        counter.giveBack(length: Self.second, then: Self.now)
        #expect(!Self.take(counter, 1, at: Self.now + Self.second))
        // Nothing is left to give back.
        counter.giveBack(length: Self.second, then: Self.now + Self.second)
        counter.giveBack(length: Self.second, then: Self.now + Self.second)
        #expect(Self.take(counter, 1, at: Self.now + Self.second))
        #expect(!Self.take(counter, 1, at: Self.now + Self.second))
    }

    @Test func takingAndGivingBackUnderThreadsLosesNothing() async {
        let counter = WindowCounter()
        let kept = Tally()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for call in 0..<500 where Self.take(counter, 10_000, at: Self.now) {
                        if call.isMultiple(of: 2) {
                            counter.giveBack(length: Self.second, then: Self.now)
                        } else {
                            kept.add()
                        }
                    }
                }
            }
        }
        let left = counter.take(limit: 10_000, length: Self.second, now: Self.now).remaining
        #expect(Int(left) == 10_000 - kept.count - 1)
    }
}
