import Synchronization

/// N per T without a border at which twice as many pass: the generic cell rate algorithm (ITU-T I.371, annex A, "virtual
/// scheduling"), whose whole state is one time in one atomic word.
///
/// Its bound: in any span of length s at most N + s·N/T calls are admitted, N of them at once after a rest of T. The step
/// between two calls is T/N rounded up, so that rounding never admits more.
package final class SmoothCounter: Sendable {
    /// The theoretical arrival time of the next call, in nanoseconds since 1970.
    private let arrival = Atomic<UInt64>(0)

    package init() {}

    /// Takes one if that keeps to the rate. `length` is T and `now` the time since 1970, both in nanoseconds.
    package func take(limit: UInt32, length: UInt64, now: UInt64) -> LimitDecision {
        let step = Self.step(limit, length)
        let burst = step * UInt64(limit)
        var seen = self.arrival.load(ordering: .relaxed)
        while true {
            let next = max(seen, now) + step
            guard next <= now + burst else {
                return LimitDecision(admitted: false, remaining: 0, resetAfter: next - now - burst)
            }
            let (exchanged, current) = self.arrival.weakCompareExchange(
                expected: seen,
                desired: next,
                ordering: .relaxed
            )
            if exchanged {
                let remaining = UInt32(truncatingIfNeeded: (now + burst - next) / step)
                return LimitDecision(admitted: true, remaining: remaining, resetAfter: next - now)
            }
            seen = current
        }
    }

    /// Gives back what `take` took, for a call that another limit refused.
    package func giveBack(limit: UInt32, length: UInt64) {
        self.arrival.wrappingSubtract(Self.step(limit, length), ordering: .relaxed)
    }

    private static func step(_ limit: UInt32, _ length: UInt64) -> UInt64 {
        (length + UInt64(limit) - 1) / UInt64(limit)
    }
}
