/// Counts of durations in fixed buckets. One loop's own: no atomics; merged when scraped.
package struct Histogram: Sendable {
    /// Upper bounds in nanoseconds, ascending; one more bucket takes everything above.
    ///
    /// A class, so that handing them to `observe` is one reference and not two arrays.
    package final class Bounds: Sendable {
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

    /// Bounds that any histogram may have.
    private static let boundLimit = 19

    /// In place, so that counting touches one or two lines of the cache and no array's header.
    private var buckets = InlineArray<20, UInt64>(repeating: 0)
    private let bucketCount: Int
    /// Nanoseconds.
    package private(set) var sum: UInt64 = 0

    package init(_ bounds: Bounds) {
        precondition(bounds.nanoseconds.count <= Self.boundLimit, "more bounds than a histogram has room for")
        self.bucketCount = bounds.nanoseconds.count + 1
    }

    /// How many were counted in each bucket, the one above all bounds last.
    package var counts: [UInt64] { (0..<self.bucketCount).map { self.buckets[$0] } }

    package var count: UInt64 { self.counts.reduce(0, +) }

    /// Counts one duration. A few comparisons; `bounds` are those that the histogram was made with.
    package mutating func observe(_ nanoseconds: UInt64, _ bounds: Bounds) {
        let limits = bounds.nanoseconds
        var index = 0
        while index < limits.count, nanoseconds > limits[index] { index += 1 }
        self.buckets[index] += 1
        self.sum += nanoseconds
    }

    package mutating func merge(_ other: Histogram) {
        for index in 0..<self.bucketCount { self.buckets[index] += other.buckets[index] }
        self.sum += other.sum
    }
}
