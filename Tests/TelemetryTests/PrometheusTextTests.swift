import Testing

@testable import Telemetry

struct PrometheusTextTests {
    @Test func writesTheExpositionFormat() {
        var text = PrometheusText()
        text.begin("a_total", .counter, help: "Things.")
        text.sample("a_total", [("x", "1"), ("y", "z")], 3 as UInt64)
        text.sample("a_total", [], "0.5")
        text.begin("d_seconds", .histogram, help: "Durations.")
        let bounds = Histogram.Bounds(seconds: ["0.1", "1"])
        var histogram = Histogram(bounds)
        for nanoseconds in [50_000_000, 200_000_000, 300_000_000, 9_000_000_000] as [UInt64] {
            histogram.observe(nanoseconds)
        }
        text.histogram("d_seconds", [("x", "1")], histogram, bounds)
        #expect(
            text.text == """
                # HELP a_total Things.
                # TYPE a_total counter
                a_total{x="1",y="z"} 3
                a_total 0.5
                # HELP d_seconds Durations.
                # TYPE d_seconds histogram
                d_seconds_bucket{x="1",le="0.1"} 1
                d_seconds_bucket{x="1",le="1"} 3
                d_seconds_bucket{x="1",le="+Inf"} 4
                d_seconds_sum{x="1"} 9.55
                d_seconds_count{x="1"} 4

                """
        )
    }

    @Test(arguments: [
        ("plain é", "plain é"), (#"a\b"#, #"a\\b"#), ("a\"b", #"a\"b"#), ("a\nb", #"a\nb"#), ("a\r\nb", "a\r\\nb"),
        ("\"\u{301}", "\\\"\u{301}"), ("\\\u{301}\n", "\\\\\u{301}\\n"),
    ])
    func escapesLabels(_ value: String, _ escaped: String) {
        var text = PrometheusText()
        text.sample("a", [("x", value)], "1")
        #expect(Array(text.text.utf8) == Array("a{x=\"\(escaped)\"} 1\n".utf8))
    }
}
