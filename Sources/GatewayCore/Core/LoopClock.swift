import Glibc

/// A loop's two clocks: monotonic for spans, wall time for windows and records. Read once per event and passed down.
package struct LoopClock {
    /// Nanoseconds to add to monotonic time to get nanoseconds since 1970.
    private var wallOffset: UInt64 = 0

    package init() { self.adjust() }

    /// Monotonic nanoseconds; about 20 ns to read.
    package static func now() -> UInt64 { Self.read(CLOCK_MONOTONIC) }

    /// Nanoseconds since 1970, now.
    package static func wallTime() -> UInt64 { Self.read(CLOCK_REALTIME) }

    /// Takes over what has happened to the wall clock since; called by the loop's timer.
    package mutating func adjust() { self.wallOffset = Self.wallTime() &- Self.now() }

    /// Nanoseconds since 1970 at monotonic time `now`.
    package func wall(_ now: UInt64) -> UInt64 { now &+ self.wallOffset }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
