import GatewayCore
import GatewayModel
import Logging
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import GatewayServer

struct AttemptLogTests {
    private final class Lines: LogHandler, Sendable {
        let lines = Mutex<[(level: Logger.Level, metadata: Logger.Metadata)]>([])
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) { self.lines.withLock { $0.append((event.level, event.metadata ?? [:])) } }
    }

    private static let second: UInt64 = 1_000_000_000

    @Test func writesAHundredLinesASecondAndCountsTheRest() {
        let lines = Lines()
        let log = AttemptLog(Logger(label: "test") { _ in lines })
        let start = 1_800_000_000 * Self.second
        for number in 0..<250 {
            let refusal = Refusal(.upstreamUnreachable)
            let wall = start + UInt64(number)
            log.failed(refusal, .said("no"), on: "up", attempt: 1, of: "req_\(number)", wall: wall)
        }
        #expect(lines.lines.withLock { $0.count } == 100)
        #expect(log.unlogged == 150)
        let later = start + Self.second
        log.failed(Refusal(.upstreamTLS), .answered(1), on: "up", attempt: 2, of: "req_x", wall: later)
        #expect(lines.lines.withLock { $0.count } == 101)
    }

    @Test func saysWhoWhatAndWhy() throws {
        let lines = Lines()
        let log = AttemptLog(Logger(label: "test") { _ in lines })
        log.failed(Refusal(.upstreamCredentialsExhausted), .answered(401), on: "up", attempt: 2, of: "req_1", wall: 1)
        let line = try #require(lines.lines.withLock { $0.first })
        #expect(line.level == .error)
        #expect(line.metadata["gateway.upstream"] == "up" && line.metadata["gateway.cause"] == "it answered 401")
        #expect(line.metadata["gateway.code"] == "upstream_credentials_exhausted")
        #expect(line.metadata["gateway.attempt"] == "2" && line.metadata["gateway.id"] == "req_1")
    }

    @Test func putsErrorsIntoWords() {
        #expect(UpstreamFailure.cause(IOError(errnoCode: 111, reason: "connect")) == "connection refused")
        #expect(UpstreamFailure.cause(ChannelError.connectTimeout(.seconds(2))) == "no connection within 2000 ms")
        #expect(UpstreamFailure.cause(NIOSSLError.uncleanShutdown).contains("without a TLS farewell"))
        #expect(UpstreamFailure.refusal(awaiting: NIOSSLError.uncleanShutdown).code == .upstreamBroken)
        #expect(UpstreamFailure.refusal(connecting: NIOSSLError.noCertificateToValidate).code == .upstreamTLS)
        let unreadable = UnreadableAuthorities(path: "/ca.pem", reason: "none")
        #expect(UpstreamFailure.cause(unreadable).contains("/ca.pem"))
    }
}
