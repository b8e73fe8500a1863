package import ServiceKit
package import Storage

/// What a config center can be told at its start.
package struct ConfigCenterOptions: Sendable {
    package var host: String
    /// 0 takes a free port; `onListening` says which.
    package var port: Int
    /// Serves https with these; nil serves http, which is for this machine only or for a proxy that ends TLS.
    package var tls: CertificateFiles?
    /// Versions that are kept; older ones are deleted with each publish.
    package var keptSnapshots: Int
    /// Gateways that may watch at once; more are refused with 503.
    package var watcherLimit: Int
    /// Connections at once beside those of watchers; beyond, new ones wait until others close.
    package var connectionLimit: Int
    /// How often an idle watch stream carries a comment.
    package var heartbeat: Duration
    /// How often the database is asked for versions that another config center published.
    package var poll: Duration
    /// The cost of passwords.
    package var hasher: PasswordHasher
    /// Called once with the port that the service listens on.
    package var onListening: @Sendable (Int) -> Void
    /// Called with every audit row when it is committed, and with every refused login, which has no row and the id 0:
    /// whoever can reach the port could fill the database with those.
    package var onAudit: @Sendable (AuditRecord) -> Void

    package init(
        host: String = "127.0.0.1",
        port: Int = 8001,
        tls: CertificateFiles? = nil,
        keptSnapshots: Int = 200,
        watcherLimit: Int = 1000,
        connectionLimit: Int = 1000,
        heartbeat: Duration = .seconds(10),
        poll: Duration = .milliseconds(500),
        hasher: PasswordHasher = PasswordHasher(),
        onListening: @escaping @Sendable (Int) -> Void = { _ in },
        onAudit: @escaping @Sendable (AuditRecord) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.keptSnapshots = keptSnapshots
        self.watcherLimit = watcherLimit
        self.connectionLimit = connectionLimit
        self.heartbeat = heartbeat
        self.poll = poll
        self.hasher = hasher
        self.onListening = onListening
        self.onAudit = onAudit
    }

    /// A server's certificate chain and its key, as PEM files.
    package struct CertificateFiles: Sendable {
        package var certificates: String
        package var privateKey: String

        package init(certificates: String, privateKey: String) {
            self.certificates = certificates
            self.privateKey = privateKey
        }
    }
}
