internal import Glibc

/// One thread's connection: made when there is work, made anew when it was lost.
final class MySQLWorker {
    private let address: MySQLAddress
    private let timeouts: MySQLConnection.Timeouts
    private let attempts: Int
    private var connection: MySQLConnection?
    private var lastUse = ContinuousClock.now

    /// A connection that rested longer is asked whether it lives: a firewall or the server may have ended it.
    private static let rest = Duration.seconds(1)

    init(_ address: MySQLAddress, _ options: MySQLPool.Options) {
        self.address = address
        self.timeouts = options.timeouts
        self.attempts = options.attempts
    }

    /// The whole transaction, again from its start where another stood in its way, up to `attempts` times.
    func transaction<Result>(
        _ access: MySQLConnection.Access,
        _ work: (MySQLTransaction) throws -> Result
    ) throws -> Result {
        var attempt = 1
        while true {
            do { return try self.attempt(access, work) } catch let error as MySQLError {
                guard error.isContention, attempt < self.attempts else { throw error }
                // Two that met once meet again unless one waits a little longer: 5 to 20 ms, then up to twice, thrice.
                usleep(UInt32.random(in: 5_000...20_000) * UInt32(attempt))
                attempt += 1
            }
        }
    }

    private func attempt<Result>(
        _ access: MySQLConnection.Access,
        _ work: (MySQLTransaction) throws -> Result
    ) throws -> Result {
        let connection = try self.begin(access)
        do {
            let result = try connection.finish(access, work)
            self.lastUse = .now
            return result
        } catch {
            // Whether it still answers shows whether it can be used again, whoever's error this is.
            let isUnknown = (error as? MySQLError)?.local == .outcomeUnknown
            if isUnknown || !connection.isAlive { self.connection = nil }
            throw error
        }
    }

    /// A connection with a transaction begun. One that ended unnoticed is replaced, as nothing was lost with it yet.
    private func begin(_ access: MySQLConnection.Access) throws -> MySQLConnection {
        let connection = try self.open()
        do { try connection.begin(access) } catch let error as MySQLError {
            self.connection = nil
            guard error.isConnectionLost else { throw error }
            let fresh = try self.open()
            try fresh.begin(access)
            return fresh
        }
        return connection
    }

    private func open() throws -> MySQLConnection {
        if let connection = self.connection, self.lastUse.duration(to: .now) < Self.rest || connection.isAlive {
            return connection
        }
        self.connection = nil
        let connection = try MySQLConnection(self.address, timeouts: self.timeouts)
        self.connection = connection
        self.lastUse = .now
        return connection
    }
}
