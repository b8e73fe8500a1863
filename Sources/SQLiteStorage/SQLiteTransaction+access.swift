internal import Foundation
internal import GRDB
internal import Storage

// Users, tokens and settings.
extension SQLiteTransaction {
    func user(_ name: String) throws -> UserRecord? {
        try Row.fetchOne(self.db, sql: "SELECT * FROM user WHERE name = ?", arguments: [name]).map(Self.user)
    }

    func users(after: String?, limit: Int) throws -> [UserRecord] {
        try Row.fetchAll(
            self.db,
            sql: "SELECT * FROM user WHERE name > ? ORDER BY name LIMIT ?",
            arguments: [after ?? "", limit]
        ).map(Self.user)
    }

    func put(_ user: UserRecord) throws {
        try self.db.execute(
            sql: """
                INSERT INTO user (name, role, passwordHash, createdAt) VALUES (?, ?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET role = excluded.role, passwordHash = excluded.passwordHash
                """,
            arguments: [user.name, user.role, user.passwordHash, user.createdAt]
        )
    }

    func deleteUser(_ name: String) throws {
        try self.db.execute(sql: "DELETE FROM user WHERE name = ?", arguments: [name])
        try self.deleteTokens(of: name)
    }

    private static func user(_ row: Row) -> UserRecord {
        UserRecord(
            name: row["name"],
            role: row["role"],
            passwordHash: row["passwordHash"],
            createdAt: row["createdAt"]
        )
    }

    func token(_ digest: String) throws -> TokenRecord? {
        try Row.fetchOne(self.db, sql: "SELECT * FROM token WHERE digest = ?", arguments: [digest]).map { row in
            TokenRecord(digest: row["digest"], user: row["user"], role: row["role"], expiresAt: row["expiresAt"])
        }
    }

    func insert(_ token: TokenRecord) throws {
        try self.db.execute(
            sql: "INSERT INTO token (digest, user, role, expiresAt) VALUES (?, ?, ?, ?)",
            arguments: [token.digest, token.user, token.role, token.expiresAt]
        )
    }

    func deleteToken(_ digest: String) throws {
        try self.db.execute(sql: "DELETE FROM token WHERE digest = ?", arguments: [digest])
    }

    func deleteTokens(expiredAt now: Int64) throws {
        try self.db.execute(sql: "DELETE FROM token WHERE expiresAt <= ?", arguments: [now])
    }

    func deleteTokens(of user: String) throws {
        try self.db.execute(sql: "DELETE FROM token WHERE user = ?", arguments: [user])
    }

    func setting(_ name: String) throws -> [UInt8]? {
        try Data.fetchOne(self.db, sql: "SELECT value FROM setting WHERE name = ?", arguments: [name]).map { Array($0) }
    }

    func set(_ name: String, _ value: [UInt8]) throws {
        try self.db.execute(
            sql: """
                INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """,
            arguments: [name, Data(value)]
        )
    }
}
