internal import GatewayModel
internal import HTTPTypes
internal import Hummingbird
internal import ServiceKit
internal import Storage

/// What says nothing about the configuration, and is therefore open to all: the literal allow list.
struct SystemEndpoints {
    let store: any ConfigStore
    let publisher: SnapshotPublisher
    let requests: RequestCounter
    /// The document of all endpoints, these included.
    let openAPI: @Sendable () -> DocumentValue

    var endpoints: [Endpoint] {
        [
            Endpoint(
                .get,
                "/openapi.json",
                access: .open,
                operation: "openAPI",
                summary: "This document.",
                answer: .init(.ok, nil)
            ) { _ in .json(self.openAPI()) },
            Endpoint(
                .get,
                "/healthz",
                access: .open,
                operation: "health",
                summary: "The process runs.",
                answer: .init(.ok, nil)
            ) { _ in .text("ok\n") },
            Endpoint(
                .get,
                "/readyz",
                access: .open,
                operation: "readiness",
                summary: "The database answers and a snapshot is published.",
                answer: .init(.ok, nil),
                handle: self.ready
            ),
            Endpoint(
                .get,
                "/metrics",
                access: .open,
                operation: "metrics",
                summary: "Counters for Prometheus.",
                answer: .init(.ok, nil)
            ) { _ in .text(self.metrics, type: "text/plain; version=0.0.4; charset=utf-8") },
        ]
    }

    @Sendable private func ready(_ request: ServiceRequest) async throws -> Response {
        let newest = try? await self.store.read { rows in try rows.newestVersion() }
        guard newest != nil, self.publisher.version != nil else {
            throw ServiceProblem(.overloaded, newest == nil ? "The database does not answer." : "Nothing is published.")
        }
        return .text("ready\n")
    }

    private var metrics: String {
        let gauge = { (name: String, help: String, kind: String, value: UInt64) in
            "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name) \(value)\n"
        }
        return gauge(
            "config_center_snapshot_version",
            "The newest published snapshot.",
            "gauge",
            self.publisher.version ?? 0
        )
            + gauge("config_center_publishes_total", "Snapshots published.", "counter", self.publisher.publishes)
            + gauge("config_center_watchers", "Open watch streams.", "gauge", UInt64(self.publisher.watcherCount))
            + self.requests.exposition
    }
}
