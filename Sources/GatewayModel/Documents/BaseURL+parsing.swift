internal import Glibc

extension BaseURL {
    /// Why a text is no base URL, in words for its author.
    package struct Refusal: Error, Equatable {
        package let message: String
    }

    /// Reads `http` and `https` addresses. Refused: user names, queries, fragments, and hosts that some resolver could
    /// read as another address than this check does (`0x7f.1`, `2130706433`).
    package init(parsing text: String) throws(Refusal) {
        let (tls, rest) = try Self.scheme(text)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var path = String(rest.dropFirst(authority.count))
        if authority.contains("@") { throw Refusal(message: "must not contain a user name or password") }
        if path.contains("?") || path.contains("#") { throw Refusal(message: "must not have a query or fragment") }
        while path.hasSuffix("/") { path.removeLast() }
        let visible = path.utf8.allSatisfy { $0.isLetter || $0.isDigit || "/-._~%!$&'()*+,;=:@".utf8.contains($0) }
        guard visible, path.utf8.count <= 512, !path.contains("//"),
            !path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." })
        else { throw Refusal(message: "has a path that no server should be asked for") }
        let (host, port) = try Self.hostAndPort(String(authority))
        self.init(tls: tls, host: host, port: port ?? (tls ? 443 : 80), path: path)
    }

    /// Whether the host is link-local or one of the addresses at which clouds hand out credentials.
    package var isLinkLocal: Bool {
        let names = [
            "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
        ]
        if names.contains(self.host) { return true }
        if let four = Self.ipv4(self.host) { return Self.isLinkLocal(ipv4: four) }
        guard let six = Self.ipv6(self.host) else { return false }
        if six[0] == 0xfe, six[1] & 0xc0 == 0x80 { return true }
        if six == Self.ipv6("fd00:ec2::254") { return true }
        // IPv4 inside IPv6: mapped, compatible, and the well-known NAT64 prefix.
        let embedded = ["::", "::ffff:0:0", "64:ff9b::"].compactMap(Self.ipv6).contains { six[..<12] == $0[..<12] }
        return embedded && Self.isLinkLocal(ipv4: Array(six[12...]))
    }

    private static func scheme(_ text: String) throws(Refusal) -> (tls: Bool, rest: Substring) {
        for (prefix, tls) in [("https://", true), ("http://", false)]
        where text.prefix(prefix.count).lowercased() == prefix {
            return (tls, text.dropFirst(prefix.count))
        }
        throw Refusal(message: "must begin with http:// or https://")
    }

    private static func hostAndPort(_ authority: String) throws(Refusal) -> (String, Int?) {
        var host = authority[...]
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { throw Refusal(message: "has an unclosed `[`") }
            host = authority[authority.index(after: authority.startIndex)..<close]
            let after = authority[authority.index(after: close)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw Refusal(message: "has text after `]`") }
            port = after.isEmpty ? nil : after.dropFirst()
            guard Self.ipv6(String(host)) != nil else { throw Refusal(message: "has no IPv6 address in brackets") }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                host = authority[..<colon]
                port = authority[authority.index(after: colon)...]
            }
            try Self.checkName(String(host))
        }
        guard let port else { return (host.lowercased(), nil) }
        guard port.utf8.allSatisfy(\.isDigit), let number = Int(port), (1...65_535).contains(number) else {
            throw Refusal(message: "has a port that is not 1 to 65535")
        }
        return (host.lowercased(), number)
    }

    private static func checkName(_ host: String) throws(Refusal) {
        if host.isEmpty { throw Refusal(message: "has no host") }
        if TextRule.host(host) != nil { throw Refusal(message: "has a host that is neither a name nor an address") }
        // A last label that is a number makes every resolver read the whole as an IPv4 address, in one of many forms.
        let last = host.split(separator: ".").last ?? ""
        let numeric = last.utf8.allSatisfy(\.isDigit) || last.lowercased().hasPrefix("0x")
        if numeric, Self.ipv4(host) == nil { throw Refusal(message: "has an IPv4 address that is not four numbers") }
    }

    private static func isLinkLocal(ipv4 four: [UInt8]) -> Bool {
        four[0] == 169 && four[1] == 254 || four == [100, 100, 100, 200] || four == [168, 63, 129, 16]
    }

    /// Four decimal numbers without leading zeros, nothing else.
    private static func ipv4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part -> UInt8? in
            guard part.utf8.allSatisfy(\.isDigit), part == "0" || !part.hasPrefix("0") else { return nil }
            return UInt8(part)
        }
        return parts.count == 4 && bytes.count == 4 ? bytes : nil
    }

    private static func ipv6(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
