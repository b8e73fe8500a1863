package import GatewayModel
import Synchronization

/// A token of Microsoft Entra ID that stands for one client secret. Asked for and replaced by somebody who may wait; read
/// for each attempt.
package final class EntraToken: Sendable {
    package let credential: Upstream.Credential.Entra

    private struct State {
        /// The header line, CR LF included; empty until the first token has come.
        var line: [UInt8] = []
        /// Monotonic nanoseconds; 0 asks at once.
        var renewAt: UInt64 = 0
    }

    private let state = Mutex(State())

    init(_ credential: Upstream.Credential.Entra) { self.credential = credential }

    /// The header line to send; empty while there is no token, and then the upstream refuses.
    var line: [UInt8] { self.state.withLock { $0.line } }

    /// Whether a new token should be asked for.
    package func isDue(_ now: UInt64) -> Bool { self.state.withLock { $0.renewAt <= now } }

    /// Takes a new token, which holds for `lifetime` nanoseconds. It is replaced when four fifths of that are over.
    package func take(_ token: String, lifetime: UInt64, now: UInt64) {
        let line = Array("authorization: Bearer \(token)\r\n".utf8)
        self.state.withLock { $0 = State(line: line, renewAt: now + lifetime / 5 * 4) }
    }

    /// No token was to be had: the old one stays, and another try is made after `wait` nanoseconds.
    package func failed(now: UInt64, wait: UInt64 = 10_000_000_000) {
        self.state.withLock { $0.renewAt = now + wait }
    }
}

/// The tokens of all upstreams, which outlive the tables that refer to them.
package final class EntraTokens: Sendable {
    private let tokens = Mutex<[EntraToken]>([])
    /// Says something whenever there is a new one; for one reader.
    package let news: AsyncStream<Void>
    private let tell: AsyncStream<Void>.Continuation

    package init() { (self.news, self.tell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    /// No upstream is called with a token.
    package var isEmpty: Bool { self.tokens.withLock { $0.isEmpty } }

    /// The token for `credential`, the same for equal ones.
    func token(for credential: Upstream.Credential.Entra) -> EntraToken {
        self.tokens.withLock { tokens in
            if let known = tokens.first(where: { $0.credential == credential }) { return known }
            let token = EntraToken(credential)
            tokens.append(token)
            self.tell.yield()
            return token
        }
    }

    /// Forgets the tokens of credentials that no upstream has any more.
    func keep(only credentials: [Upstream.Credential.Entra]) {
        self.tokens.withLock { tokens in tokens.removeAll { !credentials.contains($0.credential) } }
    }

    /// Those that should be asked for anew.
    package func due(_ now: UInt64) -> [EntraToken] { self.tokens.withLock { $0.filter { $0.isDue(now) } } }
}
