internal import AsyncHTTPClient
package import GatewayModel
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Sends usage records to a token service in another process.
package final class LedgerClient: Sendable {
    private let url: String
    private let token: Secret
    /// Made when it is needed: one that is made must be closed, and not every process comes that far.
    private let client = Mutex<HTTPClient?>(nil)

    /// Refuses `http` to anything but this machine, unless it is allowed: the token would be readable on the way.
    package init(url: String, token: Secret, allowPlainHTTP: Bool) throws(SnapshotWatcher.Refusal) {
        self.url = try SnapshotWatcher.address(url, of: "token service", allowPlainHTTP: allowPlainHTTP).description
        self.token = token
    }

    private func usedClient() -> HTTPClient {
        self.client.withLock { client in
            if let client { return client }
            var configuration = HTTPClient.Configuration()
            configuration.redirectConfiguration = .disallow
            configuration.timeout.connect = .seconds(5)
            let made = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            client = made
            return made
        }
    }

    /// Returns when the records are stored. Throws when the token service did not say so within ten seconds.
    package func send(_ records: [UsageRecord]) async throws {
        var request = HTTPClientRequest(url: self.url + "/api/v1/usage/ingest")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-ndjson")
        request.headers.add(
            name: "authorization",
            value: "Bearer \(String(decoding: self.token.reveal(), as: UTF8.self))"
        )
        var body = ByteBuffer()
        for record in records {
            body.writeBytes(record.document.json())
            body.writeInteger(UInt8(ascii: "\n"))
        }
        request.body = .bytes(body)
        let response = try await self.usedClient().execute(request, timeout: .seconds(10))
        let answer = try await response.body.collect(upTo: 1 << 16)
        guard response.status.code == 200 else {
            let detail = (try? DocumentValue(json: Array(answer.readableBytesView)))?["detail"]?.string ?? ""
            throw Refused(status: response.status.code, detail: detail)
        }
    }

    /// To be called when nothing is sent any more.
    package func close() async throws { try await self.client.withLock { $0 }?.shutdown() }

    private struct Refused: Error, CustomStringConvertible {
        let status: UInt
        let detail: String
        var description: String { "the token service answered \(self.status): \(self.detail)" }
    }
}
