internal import CMariaDB

/// What the server, the library or the pool refused. It names the statement, never its parameters: they may be secret.
package struct MySQLError: Error, CustomStringConvertible {
    /// What went wrong on this side of the connection.
    package enum Local: UInt32, Sendable {
        /// A column is not what the program reads.
        case column = 1
        /// No connection became free in time.
        case exhausted
        /// More work waits than the pool holds.
        case queueFull
        /// The pool is closed, or the transaction has ended.
        case closed
        /// The connection ended while the server was committing: nobody here knows whether it did.
        case outcomeUnknown
        /// The database was migrated by a newer program.
        case newerSchema
        /// Another process holds the migrations' lock.
        case migrationLock
        /// The address, or the connection that it asks for, cannot be used.
        case address
        /// The row that serialises writers is not there.
        case lockMissing
    }

    /// MySQL's number (1000 and above: server and library), or a `Local` one.
    package let code: UInt32
    /// Five characters of the SQL standard; HY000 where there is none.
    package let sqlState: String
    package let message: String
    /// The name that the program gave the statement, or what was being done.
    package let statement: String

    init(_ code: Local, in statement: String, _ message: String) {
        self.init(code: code.rawValue, sqlState: "HY000", message: message, statement: statement)
    }

    init(code: UInt32, sqlState: String, message: String, statement: String) {
        self.code = code
        self.sqlState = sqlState
        self.statement = statement
        self.message = Self.quotesValues(code, sqlState) ? "a value was refused (its text is not shown)" : message
    }

    package var description: String {
        if self.local != nil { return "\(self.statement): \(self.message)" }
        let hint = Self.hints[self.code].map { "; \($0)" } ?? ""
        return "\(self.statement): \(self.message) (MySQL error \(self.code), SQLSTATE \(self.sqlState))\(hint)"
    }

    /// Nil for errors of the server and the library.
    package var local: Local? { Local(rawValue: self.code) }

    /// The server undid the transaction, or is asked to, because another stood in its way: the whole may be tried again.
    package var isContention: Bool { self.code == 1213 || self.code == 1205 }

    /// The connection is of no more use.
    package var isConnectionLost: Bool { Self.lost.contains(self.code) }

    /// A key that must be unique is there already.
    package var isDuplicate: Bool { self.code == 1062 }

    /// A read tried to write.
    package var isReadOnly: Bool { self.code == 1792 }

    /// Library errors from errmsg.h (connecting, gone, lost, packets, protocol) and the server's own farewells:
    /// 1053 shutdown, 1152 aborted, 1153 packet too large, 1158 to 1161 network, 1927 and 3169 killed, 4031 idle.
    private static let lost: Set<UInt32> = [
        2000, 2002, 2003, 2006, 2012, 2013, 2014, 2020, 2026, 2027, 2055, 1053, 1152, 1153, 1158, 1159, 1160, 1161,
        1927,
        3169, 4031,
    ]

    private static let hints: [UInt32: String] = [
        1045: "check user, password, and the host that the user may come from",
        1044: "grant the user all privileges on this database",
        1049: "create the database first",
        1153: "raise max_allowed_packet of the server",
        2026: "check `tls` and `ca` of the address, and the names in the server's certificate",
    ]

    /// Classes 22 (data) and 23 (integrity) and the conversions filed under HY000 quote what they refuse.
    private static func quotesValues(_ code: UInt32, _ sqlState: String) -> Bool {
        sqlState.hasPrefix("22") || sqlState.hasPrefix("23") || [1292, 1366, 1411, 1525].contains(code)
    }
}
