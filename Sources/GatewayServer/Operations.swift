import GatewayCore
import HTTPWire
import NIOCore

/// The gateway's own pages: `/healthz`, `/readyz`, `/metrics`. Everything else on port 8080 is the data plane.
final class Operations: Sendable {
    enum Page: Sendable { case health, readiness, metrics }

    /// A whole answer.
    struct Message: Sendable {
        let status: Int
        let type: String
        let text: String
        var closes = false

        func closing() -> Message {
            var message = self
            message.closes = true
            return message
        }

        var bytes: ByteBuffer {
            let reason = self.status == 200 ? "OK" : self.status == 403 ? "Forbidden" : "Service Unavailable"
            let connection = self.closes ? "connection: close\r\n" : ""
            let head = "HTTP/1.1 \(self.status) \(reason)\r\ncontent-type: \(self.type)\r\n"
            return ByteBuffer(string: "\(head)content-length: \(self.text.utf8.count)\r\n\(connection)\r\n\(self.text)")
        }
    }

    static let unavailable = Message(status: 503, type: "text/plain", text: "unavailable\n")

    /// Why the gateway is not ready, or nil when it is.
    private let notReady: @Sendable () -> String?
    private let metrics: @Sendable () -> EventLoopFuture<String>
    /// Admits a reader of metrics from elsewhere than a private network.
    private let metricsToken: [UInt8]?

    init(
        notReady: @escaping @Sendable () -> String?,
        metrics: @escaping @Sendable () -> EventLoopFuture<String>,
        metricsToken: String?
    ) {
        self.notReady = notReady
        self.metrics = metrics
        self.metricsToken = metricsToken.map { Array("Bearer \($0)".utf8) }
    }

    /// The page that a request asks for; nil for the data plane. Costs two comparisons for every other request.
    func match(_ request: RequestHead, _ head: ByteBuffer) -> Page? {
        guard request.method == .get, (7...8).contains(request.path.count) else { return nil }
        switch head.getString(at: head.readerIndex + request.path.lower, length: request.path.count) {
        case "/healthz": return .health
        case "/readyz": return .readiness
        case "/metrics": return .metrics
        default: return nil
        }
    }

    func answer(
        _ page: Page,
        _ request: RequestHead,
        _ head: ByteBuffer,
        isPeerPrivate: Bool,
        on loop: any EventLoop
    ) -> EventLoopFuture<Message> {
        switch page {
        case .health: return loop.makeSucceededFuture(Message(status: 200, type: "text/plain", text: "ok\n"))
        case .readiness:
            let reason = self.notReady()
            let message = Message(status: reason == nil ? 200 : 503, type: "text/plain", text: "\(reason ?? "ready")\n")
            return loop.makeSucceededFuture(message)
        case .metrics where isPeerPrivate || self.hasToken(request, head):
            return self.metrics().map { Message(status: 200, type: "text/plain; version=0.0.4", text: $0) }
        case .metrics:
            return loop.makeSucceededFuture(Message(status: 403, type: "text/plain", text: "forbidden\n"))
        }
    }

    private func hasToken(_ request: RequestHead, _ head: ByteBuffer) -> Bool {
        guard let token = self.metricsToken else { return false }
        for field in request.fields where field.known == .authorization && field.value.count == token.count {
            let value = head.getBytes(at: head.readerIndex + field.value.lower, length: field.value.count) ?? []
            // Every byte is compared, so that the time tells nothing about how many were right.
            return zip(value, token).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
        }
        return false
    }
}
