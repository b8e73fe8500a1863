/// Counts of durations in fixed buckets. One loop's own: no atomics; merged when scraped.
package struct Histogram: Sendable {
    /// Upper bounds in nanoseconds, ascending; one more bucket takes everything above. Made once for a process and never let go
    /// of, so that histograms, of which each scrape makes thousands, can refer to them without counting.
    package final class Bounds: Sendable {
        package let nanoseconds: [UInt64]
        /// The same in place, behind them what no duration exceeds.
        fileprivate let limits: InlineArray<20, UInt64>
        /// The `le` label of each bound, in seconds.
        package let labels: [String]

        package init(seconds: [String]) {
            self.labels = seconds
            precondition(seconds.count <= Histogram.boundLimit, "more bounds than a histogram has room for")
            self.nanoseconds = seconds.map { UInt64((Double($0) ?? 0) * 1e9) }
            var limits = InlineArray<20, UInt64>(repeating: .max)
            for (place, bound) in self.nanoseconds.enumerated() { limits[place] = bound }
            self.limits = limits
            _ = Unmanaged.passRetained(self)
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
    fileprivate static let boundLimit = 19

    /// In place, so that counting touches one or two lines of the cache and no array's header.
    private var buckets = InlineArray<20, UInt64>(repeating: 0)
    /// A reference would be counted at each observation.
    private let bounds: Unmanaged<Bounds>
    /// Nanoseconds.
    package private(set) var sum: UInt64 = 0

    package init(_ bounds: Bounds) {
        self.bounds = .passUnretained(bounds)
    }

    private var bucketCount: Int { self.bounds._withUnsafeGuaranteedRef { $0.nanoseconds.count + 1 } }

    /// How many were counted in each bucket, the one above all bounds last.
    package var counts: [UInt64] { (0..<self.bucketCount).map { self.buckets[$0] } }

    package var count: UInt64 { self.counts.reduce(0, +) }

    /// Counts one duration. A few comparisons.
    package mutating func observe(_ nanoseconds: UInt64) {
        let index = self.bounds._withUnsafeGuaranteedRef { bounds in
            var index = 0
            while nanoseconds > bounds.limits[index] { index += 1 }
            return index
        }
        self.buckets[index] += 1
        self.sum += nanoseconds
    }

    package mutating func merge(_ other: Histogram) {
        for index in 0..<self.bucketCount { self.buckets[index] += other.buckets[index] }
        self.sum += other.sum
    }
}
