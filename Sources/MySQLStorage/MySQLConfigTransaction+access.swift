internal import Storage

// Users, tokens and settings.
extension MySQLConfigTransaction {
    func user(_ name: String) throws -> UserRecord? { try self.rows.first(Self.userByName, name).map(Self.user) }

    func users(after: String?, limit: Int) throws -> [UserRecord] {
        try self.rows.rows(Self.userPage, after ?? "", Int64(limit)).map(Self.user)
    }

    func put(_ user: UserRecord) throws {
        try self.rows.execute(Self.putUser, user.name, user.role, user.passwordHash, user.createdAt)
    }

    func deleteUser(_ name: String) throws {
        try self.rows.execute(Self.deleteUser, name)
        try self.deleteTokens(of: name)
    }

    private static func user(_ row: MySQLRow) throws -> UserRecord {
        UserRecord(
            name: try row.read("name"),
            role: try row.read("role"),
            passwordHash: try row.read("passwordHash"),
            createdAt: try row.read("createdAt")
        )
    }

    func token(_ digest: String) throws -> TokenRecord? {
        try self.rows.first(Self.tokenByDigest, digest).map { row in
            TokenRecord(
                digest: try row.read("digest"),
                user: try row.read("user"),
                role: try row.read("role"),
                expiresAt: try row.read("expiresAt")
            )
        }
    }

    func insert(_ token: TokenRecord) throws {
        try self.rows.execute(Self.insertToken, token.digest, token.user, token.role, token.expiresAt)
    }

    func deleteToken(_ digest: String) throws { try self.rows.execute(Self.deleteToken, digest) }

    func deleteTokens(expiredAt now: Int64) throws { try self.rows.execute(Self.deleteExpired, now) }

    func deleteTokens(of user: String) throws { try self.rows.execute(Self.deleteTokensOfUser, user) }

    func setting(_ name: String) throws -> [UInt8]? { try self.rows.first(Self.settingByName, name)?.read("value") }

    func set(_ name: String, _ value: [UInt8]) throws { try self.rows.execute(Self.putSetting, name, value) }
}

// MARK: Statements

extension MySQLConfigTransaction {
    private static let userByName = MySQLStatement("user by name", "SELECT * FROM `user` WHERE name = ?")
    private static let userPage = MySQLStatement(
        "page of users",
        "SELECT * FROM `user` WHERE name > ? ORDER BY name LIMIT ?"
    )
    private static let putUser = MySQLStatement(
        "put user",
        """
        INSERT INTO `user` (name, role, passwordHash, createdAt) VALUES (?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE role = VALUES(role), passwordHash = VALUES(passwordHash)
        """
    )
    private static let deleteUser = MySQLStatement("delete user", "DELETE FROM `user` WHERE name = ?")
    private static let tokenByDigest = MySQLStatement("token by digest", "SELECT * FROM token WHERE digest = ?")
    private static let insertToken = MySQLStatement(
        "insert token",
        "INSERT INTO token (digest, `user`, role, expiresAt) VALUES (?, ?, ?, ?)"
    )
    private static let deleteToken = MySQLStatement("delete token", "DELETE FROM token WHERE digest = ?")
    private static let deleteExpired = MySQLStatement("delete expired tokens", "DELETE FROM token WHERE expiresAt <= ?")
    private static let deleteTokensOfUser = MySQLStatement(
        "delete tokens of user",
        "DELETE FROM token WHERE `user` = ?"
    )
    private static let settingByName = MySQLStatement("setting by name", "SELECT value FROM setting WHERE name = ?")
    private static let putSetting = MySQLStatement(
        "put setting",
        "INSERT INTO setting (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)"
    )
}
