internal import GatewayModel
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ServiceKit

/// What gateways ask for: the stream of snapshots, and a place to report to.
struct GatewayEndpoints {
    private static let gateways: Access = .roles([.gateway])

    let publisher: SnapshotPublisher
    let registry: GatewayRegistry
    let now: @Sendable () -> Int64

    var endpoints: [Endpoint] {
        [
            Endpoint(
                .get,
                "/api/v1/watch",
                access: Self.gateways,
                operation: "watch",
                summary: "The newest snapshot and each that follows, secrets included, as server-sent events.",
                answer: .init(.ok, "SnapshotEvent", types: ["text/event-stream"]),
                query: [.init("version", "The version that is known already, as Last-Event-ID says it too.")],
                handle: self.watch
            ),
            Endpoint(
                .get,
                "/api/v1/gateways",
                access: ResourceEndpoints.readers,
                operation: "listGateways",
                summary: "Which gateways have reported, and what they run.",
                answer: .init(.ok, "GatewayPage"),
                query: Endpoint.Query.paging,
                handle: self.list
            ),
            Endpoint(
                .post,
                "/api/v1/gateways/{id}",
                access: Self.gateways,
                operation: "reportGateway",
                summary: "A gateway says which version it has applied.",
                body: .init("GatewayReport", limit: 4096),
                answer: .init(.noContent, nil),
                handle: self.report
            ),
        ]
    }

    @Sendable private func watch(_ request: ServiceRequest) async throws -> Response {
        let lastEvent = HTTPField.Name("last-event-id").flatMap { request.request.headers[$0] }
        let known = (lastEvent ?? request.query("version")).flatMap { UInt64($0) }
        guard self.publisher.hasRoom else {
            throw ServiceProblem(.overloaded, "Too many gateways are watching this config center.")
        }
        let publisher = self.publisher
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await Self.stream(publisher, known: known, into: &writer)
                try await writer.finish(nil)
            }
        )
    }

    /// Writes the newest snapshot whenever it is another one than the watcher has; else a comment, which keeps the
    /// connection alive. A slow watcher skips versions instead of queueing them.
    private static func stream(
        _ publisher: SnapshotPublisher,
        known: UInt64?,
        into writer: inout any ResponseBodyWriter
    ) async throws {
        guard let (id, wakes) = publisher.watch() else { return }
        defer { publisher.unwatch(id) }
        var sent = known
        for await _ in wakes {
            if let newest = publisher.newest, newest.snapshot.version != sent {
                try await writer.write(newest.event)
                sent = newest.snapshot.version
            } else {
                try await writer.write(ByteBuffer(string: ":\n\n"))
            }
        }
    }

    @Sendable private func list(_ request: ServiceRequest) async throws -> Response {
        let page = try PageRequest(request)
        let items = self.registry.page(after: page.after, limit: page.limit, now: self.now())
        return .json(page.page(items, next: items.last?["id"]?.string))
    }

    @Sendable private func report(_ request: ServiceRequest) async throws -> Response {
        let log = ProblemLog()
        let fields = FieldReader(try request.document(), at: "", log: log)
        let version = fields.int("version", default: nil, in: 0...Int.max)
        if !fields.has("version") { fields.problem("version", "is required") }
        fields.finish()
        let id = try request.parameter("id")
        if let complaint = TextRule.name(id) { log.add("id", complaint) }
        try log.throwIfAny()
        let report = GatewayRegistry.Report(
            id: id,
            version: UInt64(version ?? 0),
            origin: request.caller.origin,
            seenAt: self.now()
        )
        guard self.registry.record(report) else {
            throw ServiceProblem(.overloaded, "Too many gateways are known already.")
        }
        return Response(status: .noContent)
    }
}
