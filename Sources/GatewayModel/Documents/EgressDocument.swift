// The written forms of `proxy`: `direct`; `http://user:password@host:port`, with `%` escapes in user and password; or an
// object of `url`, `user`, `password` and `caFile`, which is how a password that is stored is kept: `stored: true`.

extension EgressProxy {
    /// Reads a proxy's address. Its parts are held to the same rules as a base URL's, and a path makes no sense.
    package init(parsing text: String) throws(BaseURL.Refusal) {
        guard let scheme = text.firstRange(of: "://") else {
            throw BaseURL.Refusal(message: "must begin with http:// or https://")
        }
        let rest = text[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard rest.dropFirst(authority.count).allSatisfy({ $0 == "/" }) else {
            throw BaseURL.Refusal(message: "must have no path, query or fragment")
        }
        let parts = authority.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count <= 2, let place = parts.last else {
            throw BaseURL.Refusal(message: "has more than one `@`; write it as %40 in user and password")
        }
        let url = try BaseURL(parsing: "\(text[..<scheme.lowerBound])://\(place)")
        // A port that is not written is the usual one of proxies nowhere: it must be written.
        guard place.contains(":"), !place.hasSuffix("]") else { throw BaseURL.Refusal(message: "must name a port") }
        self.init(tls: url.tls, host: url.host, port: url.port)
        guard parts.count == 2 else { return }
        try self.setAccount(parts[0])
    }

    private mutating func setAccount(_ text: Substring) throws(BaseURL.Refusal) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(Self.unescaped)
        guard let first = parts.first, let user = first, let password = parts.count == 2 ? parts[1] : [] else {
            throw BaseURL.Refusal(message: "has a `%` in user or password that is no escape")
        }
        let name = String(decoding: user, as: UTF8.self)
        if let complaint = Self.userRule(name) { throw BaseURL.Refusal(message: "has a user that \(complaint)") }
        if let complaint = Self.passwordRule(String(decoding: password, as: UTF8.self)) {
            throw BaseURL.Refusal(message: "has a password that \(complaint)")
        }
        self.user = name
        self.password = Secret(password)
    }

    /// RFC 7617 §2: a colon ends the user's name.
    static func userRule(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: ":") }
        return fits && (1...256).contains(text.utf8.count)
            ? nil : "must be 1 to 256 characters, none of them a colon or a control character"
    }

    static func passwordRule(_ text: String) -> String? {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } && text.utf8.count <= 1024
            ? nil : "must be at most 1024 characters, none of them a control character"
    }

    private static func unescaped(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.allSatisfy(\.isHexDigit),
                digits.utf8.count == 2, let value = UInt8(digits, radix: 16)
            else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = byte.isLetter || byte.isDigit || "-._~".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%\(digits.count == 1 ? "0" : "")\(digits)"
        }.joined()
    }

    func document(_ secrets: SecretForm) -> DocumentValue {
        if self.password.isEmpty, self.caFile == nil {
            guard let user = self.user else { return .string(self.url) }
            return .string("\(self.tls ? "https" : "http")://\(Self.escaped(user))@\(self.place)")
        }
        var object = DocumentObject([("url", .string(self.url))])
        if let user = self.user { object.set("user", .string(user)) }
        if !self.password.isEmpty {
            switch secrets {
            case .omitted: object.set("stored", .bool(true))
            case .clear:
                object.set("password", .string(String(decoding: self.password.reveal(), as: UTF8.self)))
            }
        }
        if let caFile = self.caFile { object.set("caFile", .string(caFile)) }
        return .object(object)
    }
}

extension UpstreamDraft {
    /// What `proxy` says, and whether it keeps the password that is stored.
    static func egress(_ fields: FieldReader, allowLinkLocal: Bool) -> (Upstream.Egress, keepsPassword: Bool) {
        guard let value = fields.value("proxy") else { return (.process, false) }
        if value.string == "direct" { return (.direct, false) }
        let inner = value.string == nil ? fields.object("proxy") : nil
        let text = value.string ?? inner?.required("url") ?? ""
        var isKept = false
        var egress = Upstream.Egress.process
        do throws(BaseURL.Refusal) {
            var proxy = try EgressProxy(parsing: text)
            let place = BaseURL(tls: proxy.tls, host: proxy.host, port: proxy.port, path: "")
            if place.isLinkLocal, !allowLinkLocal {
                throw BaseURL.Refusal(
                    message: "names a link-local or metadata address; set `allowLinkLocal: true` if that is meant"
                )
            }
            if let inner { isKept = Self.readAccount(inner, into: &proxy) }
            egress = .proxy(proxy)
        } catch {
            if let inner { inner.problem("url", error.message) } else { fields.problem("proxy", error.message) }
            for name in ["user", "password", "stored", "caFile"] { _ = inner?.value(name) }
        }
        inner?.finish()
        return (egress, isKept)
    }

    private static func readAccount(_ fields: FieldReader, into proxy: inout EgressProxy) -> Bool {
        if proxy.user != nil { fields.problem("url", "must not name a user where `user` and `password` are fields") }
        proxy.caFile = fields.string("caFile", Self.filePath)
        let password = fields.string("password", EgressProxy.passwordRule)
        let isKept = fields.bool("stored", default: false)
        proxy.user = fields.string("user", EgressProxy.userRule)
        proxy.password = Secret(password ?? "")
        if isKept, password != nil { fields.problem("stored", "cannot stand beside `password`") }
        if proxy.user == nil, isKept || password != nil { fields.problem("user", "is required beside a password") }
        return isKept
    }

    /// The password of the same account of the same proxy; that of another one is nobody's business.
    func keepPassword(of stored: Upstream?, in upstream: inout Upstream, at path: String, log: ProblemLog) {
        guard self.keepsProxyPassword, case .proxy(var proxy) = upstream.egress else { return }
        let place = (path.isEmpty ? "" : path + ".") + "proxy.stored"
        guard case .proxy(let known)? = stored?.egress, !known.password.isEmpty else {
            return log.add(place, "there is no stored password; give `password`")
        }
        guard known.isSameAccount(as: proxy) else {
            return log.add(place, "cannot be kept for another proxy or user; give `password` again")
        }
        proxy.password = known.password
        upstream.egress = .proxy(proxy)
    }
}
