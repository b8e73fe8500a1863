internal import Synchronization

/// Slows down guessing: after five failures for the same name from the same address, each further attempt must wait,
/// twice as long each time, up to a minute. Bounded: the oldest entries are forgotten first.
final class LoginGate: Sendable {
    private struct Failures {
        var count: Int
        var until: Int64
    }

    private static let free = 5
    private static let limit = 10_000
    private static let longestWait: Int64 = 60
    private let failures = Mutex<[String: Failures]>([:])

    /// Seconds to wait before the next attempt; nil when it may be made now.
    func wait(_ name: String, from origin: String, now: Int64) -> Int64? {
        self.failures.withLock { failures in
            guard let entry = failures[Self.key(name, origin)], entry.until > now else { return nil }
            return entry.until - now
        }
    }

    func failed(_ name: String, from origin: String, now: Int64) {
        self.failures.withLock { failures in
            let key = Self.key(name, origin)
            if failures[key] == nil, failures.count >= Self.limit {
                failures = failures.filter { $0.value.until > now - Self.longestWait }
                if failures.count >= Self.limit, let oldest = failures.min(by: { $0.value.until < $1.value.until }) {
                    failures[oldest.key] = nil
                }
            }
            let count = (failures[key]?.count ?? 0) + 1
            let wait = count < Self.free ? 0 : min(Self.longestWait, 1 << Int64(min(count - Self.free, 6)))
            failures[key] = Failures(count: count, until: now + wait)
        }
    }

    func succeeded(_ name: String, from origin: String) {
        self.failures.withLock { $0[Self.key(name, origin)] = nil }
    }

    private static func key(_ name: String, _ origin: String) -> String { "\(name)\n\(origin)" }
}
