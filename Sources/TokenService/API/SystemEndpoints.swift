internal import GatewayModel
internal import Hummingbird
internal import ServiceKit
internal import Storage

/// What is open to all, because it says nothing about anybody's usage.
struct SystemEndpoints {
    let ledger: UsageLedger
    let requests: RequestCounter
    /// The document of all endpoints, these included.
    let openAPI: @Sendable () -> DocumentValue

    var endpoints: [Endpoint] {
        [
            Self.open("/openapi.json", "openAPI", "This document.") { _ in .json(self.openAPI()) },
            Self.open("/healthz", "health", "The process runs.") { _ in .text("ok\n") },
            Self.open("/readyz", "readiness", "The ledger's database answers.", self.ready),
            Self.open("/metrics", "metrics", "Counters for Prometheus.") { _ in
                .text(
                    self.ledger.exposition + self.requests.exposition,
                    type: "text/plain; version=0.0.4; charset=utf-8"
                )
            },
        ]
    }

    private static func open(
        _ path: String,
        _ operation: String,
        _ summary: String,
        _ handle: @escaping @Sendable (ServiceRequest) async throws -> Response
    ) -> Endpoint {
        Endpoint(
            .get,
            path,
            access: .open,
            operation: operation,
            summary: summary,
            answer: .init(.ok, nil),
            handle: handle
        )
    }

    @Sendable private func ready(_ request: ServiceRequest) async throws -> Response {
        guard (try? await self.ledger.store.days()) != nil else {
            throw ServiceProblem(.overloaded, "The ledger's database does not answer.")
        }
        return .text("ready\n")
    }
}
