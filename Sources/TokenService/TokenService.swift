internal import Foundation
internal import GatewayModel
package import Hummingbird
internal import HummingbirdCore
package import Logging
package import ServiceKit
internal import ServiceLifecycle

/// What a token service can be told at its start.
package struct TokenServiceOptions: Sendable {
    package var host: String
    /// 0 takes a free port; `onListening` says which.
    package var port: Int
    /// Days whose records are kept, today included; their sums stay.
    package var keptDays: Int
    /// How often days are looked for that are to be removed.
    package var cleaning: Duration
    /// Connections at once; beyond, new ones wait until others close.
    package var connectionLimit: Int
    /// Called once with the port that the service listens on.
    package var onListening: @Sendable (Int) -> Void

    package init(
        host: String = "127.0.0.1",
        port: Int = 8002,
        keptDays: Int = 90,
        cleaning: Duration = .seconds(600),
        connectionLimit: Int = 1000,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.keptDays = keptDays
        self.cleaning = cleaning
        self.connectionLimit = connectionLimit
        self.onListening = onListening
    }
}

/// Stores what gateways have used, and answers questions about it. `run()` serves until graceful shutdown.
package final class TokenService: Service {
    private let ledger: UsageLedger
    private let authenticator: any Authenticator
    private let options: TokenServiceOptions
    private let logger: Logger
    private let requests = RequestCounter(service: "token_service")
    private let now: @Sendable () -> Int64

    package init(
        _ ledger: UsageLedger,
        authenticator: any Authenticator,
        options: TokenServiceOptions = TokenServiceOptions(),
        logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    ) {
        self.ledger = ledger
        self.authenticator = authenticator
        self.options = options
        self.logger = logger
        self.now = now
    }

    /// Every endpoint that the service has.
    package var endpoints: [Endpoint] {
        let api =
            [IngestEndpoint(ledger: self.ledger).endpoint, CostEndpoint(ledger: self.ledger, now: self.now).endpoint]
            + TokenEndpoints().endpoints
            + UsageEndpoints(ledger: self.ledger, now: self.now).endpoints
        let system = { (document: @escaping @Sendable () -> DocumentValue) in
            SystemEndpoints(ledger: self.ledger, requests: self.requests, openAPI: document).endpoints
        }
        let all = api + system { .null }
        return api
            + system {
                OpenAPIDocument(title: "AI Gateway token service", endpoints: all, schemas: Schemas.all).document
            }
    }

    /// The router of all endpoints.
    package var router: Router<ServiceContext> {
        let requests = self.requests
        let middleware = ServiceMiddleware(logger: self.logger) { requests.count($0, $1, $2) }
        return EndpointRouter(authenticator: self.authenticator).router(self.endpoints, middleware: middleware)
    }

    /// The HTTP service by itself, without what `run()` does beside it.
    package var application: Application<RouterResponder<ServiceContext>> {
        let onListening = self.options.onListening
        return Application(
            router: self.router,
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(
                address: .hostname(self.options.host, port: self.options.port),
                availableConnectionsDelegate: MaximumAvailableConnections(self.options.connectionLimit)
            ),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
            logger: self.logger
        )
    }

    package func run() async throws {
        let application = self.application
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.clean() }
            try await application.run()
            group.cancelAll()
        }
    }

    private func clean() async {
        await cancelWhenGracefulShutdown {
            repeat {
                do {
                    try await self.ledger.keepDays(self.options.keptDays, now: self.now())
                } catch {
                    self.logger.error("old records not removed", metadata: ["gateway.cause": "\(error)"])
                }
            } while (try? await Task.sleep(for: self.options.cleaning)) != nil
        }
    }
}
