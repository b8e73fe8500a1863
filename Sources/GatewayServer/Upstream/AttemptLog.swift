import GatewayCore
import GatewayModel
import Logging
import SharedState
import Synchronization

/// Tells operators why attempts on upstreams fail, which callers are not told: one line each in the error log, and never
/// more than `linesPerSecond`, because an upstream that is down fails as often as it is called. Shared by all loops.
final class AttemptLog: Sendable {
    enum Cause {
        /// What the system, the resolver or TLS said.
        case error(any Error)
        /// The upstream's answer had this status.
        case answered(Int)
        /// In our own words.
        case said(String)
        /// What the refusal says.
        case asTheCodeSays
    }

    static let linesPerSecond: UInt32 = 100

    private let logger: Logger
    private let window = WindowCounter()
    private let left = Atomic<UInt64>(0)

    init(_ logger: Logger) { self.logger = logger }

    /// Failures for which no line was written.
    var unlogged: UInt64 { self.left.load(ordering: .relaxed) }

    /// Writes a line if this second has any left. `wall` is nanoseconds since 1970.
    func failed(
        _ refusal: Refusal,
        _ cause: Cause,
        on upstream: String,
        attempt: Int,
        of id: @autoclosure () -> String,
        wall: UInt64
    ) {
        guard self.window.take(limit: Self.linesPerSecond, length: 1_000_000_000, now: wall).admitted else {
            self.left.wrappingAdd(1, ordering: .relaxed)
            return
        }
        self.logger.log(
            level: Self.level(of: refusal.code),
            "attempt on an upstream failed",
            metadata: [
                "gateway.upstream": "\(upstream)", "gateway.code": "\(refusal.code.rawValue)",
                "gateway.cause": "\(Self.text(cause, refusal))", "gateway.attempt": "\(attempt)",
                "gateway.id": "\(id())",
            ]
        )
    }

    /// What stays wrong until somebody does something is an error.
    private static func level(of code: ErrorCode) -> Logger.Level {
        switch code {
        case .upstreamTLS, .upstreamCredentialsExhausted: .error
        default: .warning
        }
    }

    private static func text(_ cause: Cause, _ refusal: Refusal) -> String {
        switch cause {
        case .error(let error): UpstreamFailure.cause(error)
        case .answered(let status): "it answered \(status)"
        case .said(let text): text
        case .asTheCodeSays: refusal.detail ?? refusal.code.entry.message
        }
    }
}
