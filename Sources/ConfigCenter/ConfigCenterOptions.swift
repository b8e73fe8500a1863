package import ServiceKit

/// What a config center can be told at its start.
package struct ConfigCenterOptions: Sendable {
    package var host: String
    /// 0 takes a free port; `onListening` says which.
    package var port: Int
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

    package init(
        host: String = "127.0.0.1",
        port: Int = 8001,
        keptSnapshots: Int = 200,
        watcherLimit: Int = 1000,
        connectionLimit: Int = 1000,
        heartbeat: Duration = .seconds(10),
        poll: Duration = .milliseconds(500),
        hasher: PasswordHasher = PasswordHasher(),
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.keptSnapshots = keptSnapshots
        self.watcherLimit = watcherLimit
        self.connectionLimit = connectionLimit
        self.heartbeat = heartbeat
        self.poll = poll
        self.hasher = hasher
        self.onListening = onListening
    }
}
