import GatewayCore
import GatewayModel
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// What went wrong with a connection: for the caller in the words of the error codes, for the operator in the system's.
enum UpstreamFailure {
    /// A connection that could not be opened.
    static func refusal(connecting error: any Error) -> Refusal {
        Self.isTLS(error) ? Refusal(.upstreamTLS) : Refusal(.upstreamUnreachable)
    }

    /// A connection that broke while an answer was awaited.
    static func refusal(awaiting error: (any Error)?) -> Refusal {
        if let error, Self.isTLS(error) { return Refusal(.upstreamTLS) }
        return Refusal(.upstreamBroken, "The connection closed before an answer came.")
    }

    /// A peer that closes its connection without TLS's farewell has closed it: nothing is wrong with its certificate.
    private static func isTLS(_ error: any Error) -> Bool {
        if let error = error as? NIOSSLError { return error != .uncleanShutdown }
        return error is BoringSSLError || error is NIOSSLExtraError || error is UnreadableAuthorities
    }

    // MARK: causes

    /// One line for the error log. Names hosts and what the system says about them; never what was sent.
    static func cause(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError: Self.cause(connecting: error)
        case let error as IOError: Self.system(error.errnoCode)
        case let error as ProxyFailure: Self.cause(proxy: error)
        case let error as HandshakeTimeout: "no \(error.step) within \(error.nanoseconds / 1_000_000) ms"
        case let error as ChannelError: Self.cause(channel: error)
        case NIOSSLError.uncleanShutdown: "the peer closed the connection without a TLS farewell"
        case is NIOSSLError, is BoringSSLError: Self.cause(tls: "\(error)")
        default: String("\(error)".prefix(300))
        }
    }

    private static func cause(connecting error: NIOConnectionError) -> String {
        guard error.connectionErrors.isEmpty else {
            return error.connectionErrors.map { failure in
                let place = failure.target.ipAddress ?? error.host
                return "\(place) port \(error.port): \(Self.cause(failure.error))"
            }.joined(separator: "; ")
        }
        return "the name \(error.host) cannot be resolved"
    }

    private static func cause(proxy failure: ProxyFailure) -> String {
        let proxy = "the egress proxy \(failure.place)"
        return switch failure.reason {
        case .answered(407): "\(proxy) wants other credentials (407)"
        case .answered(let status): "\(proxy) refused the tunnel with \(status)"
        case .talks: "\(proxy) did not answer CONNECT as a proxy does"
        case .error(let error): "\(proxy): \(Self.cause(error))"
        }
    }

    private static func cause(channel error: ChannelError) -> String {
        switch error {
        case .eof: "the peer closed the connection"
        case .connectTimeout(let time): "no connection within \(time.nanoseconds / 1_000_000) ms"
        default: "\(error)"
        }
    }

    private static func system(_ code: CInt) -> String { String(cString: strerror(code)).lowercased() }

    /// Of BoringSSL's stack of errors the reasons, such as `CERTIFICATE_VERIFY_FAILED`; the rest are places in its source.
    private static func cause(tls text: String) -> String {
        var reasons: [Substring] = []
        var rest = text[...]
        while let mark = rest.firstRange(of: "OPENSSL_internal:") {
            rest = rest[mark.upperBound...]
            reasons.append(rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
        }
        return "TLS: " + (reasons.isEmpty ? String(text.prefix(200)) : reasons.joined(separator: ", "))
    }
}

/// The file of authorities that an upstream names cannot be used.
struct UnreadableAuthorities: Error, CustomStringConvertible {
    let path: String
    let reason: String

    var description: String { "TLS: caFile \(self.path) cannot be used: \(self.reason)" }
}
