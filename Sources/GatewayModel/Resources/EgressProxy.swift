/// A forward proxy through which upstreams are reached: `http` upstreams by requests that name them in full, `https` ones
/// through a tunnel (RFC 9110 §9.3.6), which the proxy cannot look into.
package struct EgressProxy: Sendable, Hashable {
    /// Whether the proxy itself is spoken to by TLS.
    package var tls: Bool
    package var host: String
    package var port: Int
    /// Whom the proxy knows us as; nil when it asks for nothing.
    package var user: String?
    package var password: Secret
    /// Trusted certificate authorities of an `https` proxy, as a PEM file; nil means the system's.
    package var caFile: String?

    package init(
        tls: Bool,
        host: String,
        port: Int,
        user: String? = nil,
        password: Secret = Secret(""),
        caFile: String? = nil
    ) {
        self.tls = tls
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.caFile = caFile
    }

    /// Without the password, which no hash table needs to see.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.tls)
        hasher.combine(self.host)
        hasher.combine(self.port)
        hasher.combine(self.user)
    }

    /// Host and port, as logs name the proxy.
    package var place: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(host):\(self.port)"
    }

    /// Scheme, host and port; neither user nor password.
    package var url: String { "\(self.tls ? "https" : "http")://\(self.place)" }

    /// Whether both are the same account of the same proxy, so that one's password is the other's.
    package func isSameAccount(as other: EgressProxy) -> Bool {
        self.url == other.url && self.user == other.user
    }

    /// The `proxy-authorization` field (RFC 7617), CR LF included; empty for a proxy that asks for nothing.
    package var authorization: [UInt8] {
        guard let user = self.user else { return [] }
        let text = Base64.text(Array("\(user):".utf8) + self.password.reveal())
        return Array("proxy-authorization: Basic \(text)\r\n".utf8)
    }
}

extension Upstream {
    /// How an upstream is reached.
    package enum Egress: Sendable, Equatable {
        /// By the proxy that the process is told to use, if it is.
        case process
        /// Without a proxy, whatever the process is told.
        case direct
        case proxy(EgressProxy)

        /// The proxy that an upstream names itself, without account.
        package var place: String? { if case .proxy(let proxy) = self { proxy.url } else { nil } }
    }
}

/// RFC 4648 §4.
package enum Base64 {
    package static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                let isPadding = place > group.count
                text.append(isPadding ? UInt8(ascii: "=") : digits[bits >> (18 - 6 * place) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
