/// One transaction on a database that keeps a ledger: all that a driver has to bring. What the ledger does with it is the
/// same for all of them (`LedgerWriter`, `LedgerReader`, `LedgerCheck`).
package protocol LedgerDatabase {
    var dialect: LedgerDialect { get }

    /// Runs a statement, whose parameters are `?`; how many rows it added, changed or removed.
    @discardableResult func execute(_ sql: String, _ values: [LedgerValue]) throws -> Int

    /// The rows of a statement, by the order of its columns. What is remembered of a statement is the driver's choice: few
    /// differ, except those of questions, which `isRare` marks.
    func rows(_ sql: String, _ values: [LedgerValue], isRare: Bool) throws -> [[LedgerValue]]
}

extension LedgerDatabase {
    func rows(_ sql: String, _ values: [LedgerValue] = []) throws -> [[LedgerValue]] {
        try self.rows(sql, values, isRare: false)
    }

    @discardableResult func execute(_ sql: String) throws -> Int { try self.execute(sql, []) }
}

/// What goes into a parameter and comes out of a column.
package enum LedgerValue: Sendable, Equatable {
    case null
    case int(Int64)
    case text(String)
    case bytes([UInt8])

    /// Zero for what is no number.
    package var int: Int64 {
        if case .int(let number) = self { return number }
        return 0
    }

    /// Texts may lie in binary columns, where they are compared byte by byte.
    package var text: String {
        switch self {
        case .text(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .null, .int: ""
        }
    }

    package var bytes: [UInt8] {
        switch self {
        case .bytes(let bytes): bytes
        case .text(let text): Array(text.utf8)
        case .null, .int: []
        }
    }
}

/// Where SQL differs between databases.
package enum LedgerDialect: Sendable {
    case sqlite
    case mysql

    /// `INSERT` of `count` values into a table, which does nothing where the key is taken: then it changes no row.
    func insertOnce(_ table: String, _ count: Int, keep column: String) -> String {
        let marks = Array(repeating: "?", count: count).joined(separator: ", ")
        return switch self {
        case .sqlite: "INSERT OR IGNORE INTO \(table) VALUES (\(marks))"
        // Unlike `INSERT IGNORE` this passes over nothing but the taken key.
        case .mysql: "INSERT INTO \(table) VALUES (\(marks)) ON DUPLICATE KEY UPDATE \(column) = \(table).\(column)"
        }
    }

    /// What follows an `INSERT` into a table of sums whose row may be there: the additions.
    func additions(_ table: SumsTable) -> String {
        let additions = UsageSums.Column.allCases.map { column in
            let (name, new) = (column.name, self.inserted(column.name))
            // The cost's carry; MySQL assigns from left to right, so the rest comes after what is made of it.
            return switch column {
            case .costMicros:
                "\(name) = \(name) + \(new) + \(self.quotient("costRest + \(self.inserted("costRest"))", "1000000"))"
            case .costRest: "\(name) = (\(name) + \(new)) % 1000000"
            default: "\(name) = \(name) + \(new)"
            }
        }.joined(separator: ", ")
        return switch self {
        case .sqlite: "ON CONFLICT (\(table.time), series) DO UPDATE SET \(additions)"
        case .mysql: "ON DUPLICATE KEY UPDATE \(additions)"
        }
    }

    private func inserted(_ column: String) -> String {
        switch self {
        case .sqlite: "excluded.\(column)"
        case .mysql: "VALUES(\(column))"
        }
    }

    /// Division of whole numbers.
    func quotient(_ dividend: String, _ divisor: String) -> String {
        switch self {
        case .sqlite: "((\(dividend)) / \(divisor))"
        case .mysql: "((\(dividend)) DIV \(divisor))"
        }
    }

    /// The month of a day, as `year * 100 + month`.
    func month(ofDay day: String) -> String {
        switch self {
        case .sqlite: "CAST(strftime('%Y%m', \(day) * 86400, 'unixepoch') AS INTEGER)"
        case .mysql: "EXTRACT(YEAR_MONTH FROM DATE_ADD('1970-01-01', INTERVAL \(day) DAY))"
        }
    }

    /// A sum of whole numbers as one.
    func sum(_ column: String) -> String {
        switch self {
        case .sqlite: "sum(\(column))"
        case .mysql: "CAST(sum(\(column)) AS SIGNED)"
        }
    }

    /// Names of tables that begin with `?`.
    var listTables: String {
        switch self {
        case .sqlite: "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1"
        case .mysql:
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND LOCATE(?, table_name) = 1"
        }
    }

    /// Makes other writers wait until the transaction ends, where the database does not do so by itself.
    var lock: String {
        switch self {
        case .sqlite: ""
        case .mysql: " FOR UPDATE"
        }
    }

    /// The definition of the table of a day's records, if it is not there.
    func createRecords(_ table: String) -> String {
        let sums = UsageSums.Column.allCases.map { "\($0.name) \(self.number)" }.joined(separator: ", ")
        return switch self {
        case .sqlite:
            """
            CREATE TABLE IF NOT EXISTS \(table) (
                startedAt \(self.number), process \(self.number), count \(self.number), series \(self.number),
                outcome TEXT NOT NULL, \(sums), priceVersion TEXT NOT NULL, detail BLOB NOT NULL,
                PRIMARY KEY (startedAt, process, count)
            ) STRICT, WITHOUT ROWID
            """
        case .mysql:
            """
            CREATE TABLE IF NOT EXISTS \(table) (
                startedAt \(self.number), process \(self.number), count \(self.number), series \(self.number),
                outcome VARBINARY(32) NOT NULL, \(sums), priceVersion VARBINARY(512) NOT NULL, detail MEDIUMBLOB NOT NULL,
                PRIMARY KEY (startedAt, process, count)
            ) ENGINE = InnoDB
            """
        }
    }

    /// The tables that are there from the beginning: one statement each, in the order of their making, each of which may run
    /// again when it has run. What changes after a release is a migration of its own.
    package var schema: [String] {
        let text = { (bytes: Int) in
            switch self {
            case .sqlite: "TEXT NOT NULL"
            case .mysql: "VARBINARY(\(bytes)) NOT NULL"
            }
        }
        let (end, digest, identity) =
            switch self {
            case .sqlite: ("STRICT", "BLOB NOT NULL UNIQUE", "INTEGER NOT NULL PRIMARY KEY")
            case .mysql: ("ENGINE = InnoDB", "BINARY(16) NOT NULL UNIQUE", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY")
            }
        let sums = UsageSums.Column.allCases.map { "\($0.name) \(self.number)" }.joined(separator: ", ")
        return [
            "CREATE TABLE IF NOT EXISTS ledgerSetting (name \(text(64)) PRIMARY KEY, value \(self.number)) \(end)",
            "INSERT \(self == .sqlite ? "OR IGNORE" : "IGNORE") INTO ledgerSetting (name, value) VALUES ('firstDay', 0)",
            """
            CREATE TABLE IF NOT EXISTS series (
                id \(identity), digest \(digest), namespace \(text(512)), keyName \(text(512)), model \(text(4096)),
                model_served \(text(4096)), upstream \(text(512)), currency \(text(3))
            ) \(end)
            """,
        ]
            + SumsTable.allCases.map { table in
                """
                CREATE TABLE IF NOT EXISTS \(table.rawValue) (
                    \(table.time) \(self.number), series \(self.number), \(sums), PRIMARY KEY (\(table.time), series)
                ) \(self == .sqlite ? "STRICT, WITHOUT ROWID" : "ENGINE = InnoDB")
                """
            }
    }

    private var number: String {
        switch self {
        case .sqlite: "INTEGER NOT NULL"
        case .mysql: "BIGINT NOT NULL"
        }
    }
}
