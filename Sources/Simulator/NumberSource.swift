import Synchronization

/// Numbers of which none comes twice.
final class NumberSource: Sendable {
    private let value: Atomic<UInt64>

    init(start: UInt64) {
        self.value = Atomic(start)
    }

    func next() -> UInt64 {
        self.value.add(1, ordering: .relaxed).newValue
    }
}

/// Spreads failures evenly: of n requests, ⌊n × rate⌋ fail, whichever they are.
final class FailureSpread: Sendable {
    private let seen = Mutex(0)

    /// Whether the next request fails.
    func next(rate: Double) -> Bool {
        let count = self.seen.withLock { seen in
            seen += 1
            return Double(seen)
        }
        return (count * rate).rounded(.down) > ((count - 1) * rate).rounded(.down)
    }
}
