internal import AsyncHTTPClient
package import GatewayCore
package import GatewayModel
package import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

// The client credentials flow of Microsoft Entra ID (learn.microsoft.com, "Microsoft identity platform and the OAuth 2.0 client
// credentials flow"): POST AUTHORITY/TENANT/oauth2/v2.0/token with client_id, client_secret, grant_type and scope as a form;
// the answer is `{"access_token":…,"expires_in":seconds}`.

/// Keeps the tokens of Entra's that upstreams are called with fresh.
package struct EntraRenewer: Service {
    private static let scope = "https://cognitiveservices.azure.com/.default"
    private static let answerLimit = 64 << 10

    private let tokens: EntraTokens
    private let egress: EgressDefault
    private let logger: Logger

    package init(_ tokens: EntraTokens, egress: EgressDefault, logger: Logger) {
        self.tokens = tokens
        self.egress = egress
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var news = self.tokens.news.makeAsyncIterator()
            while !Task.isCancelled {
                // Most gateways have no such upstream, and none of their time is taken for it.
                if self.tokens.isEmpty { guard await news.next() != nil else { return } }
                // Side by side: one that does not answer must not let another one age.
                await withDiscardingTaskGroup { group in
                    for token in self.tokens.due(LoopClock.now()) { group.addTask { await self.renew(token) } }
                }
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    private func renew(_ token: EntraToken) async {
        do {
            let (text, seconds) = try await self.ask(token.credential)
            token.take(text, lifetime: UInt64(min(max(60, seconds), 86_400)) * 1_000_000_000, now: LoopClock.now())
        } catch {
            token.failed(now: LoopClock.now())
            self.logger.error(
                "no token for an upstream",
                metadata: ["gateway.tenant": "\(token.credential.tenant)", "gateway.cause": "\(error)"]
            )
        }
    }

    private func ask(_ credential: Upstream.Credential.Entra) async throws -> (token: String, seconds: Int64) {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: self.configuration(credential))
        do {
            let answer = try await self.exchange(credential, client)
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func exchange(
        _ credential: Upstream.Credential.Entra,
        _ client: HTTPClient
    ) async throws -> (token: String, seconds: Int64) {
        var request = HTTPClientRequest(url: "\(credential.authority)/\(credential.tenant)/oauth2/v2.0/token")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        let secret = String(decoding: credential.clientSecret.reveal(), as: UTF8.self)
        let fields = [
            ("grant_type", "client_credentials"), ("client_id", credential.clientID), ("client_secret", secret),
            ("scope", Self.scope),
        ]
        let form = fields.map { "\($0.0)=\(Self.encoded($0.1))" }.joined(separator: "&")
        request.body = .bytes(ByteBuffer(string: form))
        let response = try await client.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: Self.answerLimit)
        guard response.status == .ok else { throw Failure(reason: "answered \(response.status.code)") }
        let document = try DocumentValue(json: Array(body.readableBytesView))
        guard let token = document["access_token"]?.string, TextRule.headerValue(token) == nil else {
            throw Failure(reason: "its answer has no token")
        }
        return (token, document["expires_in"]?.int ?? 300)
    }

    private func configuration(_ credential: Upstream.Credential.Entra) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        if let proxy = self.egress.proxy(for: credential.authority.host) {
            let password = String(decoding: proxy.password.reveal(), as: UTF8.self)
            let authorization = proxy.user.map { HTTPClient.Authorization.basic(username: $0, password: password) }
            configuration.proxy = .server(host: proxy.host, port: proxy.port, authorization: authorization)
        }
        return configuration
    }

    private static func encoded(_ text: String) -> String {
        String(decoding: PercentEncoding.encode(Array(text.utf8)), as: UTF8.self)
    }

    private struct Failure: Error, CustomStringConvertible {
        let reason: String
        var description: String { self.reason }
    }
}
