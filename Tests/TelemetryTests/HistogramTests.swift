import Testing

@testable import Telemetry

struct HistogramTests {
    static let bounds = Histogram.Bounds(seconds: ["0.001", "0.01", "1"])

    @Test(
        arguments: [
            (0, 0), (1_000_000, 0), (1_000_001, 1), (10_000_000, 1), (10_000_001, 2), (1_000_000_000, 2),
            (1_000_000_001, 3), (UInt64.max / 2, 3),
        ] as [(UInt64, Int)]
    )
    func boundsAreInclusive(_ nanoseconds: UInt64, _ bucket: Int) {
        var histogram = Histogram(Self.bounds)
        histogram.observe(nanoseconds)
        #expect(histogram.counts.indices.filter { histogram.counts[$0] == 1 } == [bucket])
        #expect(histogram.sum == nanoseconds && histogram.count == 1)
    }

    /// What only ever grew would end the process after some thousand million histograms.
    @Test func histogramsDoNotCountTheirBounds() {
        let bounds = Histogram.Bounds(seconds: ["1"])
        let before = _getRetainCount(bounds)
        let histograms = (0..<1000).map { _ in Histogram(bounds) }
        #expect(_getRetainCount(bounds) <= before + 8 && histograms.count == 1000)
    }

    @Test func boundsOutliveWhoMadeThem() {
        weak var bounds: Histogram.Bounds?
        do {
            let made = Histogram.Bounds(seconds: ["1"])
            bounds = made
        }
        #expect(bounds != nil)
    }

    /// As many bounds as there is room for.
    static let many = Histogram.Bounds(seconds: (1...19).map { "\($0)" })

    @Test(arguments: [(19_000_000_000, 18), (19_000_000_001, 19), (UInt64.max, 19)] as [(UInt64, Int)])
    func theLastBucketTakesEverythingAbove(_ nanoseconds: UInt64, _ bucket: Int) {
        var histogram = Histogram(Self.many)
        histogram.observe(nanoseconds)
        #expect(histogram.counts.count == 20 && histogram.counts[bucket] == 1)
    }

    @Test(arguments: [Histogram.Bounds.latency, .overhead]) func boundsAscendAndMatchTheirLabels(
        _ bounds: Histogram.Bounds
    ) {
        #expect(
            bounds.nanoseconds == bounds.nanoseconds.sorted() && Set(bounds.nanoseconds).count == bounds.labels.count
        )
        for (label, nanoseconds) in zip(bounds.labels, bounds.nanoseconds) {
            #expect(Double(label).map { ($0 * 1e9).rounded() } == Double(nanoseconds), "\(label)")
        }
    }

    @Test func mergingAddsBucketByBucket() {
        var left = Histogram(Self.bounds)
        var right = Histogram(Self.bounds)
        left.observe(1)
        right.observe(2)
        right.observe(5_000_000)
        left.merge(right)
        #expect(left.counts == [2, 1, 0, 0] && left.sum == 5_000_003)
    }
}
