/// The schema's history for one part of the program, oldest first. What was ever released never changes; new ones are
/// added at the end. MySQL commits after every change of a table, so each is one statement that may run twice
/// (`CREATE TABLE IF NOT EXISTS`): a process may end between the statement and its mark.
package struct MySQLMigrations: Sendable {
    /// The part: `config`. Its migrations are marked as `config/0001`.
    package let part: String
    package let statements: [String]

    package init(_ part: String, _ statements: [String]) {
        self.part = part
        self.statements = statements
    }

    /// How long to wait for another process that migrates, in seconds.
    private static let patience: Int64 = 600

    /// Applies what is missing, alone among all processes on this database. Throws `MySQLError`.
    func run(_ connection: MySQLConnection) throws {
        try self.lock(connection)
        // Ends with the connection at the latest; then nobody waits for it any more.
        defer { _ = try? connection.rows(Self.release) }
        try connection.command(
            "create migration",
            """
            CREATE TABLE IF NOT EXISTS migration (
                name VARBINARY(128) NOT NULL PRIMARY KEY,
                appliedAt BIGINT NOT NULL
            ) ENGINE = InnoDB
            """
        )
        let applied = try Set(
            connection.rows(Self.applied, ["\(self.part)/%"]).map { try $0.read("name", as: String.self) }
        )
        let names = self.statements.indices.map(self.name)
        if let unknown = applied.subtracting(names).min() {
            throw MySQLError(
                .newerSchema,
                in: "migrate",
                "the database holds `\(unknown)`, which this program does not know: start a newer one"
            )
        }
        for (name, statement) in zip(names, self.statements) where !applied.contains(name) {
            try connection.command("migrate \(name)", statement)
            try connection.execute(Self.mark, [name])
        }
    }

    private func name(_ index: Int) -> String {
        let number = String(index + 1)
        return "\(self.part)/" + String(repeating: "0", count: max(0, 4 - number.count)) + number
    }

    private func lock(_ connection: MySQLConnection) throws {
        let row = try connection.rows(Self.acquire, [Self.patience]).first
        guard try row?.read("taken", as: Int64?.self) == 1 else {
            throw MySQLError(
                .migrationLock,
                in: "migrate",
                "another process has been changing this database for \(Self.patience) s; look at its log"
            )
        }
    }

    // Locks of this kind belong to the whole server, hence the database in their name; 64 characters at most.
    private static let acquire = MySQLStatement(
        "lock migrations",
        "SELECT GET_LOCK(CONCAT('ai-gateway/', MD5(DATABASE())), ?) AS taken"
    )
    private static let release = MySQLStatement(
        "unlock migrations",
        "SELECT RELEASE_LOCK(CONCAT('ai-gateway/', MD5(DATABASE()))) AS given"
    )
    private static let applied = MySQLStatement("list migrations", "SELECT name FROM migration WHERE name LIKE ?")
    private static let mark = MySQLStatement(
        "mark migration",
        "INSERT INTO migration (name, appliedAt) VALUES (?, UNIX_TIMESTAMP())"
    )
}
