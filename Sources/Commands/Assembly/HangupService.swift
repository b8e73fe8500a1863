import Logging
import ServiceLifecycle
import UnixSignals

/// On SIGHUP: log files are opened anew, and the configuration file is applied again.
struct HangupService: Service {
    let logger: Logger
    let onHangup: @Sendable () async throws -> Void

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            do { try await self.onHangup() } catch {
                // A faulty file changes nothing: what is in force stays in force.
                self.logger.error("reload failed", metadata: ["gateway.cause": "\(error)"])
            }
        }
    }
}
