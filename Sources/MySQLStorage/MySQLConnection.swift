internal import CMariaDB
internal import GatewayModel

/// One connection to the database, with the statements that it has prepared. Every call blocks until the server answers
/// or a timeout ends it; it belongs to one thread at a time.
package final class MySQLConnection {
    /// How long calls may block, in seconds.
    package struct Timeouts: Sendable {
        package var connect: UInt32
        /// Without a byte from the server, and without one taken by it.
        package var answer: UInt32
        /// For a row that another transaction holds; ends before `answer`, so that the server says what happened.
        package var lock: UInt32

        /// 5 s to connect, 30 s for an answer, 5 s for a lock: less than people wait for a page.
        package static let standard = Timeouts(connect: 5, answer: 30, lock: 5)
        /// For migrations: a table that is rebuilt says nothing for minutes.
        package static let migrating = Timeouts(connect: 5, answer: 3600, lock: 30)

        package init(connect: UInt32, answer: UInt32, lock: UInt32) {
            self.connect = connect
            self.answer = answer
            self.lock = lock
        }
    }

    /// More than the program has; beyond it the one unused for longest is closed, on both sides.
    private static let maximumStatements = 128

    private let handle: UnsafeMutablePointer<MYSQL>
    private var prepared: [MySQLStatement: PreparedStatement] = [:]
    private var uses: UInt64 = 0

    /// Connects, logs in, and sets what every session must have alike: utf8mb4, strict SQL, UTC.
    package init(_ address: MySQLAddress, timeouts: Timeouts = .standard) throws {
        _ = Self.library
        guard let handle = mysql_init(nil) else {
            throw MySQLError(code: 2008, sqlState: "HY001", message: "out of memory", statement: "connect")
        }
        self.handle = handle
        Self.set(timeouts, on: handle)
        Self.set(address, on: handle)
        try self.connect(address)
        for (name, sql) in Self.session(timeouts) { try self.command(name, sql) }
    }

    deinit {
        self.prepared.removeAll()
        mysql_close(self.handle)
    }

    /// The server's number of this connection, as `KILL` and the process list know it.
    package var id: UInt64 { UInt64(mysql_thread_id(self.handle)) }

    /// Nil where nothing is encrypted.
    package var cipher: String? { mysql_get_ssl_cipher(self.handle).map { String(cString: $0) } }

    var isAlive: Bool { mysql_ping(self.handle) == 0 }

    /// The rows of a prepared statement, all of them: let its LIMIT bound them.
    package func rows(_ statement: MySQLStatement, _ parameters: [any MySQLConvertible] = []) throws -> [MySQLRow] {
        try self.prepare(statement).rows(parameters.map(\.mysqlValue))
    }

    /// Runs a prepared statement that gives no rows.
    @discardableResult
    package func execute(
        _ statement: MySQLStatement,
        _ parameters: [any MySQLConvertible] = []
    ) throws -> MySQLOutcome {
        try self.prepare(statement).execute(parameters.map(\.mysqlValue))
    }

    /// Runs a text of the program that takes no parameters and gives no rows; not every statement can be prepared.
    func command(_ name: String, _ sql: String) throws {
        guard mysql_real_query(self.handle, sql, UInt(sql.utf8.count)) == 0 else { throw self.error(name) }
    }

    private func prepare(_ statement: MySQLStatement) throws -> PreparedStatement {
        self.uses += 1
        if let known = self.prepared[statement] {
            known.lastUse = self.uses
            return known
        }
        if self.prepared.count >= Self.maximumStatements,
            let oldest = self.prepared.values.min(by: { $0.lastUse < $1.lastUse })
        {
            self.prepared[oldest.statement] = nil
        }
        let new = try PreparedStatement(statement, on: self.handle)
        new.lastUse = self.uses
        self.prepared[statement] = new
        return new
    }

    private func error(_ statement: String) -> MySQLError {
        MySQLError(
            code: mysql_errno(self.handle),
            sqlState: String(cString: mysql_sqlstate(self.handle)),
            message: String(cString: mysql_error(self.handle)),
            statement: statement
        )
    }
}

extension MySQLConnection {
    /// Once for the process, before there is a second thread in the library.
    private static let library: Bool = mysql_server_init(0, nil, nil) == 0

    private static func set(_ timeouts: Timeouts, on handle: UnsafeMutablePointer<MYSQL>) {
        for (option, seconds) in [
            (MYSQL_OPT_CONNECT_TIMEOUT, timeouts.connect), (MYSQL_OPT_READ_TIMEOUT, timeouts.answer),
            (MYSQL_OPT_WRITE_TIMEOUT, timeouts.answer),
            // A server could ask for any file of this machine.
            (MYSQL_OPT_LOCAL_INFILE, 0),
        ] {
            withUnsafePointer(to: seconds) { _ = mysql_options(handle, option, $0) }
        }
        mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
    }

    private static func set(_ address: MySQLAddress, on handle: UnsafeMutablePointer<MYSQL>) {
        if address.socket == nil {
            // Ways to log in that do not show the password to who listens; a server may ask for a readable one otherwise.
            let safe = "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password"
            mysql_options(handle, MARIADB_OPT_RESTRICTED_AUTH, safe)
            withUnsafePointer(to: UInt32(MYSQL_PROTOCOL_TCP.rawValue)) {
                _ = mysql_options(handle, MYSQL_OPT_PROTOCOL, $0)
            }
        }
        guard address.tls != .off, address.socket == nil else { return }
        mysql_ssl_set(handle, nil, nil, address.authorities, nil, nil)
        mysql_options(handle, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3")
        withUnsafePointer(to: my_bool(1)) { yes in
            if address.tls == .required { mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, yes) }
            if address.tls == .required || address.authorities != nil {
                mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, yes)
            }
        }
    }

    private func connect(_ address: MySQLAddress) throws {
        let password = address.password.reveal().map { CChar(bitPattern: $0) } + [0]
        let isConnected =
            mysql_real_connect(
                self.handle,
                address.host,
                address.user,
                password,
                address.database,
                UInt32(address.port),
                address.socket,
                0
            ) != nil
        guard isConnected else { throw self.error("connect to \(address)") }
        // The library has been known to go on without TLS where the server offers none; this does not.
        guard address.tls != .required || self.cipher != nil else {
            throw MySQLError(.address, in: "connect to \(address)", "the server offers no TLS, which `tls` requires")
        }
    }

    private static func session(_ timeouts: Timeouts) -> [(String, String)] {
        [
            (
                "set sql_mode",
                """
                SET SESSION sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
                ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
                """
            ),
            ("set time_zone", "SET SESSION time_zone = '+00:00'"),
            ("set lock timeout", "SET SESSION innodb_lock_wait_timeout = \(timeouts.lock)"),
            ("set isolation", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
            ("set autocommit", "SET SESSION autocommit = 1"),
        ]
    }
}
