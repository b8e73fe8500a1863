internal import Foundation
package import GatewayModel

/// Where a database is and how to log in.
///
///     mysql://user:password@host:port/database?tls=required&ca=/path/ca.pem
///     mysql://user@localhost/database?socket=/run/mysqld/mysqld.sock&passwordFile=/path
///
/// `tls` is `required` (verified against `ca`, else the system's authorities, by name), `preferred` (encrypted where the
/// server offers it, verified with `ca` only) or `off`. Without it: `required`, but `preferred` for this machine.
package struct MySQLAddress: Sendable, CustomStringConvertible {
    package enum TLS: String, Sendable, CaseIterable {
        case required, preferred, off
    }

    package let user: String
    package let password: Secret
    package let host: String
    package let port: UInt16
    package let database: String
    /// A unix socket's path; host and port are not used then.
    package let socket: String?
    package let tls: TLS
    /// PEM file of the authorities that may have signed the server's certificate.
    package let authorities: String?

    /// Reads the address; the password comes from it, else from the file that it names, else from the parameter. The
    /// error says what is wrong and never repeats the text, which may hold a password.
    package init(parsing text: String, password fallback: String? = nil) throws(MySQLError) {
        guard let url = URLComponents(string: text), url.scheme == "mysql" || url.scheme == "mariadb" else {
            throw Self.refusal("must look like mysql://user@host:3306/database; percent-encode special characters")
        }
        let options = try Self.options(url)
        guard let user = url.user, !user.isEmpty else { throw Self.refusal("names no user") }
        let database = String(url.path.dropFirst())
        guard !database.isEmpty, !database.contains("/"), database.utf8.count <= 64 else {
            throw Self.refusal("must name one database after the host: mysql://user@host/database")
        }
        let host = (url.host ?? "").trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        self.socket = options["socket"]
        guard !host.isEmpty || self.socket != nil else { throw Self.refusal("names neither a host nor a socket") }
        guard let port = UInt16(exactly: url.port ?? 3306), port > 0 else { throw Self.refusal("has no possible port") }
        self.user = user
        self.host = host.isEmpty ? "localhost" : host
        self.port = port
        self.database = database
        self.authorities = options["ca"]
        self.tls = try Self.tls(options["tls"], isLocal: self.socket != nil || Self.loopback.contains(host))
        self.password = try Self.password(url.password, file: options["passwordFile"], fallback)
        try self.check()
    }

    /// Without the password.
    package var description: String {
        let place = self.socket ?? "\(self.host.contains(":") ? "[\(self.host)]" : self.host):\(self.port)"
        return "mysql://\(self.user)@\(place)/\(self.database)"
    }

    private static let loopback: Set = ["localhost", "127.0.0.1", "::1"]
}

extension MySQLAddress {
    /// The library takes texts that end at a zero byte, and gives certificates' names no meaning on a socket.
    private func check() throws(MySQLError) {
        let texts = [self.user, self.host, self.database, self.socket ?? "", self.authorities ?? ""]
        guard texts.allSatisfy({ !$0.utf8.contains(0) }), !self.password.reveal().contains(0) else {
            throw Self.refusal("holds a zero byte")
        }
        if let authorities = self.authorities, !FileManager.default.isReadableFile(atPath: authorities) {
            throw Self.refusal("names a `ca` that cannot be read: \(authorities)")
        }
        if self.socket != nil, self.tls == .required {
            throw Self.refusal("asks for `tls=required` on a socket, which no network lies behind; leave `tls` out")
        }
    }

    private static func options(_ url: URLComponents) throws(MySQLError) -> [String: String] {
        var options: [String: String] = [:]
        for item in url.queryItems ?? [] {
            guard ["tls", "ca", "socket", "passwordFile"].contains(item.name) else {
                throw Self.refusal("has an unknown option `\(item.name)`; known are tls, ca, socket, passwordFile")
            }
            guard let value = item.value, !value.isEmpty, options.updateValue(value, forKey: item.name) == nil else {
                throw Self.refusal("must give `\(item.name)` one value, once")
            }
        }
        return options
    }

    private static func tls(_ text: String?, isLocal: Bool) throws(MySQLError) -> TLS {
        guard let text else { return isLocal ? .preferred : .required }
        guard let tls = TLS(rawValue: text) else {
            throw Self.refusal("has a `tls` that is not required, preferred or off")
        }
        return tls
    }

    private static func password(
        _ written: String?,
        file: String?,
        _ fallback: String?
    ) throws(MySQLError) -> Secret {
        if let written {
            guard file == nil else { throw Self.refusal("has a password and a passwordFile") }
            return Secret(written)
        }
        guard let file else { return Secret(fallback ?? "") }
        guard let content = FileManager.default.contents(atPath: file), content.count <= 4096 else {
            throw Self.refusal("names a passwordFile that cannot be read, or is longer than 4096 bytes: \(file)")
        }
        // An editor ends the last line; the line's end is no part of the password.
        return Secret(Array(String(decoding: content, as: UTF8.self).trimmingCharacters(in: .newlines).utf8))
    }

    private static func refusal(_ why: String) -> MySQLError {
        MySQLError(.address, in: "the address of the store", why)
    }
}
