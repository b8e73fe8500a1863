import Synchronization

/// At most N per aligned window, exact over all loops of a process: window id and count share one atomic word.
///
/// A window begins at each multiple of its length since 1970, so every gateway agrees on its borders; in any span of one
/// length at most 2 N are admitted, N before a border and N after it.
package final class WindowCounter: Sendable {
    /// High half: the window's number, cut to 32 bits; low half: how many were admitted in it.
    private let word = Atomic<UInt64>(0)

    package init() {}

    /// Takes one if the window that holds `now` has any left. One compare-and-swap when nobody interferes.
    ///
    /// `now` is nanoseconds since 1970; `length` is the window's, in nanoseconds. A clock that steps back cannot open a
    /// window again: the newest window seen stays the current one until the clock has caught up with it.
    package func take(limit: UInt32, length: UInt64, now: UInt64) -> LimitDecision {
        let number = now / length
        let window = UInt32(truncatingIfNeeded: number)
        let resetAfter = (number + 1) * length - now
        var seen = self.word.load(ordering: .relaxed)
        while true {
            let seenWindow = UInt32(truncatingIfNeeded: seen >> 32)
            // A fresh counter has seen no window; numbers wrap, so that half of them would count as older than its zero.
            let isNewer = seen == 0 || Int32(bitPattern: window &- seenWindow) > 0
            let count = isNewer ? 0 : UInt32(truncatingIfNeeded: seen)
            guard count < limit else { return LimitDecision(admitted: false, remaining: 0, resetAfter: resetAfter) }
            let next = UInt64(isNewer ? window : seenWindow) << 32 | UInt64(count + 1)
            let (exchanged, current) = self.word.weakCompareExchange(
                expected: seen,
                desired: next,
                ordering: .relaxed
            )
            if exchanged {
                return LimitDecision(admitted: true, remaining: limit - count - 1, resetAfter: resetAfter)
            }
            seen = current
        }
    }

    /// Gives back what `take` took in the window that held `then`, for a call that another limit refused.
    package func giveBack(length: UInt64, then: UInt64) {
        let window = UInt32(truncatingIfNeeded: then / length)
        var seen = self.word.load(ordering: .relaxed)
        while UInt32(truncatingIfNeeded: seen >> 32) == window, UInt32(truncatingIfNeeded: seen) > 0 {
            let (exchanged, current) = self.word.weakCompareExchange(
                expected: seen,
                desired: seen - 1,
                ordering: .relaxed
            )
            if exchanged { return }
            seen = current
        }
    }
}

/// What a limit says to one call.
package struct LimitDecision: Sendable, Equatable {
    package let admitted: Bool
    /// How many more the limit would admit now.
    package let remaining: UInt32
    /// Nanoseconds until the limit admits again (refused), or is whole again (admitted).
    package let resetAfter: UInt64

    package init(admitted: Bool, remaining: UInt32, resetAfter: UInt64) {
        self.admitted = admitted
        self.remaining = remaining
        self.resetAfter = resetAfter
    }
}
