import GatewayCore
import GatewayModel
import Journal
import Telemetry

/// Writes the data plane's metrics as Prometheus reads them.
struct MetricsPage {
    let metrics: ExchangeMetrics
    let labels: LabelNames
    let table: RoutingTable?
    let uptime: UInt64
    /// Nanoseconds since 1970.
    let wall: UInt64
    let configAge: Double?
    let journal: Journal
    /// Nil: records stay in the journal.
    let shipping: ShippingCounts?
    let load: ProcessLoad
    let logDropped: UInt64
    let failuresUnlogged: UInt64
    let objectsDropped: UInt64
    let certificateExpires: Int64?

    private typealias Series = (labels: [(String, String)], block: ExchangeMetrics.Block)

    func text() -> String {
        var page = PrometheusText()
        let series = self.series()
        self.writeCounts(series, &page)
        self.writeHistograms(series, &page)
        self.writeGauges(&page)
        self.writeLosses(&page)
        return page.text
    }

    private func series() -> [Series] {
        self.metrics.labels.enumerated().map { index, labels in
            let names = [
                ("namespace", self.labels.name(of: labels.namespace)),
                ("model", self.labels.name(of: labels.model)),
                ("upstream", self.labels.name(of: labels.upstream)),
            ]
            return (names, self.metrics.blocks[index])
        }
    }

    private func begin(_ metric: GatewayMetric, _ kind: PrometheusText.Kind, _ page: inout PrometheusText) {
        page.begin(metric.rawValue, kind, help: metric.entry.help)
    }

    private func write(
        _ metric: GatewayMetric,
        _ series: [Series],
        _ page: inout PrometheusText,
        _ value: (ExchangeMetrics.Block) -> UInt64
    ) {
        self.begin(metric, .counter, &page)
        for one in series { page.sample(metric.rawValue, one.labels, value(one.block)) }
    }

    private func writeCounts(_ series: [Series], _ page: inout PrometheusText) {
        self.write(.requests, series, &page) { $0.succeeded + $0.failed.reduce(0, +) }
        self.write(.requestsSucceeded, series, &page) { $0.succeeded }
        self.begin(.requestsFailed, .counter, &page)
        for one in series {
            for (index, code) in ErrorCode.allCases.enumerated() where one.block.failed[index] > 0 {
                let labels = one.labels + [("code", code.rawValue)]
                page.sample(GatewayMetric.requestsFailed.rawValue, labels, one.block.failed[index])
            }
        }
        self.write(.upstreamRequests, series, &page) { $0.attempts }
        self.write(.retries, series, &page) { $0.retries }
        self.write(.shadowRefusals, series, &page) { $0.shadowRefusals }
        self.begin(.tokens, .counter, &page)
        for one in series {
            for (index, kind) in TokenUsage.Kind.allCases.enumerated() where one.block.tokens[index] > 0 {
                let labels = one.labels + [("kind", kind.rawValue)]
                page.sample(GatewayMetric.tokens.rawValue, labels, one.block.tokens[index])
            }
        }
    }

    private func writeHistograms(_ series: [Series], _ page: inout PrometheusText) {
        let histograms: [(GatewayMetric, Histogram.Bounds, KeyPath<ExchangeMetrics.Block, Histogram>)] = [
            (.requestDuration, .latency, \.duration), (.upstreamDuration, .latency, \.upstreamDuration),
            (.timeToFirstToken, .latency, \.firstToken), (.overhead, .overhead, \.overhead),
        ]
        for (metric, bounds, path) in histograms {
            self.begin(metric, .histogram, &page)
            for one in series { page.histogram(metric.rawValue, one.labels, one.block[keyPath: path], bounds) }
        }
    }

    private func writeGauges(_ page: inout PrometheusText) {
        self.gauge(.upTime, PrometheusText.seconds(self.uptime), &page)
        self.gauge(.streamsOpen, String(self.metrics.streamsOpen), &page)
        self.gauge(.sessionsOpen, String(self.metrics.sessionsOpen), &page)
        self.gauge(.connectionsOpen, String(self.load.connections), &page)
        self.gauge(.connectionsLimit, String(self.load.limits.connections), &page)
        self.gauge(.requestsLimit, String(self.load.limits.requests), &page)
        self.gauge(.bodyBytesHeld, String(self.load.bodyBytes), &page)
        self.gauge(.bodyBytesLimit, String(self.load.limits.bodyBytes), &page)
        self.gauge(.configVersion, String(self.table?.version ?? 0), &page)
        if let expires = self.certificateExpires { self.gauge(.certificateExpiry, String(expires), &page) }
        if let age = self.configAge { self.gauge(.configAge, String(age), &page) }
        let states = self.table?.upstreamStates ?? []
        self.begin(.upstreamConnectionsOpen, .gauge, &page)
        for (name, state) in states {
            let value = String(state.openConnections)
            page.sample(GatewayMetric.upstreamConnectionsOpen.rawValue, [("upstream", name)], value)
        }
        self.begin(.upstreamInFlight, .gauge, &page)
        for (name, state) in states {
            let value = String(state.requestsInFlight)
            page.sample(GatewayMetric.upstreamInFlight.rawValue, [("upstream", name)], value)
        }
    }

    private func gauge(_ metric: GatewayMetric, _ value: String, _ page: inout PrometheusText) {
        self.begin(metric, .gauge, &page)
        page.sample(metric.rawValue, [], value)
    }

    private func writeLosses(_ page: inout PrometheusText) {
        let losses: [(GatewayMetric, UInt64)] = [
            (.connectionsRefused, self.metrics.connectionsRefused), (.journalLost, self.metrics.journalLost),
            (.journalDropped, self.journal.droppedSegments), (.journalFailures, self.journal.segmentFailures),
            (.logDropped, self.logDropped), (.seriesOverflow, self.metrics.overflows),
            (.failuresUnlogged, self.failuresUnlogged), (.objectsDropped, self.objectsDropped),
            (.spoolRefusals, self.metrics.spoolRefusals), (.streamErrors, self.metrics.streamErrors),
            (.keysForgotten, self.metrics.keysForgotten),
        ]
        for (metric, value) in losses {
            self.begin(metric, .counter, &page)
            page.sample(metric.rawValue, [], value)
        }
        self.writeShipping(&page)
        let overLimit = ["requests": self.metrics.requestsOverLimit, "bodies": self.metrics.bodiesOverLimit]
        self.write(.overLimit, by: "limit", overLimit, &page)
        self.write(.malformed, by: "reason", self.metrics.malformed, &page)
        self.write(.tlsFailures, by: "reason", self.metrics.tlsFailures, &page)
        self.write(.connectionErrors, by: "code", self.metrics.connectionErrors, &page)
    }

    private func writeShipping(_ page: inout PrometheusText) {
        guard let shipping = self.shipping else { return }
        self.begin(.usageShipped, .counter, &page)
        page.sample(GatewayMetric.usageShipped.rawValue, [], shipping.shipped)
        self.begin(.usageShipFailures, .counter, &page)
        page.sample(GatewayMetric.usageShipFailures.rawValue, [], shipping.failedBatches)
        let oldest = shipping.oldestWaiting
        let age = oldest == 0 ? 0 : max(self.wall, oldest) - oldest
        self.gauge(.usageShipAge, PrometheusText.seconds(age), &page)
    }

    private func write(
        _ metric: GatewayMetric,
        by label: String,
        _ counts: [String: UInt64],
        _ page: inout PrometheusText
    ) {
        self.begin(metric, .counter, &page)
        for (value, count) in counts.sorted(by: { $0.key < $1.key }) {
            page.sample(metric.rawValue, [(label, value)], count)
        }
    }
}
