/// Counts of durations in fixed buckets. One loop's own: no atomics; merged when scraped.
package struct Histogram: Sendable {
    /// Upper bounds in nanoseconds, ascending; one more bucket takes everything above.
    package struct Bounds: Sendable {
        package let nanoseconds: [UInt64]
        /// The `le` label of each bound, in seconds.
        package let labels: [String]

        package init(seconds: [String]) {
            self.labels = seconds
            self.nanoseconds = seconds.map { UInt64((Double($0) ?? 0) * 1e9) }
        }

        /// Whole exchanges and calls to models: a millisecond to ten minutes.
        package static let latency = Bounds(seconds: [
            "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30",
            "60",
            "120", "300", "600",
        ])
        /// The gateway's own share: ten microseconds to a second.
        package static let overhead = Bounds(seconds: [
            "0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.05",
            "0.1", "1",
        ])
    }

    package private(set) var counts: [UInt64]
    /// Nanoseconds.
    package private(set) var sum: UInt64 = 0

    package init(_ bounds: Bounds) { self.counts = Array(repeating: 0, count: bounds.nanoseconds.count + 1) }

    package var count: UInt64 { self.counts.reduce(0, +) }

    /// Counts one duration. A few comparisons; `bounds` are those that the histogram was made with.
    package mutating func observe(_ nanoseconds: UInt64, _ bounds: Bounds) {
        var index = 0
        while index < bounds.nanoseconds.count, nanoseconds > bounds.nanoseconds[index] { index += 1 }
        self.counts[index] += 1
        self.sum += nanoseconds
    }

    package mutating func merge(_ other: Histogram) {
        for index in self.counts.indices { self.counts[index] += other.counts[index] }
        self.sum += other.sum
    }
}
