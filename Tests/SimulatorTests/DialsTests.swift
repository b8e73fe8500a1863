import Testing

@testable import Simulator

struct DialsTests {
    @Test
    func readsAModelName() {
        let dials = Dials().overridden(
            byModel: "sim-ttft-200ms-rate-50-tokens-100-status-503-error-0.5-retry-2-gzip-cut-9"
        )
        #expect(dials.timeToFirstToken == .milliseconds(200))
        #expect(dials.tokensPerSecond == 50)
        #expect(dials.outputTokens == 100)
        #expect(dials.errorStatus == 503)
        #expect(dials.errorRate == 0.5)
        #expect(dials.retryAfter == 2)
        #expect(dials.gzip)
        #expect(dials.cutAfter == 9)
    }

    @Test
    func readsWhatTheModelDoes() {
        let dials = Dials().overridden(byModel: "sim-tool-get_time-think-0-refuse-fault-3")
        #expect(dials.toolName == "get_time")
        #expect(dials.thoughtTokens == 0)
        #expect(dials.refuses)
        #expect(dials.faultAfter == 3)
    }

    @Test(arguments: [
        "gpt-4o", "sim", "sim-chat", "sim-ttft", "sim-ttft-fast", "sim-gzip-rate-0", "sim-status-200", "sim-",
    ])
    func leavesPlainNamesAlone(_ name: String) {
        #expect(Dials().overridden(byModel: name) == Dials())
    }

    @Test
    func headersOverrideTheModel() throws {
        let headers = ["x-sim-stall": "5", "x-sim-ttft": "1s", "x-sim-gzip": "0"]
        let dials = try Dials().overridden(byModel: "sim-ttft-20ms-gzip").overridden { headers[$0] }
        #expect(dials.timeToFirstToken == .seconds(1))
        #expect(dials.stallAfter == 5)
        #expect(!dials.gzip)
    }

    @Test(arguments: ["x-sim-status", "x-sim-rate", "x-sim-malformed"])
    func refusesAHeaderThatIsNoValue(_ name: String) {
        #expect(throws: DialError.self) { try Dials().overridden { $0 == name ? "many" : nil } }
    }

    @Test
    func spreadsFailuresEvenly() {
        let spread = FailureSpread()
        #expect((0..<8).map { _ in spread.next(rate: 0.25) } == [false, false, false, true, false, false, false, true])
    }
}
