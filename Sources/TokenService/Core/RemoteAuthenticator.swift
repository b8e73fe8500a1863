internal import AsyncHTTPClient
internal import Foundation
package import GatewayModel
internal import NIOCore
internal import NIOHTTP1
package import ServiceKit
internal import Storage
internal import Synchronization

/// Asks the config center who holds a token, and remembers the answer for a while.
///
/// While the config center does not answer, what it said within the last hour still holds: gateways go on shipping.
package final class RemoteAuthenticator: Authenticator {
    private struct Answer {
        let name: String
        let role: Role
        let at: ContinuousClock.Instant
    }

    private static let freshness = Duration.seconds(30)
    private static let endurance = Duration.seconds(3600)
    /// Tokens remembered; when there are more, all are forgotten.
    private static let limit = 10_000

    private let url: String
    /// The digest of the token that proves a gateway.
    private let gatewayToken: String?
    /// Made when it is needed: one that is made must be closed, and not every process comes that far.
    private let client = Mutex<HTTPClient?>(nil)
    /// By the token's digest.
    private let known = Mutex<[String: Answer]>([:])

    /// `configCenter` is its address; `gatewayToken` is one that proves a gateway without asking.
    package init(configCenter: BaseURL, gatewayToken: Secret?) {
        self.url = configCenter.description + "/api/v1/whoami"
        self.gatewayToken = gatewayToken.map { KeyedHash.tokenDigest(String(decoding: $0.reveal(), as: UTF8.self)) }
    }

    private func usedClient() -> HTTPClient {
        self.client.withLock { client in
            if let client { return client }
            var configuration = HTTPClient.Configuration()
            configuration.redirectConfiguration = .disallow
            configuration.timeout.connect = .seconds(2)
            let made = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            client = made
            return made
        }
    }

    package func holder(of token: String) async throws -> (name: String, role: Role)? {
        let digest = KeyedHash.tokenDigest(token)
        if digest == self.gatewayToken { return ("gateway", .gateway) }
        let answer = self.known.withLock { $0[digest] }
        if let answer, answer.at.duration(to: .now) < Self.freshness { return (answer.name, answer.role) }
        do {
            let holder = try await self.ask(token)
            self.known.withLock { known in
                if known.count >= Self.limit { known = [:] }
                known[digest] = holder.map { Answer(name: $0.name, role: $0.role, at: .now) }
            }
            return holder
        } catch {
            if let answer, answer.at.duration(to: .now) < Self.endurance { return (answer.name, answer.role) }
            throw ServiceProblem(.overloaded, "The config center does not say who holds this token. Try again.")
        }
    }

    private func ask(_ token: String) async throws -> (name: String, role: Role)? {
        // What cannot stand in a header is no token.
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        var request = HTTPClientRequest(url: self.url)
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        let response = try await self.usedClient().execute(request, timeout: .seconds(3))
        let body = try await response.body.collect(upTo: 1 << 16)
        if response.status.code == 401 { return nil }
        guard response.status.code == 200, let answer = try? DocumentValue(json: Array(body.readableBytesView)),
            let name = answer["name"]?.string, let role = answer["role"]?.string.flatMap(Role.init(rawValue:))
        else { throw UnexpectedAnswer(status: response.status.code) }
        return (name, role)
    }

    /// To be called when nobody asks any more.
    package func close() async throws { try await self.client.withLock { $0 }?.shutdown() }

    private struct UnexpectedAnswer: Error {
        let status: UInt
    }
}
