import Testing

@testable import GatewayServer

struct BodyPaceTests {
    private static let second: UInt64 = 1_000_000_000
    private static let limits: BodyPace.Limits = {
        var limits = BodyPace.Limits()
        limits.pause = 10 * Self.second
        limits.total = 100 * Self.second
        limits.rate = 1000
        limits.grace = 20 * Self.second
        return limits
    }()
    private static let start: UInt64 = 5 * Self.second

    /// The deadline in seconds after the body's beginning.
    private static func seconds(_ pace: BodyPace) -> Double { Double(pace.deadline - Self.start) / 1e9 }

    @Test func waitsForEachPiece() {
        var pace = BodyPace(Self.limits, now: Self.start)
        #expect(Self.seconds(pace) == 10)
        #expect(pace.reason.contains("for 10 s"))
        pace.took(to: 1_000_000, now: Self.start + 9 * Self.second)
        #expect(Self.seconds(pace) == 19)
    }

    @Test func wantsAnAverageRateBehindTheGrace() {
        var pace = BodyPace(Self.limits, now: Self.start)
        for second in 1...19 { pace.took(to: second, now: Self.start + UInt64(second) * Self.second) }
        // 19 bytes are worth 19 ms.
        #expect(abs(Self.seconds(pace) - 20.019) < 0.001)
        #expect(pace.reason.contains("1000 bytes a second"))
        pace.took(to: 8019, now: Self.start + 20 * Self.second)
        #expect(abs(Self.seconds(pace) - 28.019) < 0.001)
    }

    @Test func endsWithTheTotal() {
        var pace = BodyPace(Self.limits, now: Self.start)
        pace.took(to: 1 << 40, now: Self.start + 95 * Self.second)
        #expect(Self.seconds(pace) == 100)
        #expect(pace.reason.contains("within 100 s"))
    }

    @Test func doesNotCountWhatTheGatewayHeldBack() {
        var pace = BodyPace(Self.limits, now: Self.start)
        pace.took(to: 5000, now: Self.start + Self.second)
        pace.hold(now: Self.start + Self.second)
        pace.hold(now: Self.start + 2 * Self.second)
        pace.goOn(now: Self.start + 61 * Self.second)
        #expect(Self.seconds(pace) == 71)
        pace.took(to: 5001, now: Self.start + 70 * Self.second)
        #expect(Self.seconds(pace) == 80)
        pace.took(to: 5002, now: Self.start + 79 * Self.second)
        // 20 s of grace and 5 s for 5000 bytes, behind the minute that was held.
        #expect(abs(Self.seconds(pace) - 85.002) < 0.001)
        pace.goOn(now: Self.start + 80 * Self.second)
        #expect(abs(Self.seconds(pace) - 85.002) < 0.001)
    }

    @Test func asksForNoRateWhenToldSo() {
        var limits = Self.limits
        limits.rate = 0
        var pace = BodyPace(limits, now: Self.start)
        for second in 1...99 { pace.took(to: 0, now: Self.start + UInt64(second) * Self.second) }
        #expect(Self.seconds(pace) == 100)
    }

    @Test func survivesBodiesOfAnySize() {
        var pace = BodyPace(Self.limits, now: Self.start)
        pace.took(to: Int.max / 2, now: Self.start + Self.second)
        #expect(Self.seconds(pace) == 11)
    }
}
