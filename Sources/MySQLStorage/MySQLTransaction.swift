/// One unit of work on a connection. It ends with the closure that it was given to, and is of no use afterwards.
package final class MySQLTransaction {
    /// Nil when the transaction has ended.
    private var connection: MySQLConnection?
    /// What ended it on the server's side: whatever came after would run outside of it.
    private(set) var failure: MySQLError?

    init(_ connection: MySQLConnection) { self.connection = connection }

    /// The rows of a prepared statement, all of them: let its LIMIT bound them. Throws `MySQLError`.
    package func rows(_ statement: MySQLStatement, _ parameters: any MySQLConvertible...) throws -> [MySQLRow] {
        try self.run(statement) { try $0.rows(statement, parameters) }
    }

    /// The same with parameters that are values already.
    package func rows(_ statement: MySQLStatement, values: [MySQLValue]) throws -> [MySQLRow] {
        try self.run(statement) { try $0.rows(statement, values) }
    }

    /// The first row, or nil. Throws `MySQLError`.
    package func first(_ statement: MySQLStatement, _ parameters: any MySQLConvertible...) throws -> MySQLRow? {
        try self.run(statement) { try $0.rows(statement, parameters) }.first
    }

    /// Runs a statement that gives no rows. Throws `MySQLError`.
    @discardableResult
    package func execute(
        _ statement: MySQLStatement,
        _ parameters: any MySQLConvertible...
    ) throws -> MySQLOutcome {
        try self.run(statement) { try $0.execute(statement, parameters) }
    }

    /// The same with parameters that are values already.
    @discardableResult
    package func execute(_ statement: MySQLStatement, values: [MySQLValue]) throws -> MySQLOutcome {
        try self.run(statement) { try $0.execute(statement, values) }
    }

    func end() { self.connection = nil }

    private func run<Result>(_ statement: MySQLStatement, _ body: (MySQLConnection) throws -> Result) throws -> Result {
        if let failure = self.failure { throw failure }
        guard let connection = self.connection else {
            throw MySQLError(.closed, in: statement.name, "the transaction has ended")
        }
        do { return try body(connection) } catch let error as MySQLError {
            if error.isContention || error.isConnectionLost { self.failure = error }
            throw error
        }
    }
}

extension MySQLConnection {
    enum Access: String {
        case write = "START TRANSACTION"
        case read = "START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT"
    }

    /// Starts a transaction that `finish` ends.
    func begin(_ access: Access) throws { try self.command("begin", access.rawValue) }

    /// Runs the work and commits; undoes it when it throws, and when the server has undone a part of it.
    func finish<Result>(_ access: Access, _ work: (MySQLTransaction) throws -> Result) throws -> Result {
        let transaction = MySQLTransaction(self)
        defer { transaction.end() }
        let result: Result
        do {
            result = try work(transaction)
            if let failure = transaction.failure { throw failure }
        } catch {
            // When even this fails the connection is lost, and the server undoes the transaction by itself.
            do { try self.command("rollback", "ROLLBACK") } catch { throw transaction.failure ?? error }
            throw error
        }
        try self.commit(access)
        return result
    }

    private func commit(_ access: Access) throws {
        do { try self.command("commit", "COMMIT") } catch let error as MySQLError {
            guard error.isConnectionLost, access == .write else { throw error }
            throw MySQLError(
                .outcomeUnknown,
                in: "commit",
                "the connection ended before the server answered: it may have been committed (\(error.message))"
            )
        }
    }
}
