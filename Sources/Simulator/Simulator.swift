package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle

/// A provider of models that needs no model: it speaks the dialects of five of them, answers the same request with the
/// same text, and misbehaves on request (`Dials`).
///
/// Beside the providers' endpoints it shows what it received: `GET /-/requests`, `GET /-/count`; `DELETE /-/requests` forgets.
package struct Simulator: Service {
    /// The models that `GET /v1/models` lists when the options name none.
    package static let exampleModels = ["sim-chat", "sim-small", "sim-embedding", "sim-moderation"]

    private let options: SimulatorOptions
    private let logger: Logger
    private let onBound: @Sendable (Int) async -> Void

    /// A simulator that is not running yet.
    /// - Parameters:
    ///   - options: what it is started with.
    ///   - logger: where the server writes what goes wrong.
    ///   - onBound: told the real port, once, when connections are accepted.
    package init(
        _ options: SimulatorOptions = SimulatorOptions(),
        logger: Logger = Logger(label: "simulator"),
        onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.options = options
        self.logger = logger
        self.onBound = onBound
    }

    /// Serves until the task is cancelled or a graceful shutdown begins; requests that run are finished then.
    package func run() async throws {
        try await self.application().run()
    }

    /// The server, for composition roots and tests that run it themselves.
    package func application() -> some ApplicationProtocol {
        let service = SimulatorResponder(self.options)
        let onBound = self.onBound
        return Application(
            responder: service.router().buildResponder(),
            server: HTTPServerBuilder { responder in
                let configuration = HTTP1Channel.Configuration(additionalChannelHandlers: [CallerGoneHandler()])
                let base = HTTP1Channel(responder: responder, configuration: configuration)
                return RealtimeChannel(base: base, responder: service)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(self.options.host, port: self.options.port),
                serverName: "simulator",
                backlog: 4096
            ),
            onServerRunning: { channel in await onBound(channel.localAddress?.port ?? 0) },
            logger: self.logger
        )
    }
}
