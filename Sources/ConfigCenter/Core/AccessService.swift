internal import GatewayModel
internal import HTTPTypes
internal import ServiceKit
internal import Storage

/// People, their tokens, and the token by which gateways enrol.
final class AccessService: Authenticator {
    static let tokenLifetime: Int64 = 12 * 3600
    static let enrolmentSetting = "enrolmentTokenDigest"

    private let store: any ConfigStore
    private let hasher: PasswordHasher
    private let gate = LoginGate()
    private let now: @Sendable () -> Int64
    /// Told of logins that were refused; everything else is told by the store.
    private let onAudit: @Sendable (AuditRecord) -> Void

    init(
        store: any ConfigStore,
        hasher: PasswordHasher,
        now: @escaping @Sendable () -> Int64,
        onAudit: @escaping @Sendable (AuditRecord) -> Void
    ) {
        self.store = store
        self.hasher = hasher
        self.now = now
        self.onAudit = onAudit
    }

    func holder(of token: String) async throws -> (name: String, role: Role)? {
        let digest = KeyedHash.tokenDigest(token)
        let now = self.now()
        return try await self.store.read { rows in
            if try rows.setting(Self.enrolmentSetting) == Array(digest.utf8) { return ("gateway", .gateway) }
            guard let record = try rows.token(digest), record.expiresAt > now, let role = Role(rawValue: record.role)
            else { return nil }
            return (record.user, role)
        }
    }

    /// A new token for who knows the password.
    func logIn(_ name: String, _ password: Secret, from origin: String) async throws -> (token: String, TokenRecord) {
        let now = self.now()
        if let wait = self.gate.wait(name, from: origin, now: now) {
            throw ServiceProblem(
                .tooManyAttempts,
                "Try again in \(wait) seconds.",
                headers: [.retryAfter: String(wait)]
            )
        }
        let user = try await self.store.read { rows in try rows.user(name) }
        guard try await self.hasher.verify(password, against: user?.passwordHash), let user else {
            self.gate.failed(name, from: origin, now: now)
            self.noteRefusal(of: name, from: origin, at: now)
            throw ServiceProblem(.wrongPassword, "Check both; after five failures each attempt has to wait.")
        }
        self.gate.succeeded(name, from: origin)
        let token = "agt_" + RandomText.base62(40)
        let record = TokenRecord(
            digest: KeyedHash.tokenDigest(token),
            user: user.name,
            role: user.role,
            expiresAt: now + Self.tokenLifetime
        )
        try await self.store.write { rows in
            try rows.deleteTokens(expiredAt: now)
            try rows.insert(record)
            try rows.append(
                AuditRecord(at: now, actor: user.name, origin: origin, action: "login", kind: "user", name: user.name)
            )
        }
        return (token, record)
    }

    /// Only guesses that were looked at are told: the gate bounds them, and attempts that it turns away are as many as
    /// anybody likes.
    private func noteRefusal(of name: String, from origin: String, at now: Int64) {
        let name = String(name.prefix(128))
        self.onAudit(AuditRecord(at: now, actor: name, origin: origin, action: "refuse", kind: "login", name: name))
    }

    func logOut(_ token: String) async throws {
        try await self.store.write { rows in try rows.deleteToken(KeyedHash.tokenDigest(token)) }
    }

    /// Creates a person, or refuses when the name is taken.
    func create(_ name: String, _ role: Role, _ password: Secret, by author: ChangeAuthor) async throws {
        let hash = try await self.hasher.hash(password)
        let now = self.now()
        try await self.store.write { rows in
            guard try rows.user(name) == nil else {
                throw ServiceProblem(.alreadyExists, "There is a user `\(name)` already.")
            }
            try rows.put(UserRecord(name: name, role: role.rawValue, passwordHash: hash, createdAt: now))
            try rows.append(
                AuditRecord(
                    at: now,
                    actor: author.name,
                    origin: author.origin,
                    action: "create",
                    kind: "user",
                    name: name,
                    after: ["name": .string(name), "role": .string(role.rawValue)]
                )
            )
        }
    }

    /// Removes a person with all tokens; the last administrator stays.
    func delete(_ name: String, by author: ChangeAuthor) async throws {
        let now = self.now()
        try await self.store.write { rows in
            guard let user = try rows.user(name) else { throw ServiceProblem(.notFound, "There is no user `\(name)`.") }
            let admins = try rows.users(after: nil, limit: 1000).filter { $0.role == Role.admin.rawValue }
            if user.role == Role.admin.rawValue, admins.count == 1 {
                throw ServiceProblem(.stillReferenced, "Someone must remain who can administer.")
            }
            try rows.deleteUser(name)
            try rows.append(
                AuditRecord(
                    at: now,
                    actor: author.name,
                    origin: author.origin,
                    action: "delete",
                    kind: "user",
                    name: name,
                    before: ["name": .string(name), "role": .string(user.role)]
                )
            )
        }
    }

    /// Gives the caller another password; all tokens of theirs end.
    func changePassword(of caller: Caller, from old: Secret, to new: Secret) async throws {
        let now = self.now()
        if let wait = self.gate.wait(caller.name, from: caller.origin, now: now) {
            throw ServiceProblem(
                .tooManyAttempts,
                "Try again in \(wait) seconds.",
                headers: [.retryAfter: String(wait)]
            )
        }
        let user = try await self.store.read { rows in try rows.user(caller.name) }
        guard let user, try await self.hasher.verify(old, against: user.passwordHash) else {
            self.gate.failed(caller.name, from: caller.origin, now: now)
            throw ServiceProblem(.forbidden, "The current password is wrong.")
        }
        try await self.setPassword(
            of: user.name,
            to: new,
            by: ChangeAuthor(caller)
        )
    }

    /// Gives someone another password; all tokens of theirs end.
    func setPassword(of name: String, to password: Secret, by author: ChangeAuthor) async throws {
        let hash = try await self.hasher.hash(password)
        let now = self.now()
        try await self.store.write { rows in
            guard var user = try rows.user(name) else { throw ServiceProblem(.notFound, "There is no user `\(name)`.") }
            user.passwordHash = hash
            try rows.put(user)
            try rows.deleteTokens(of: name)
            try rows.append(
                AuditRecord(
                    at: now,
                    actor: author.name,
                    origin: author.origin,
                    action: "update",
                    kind: "user",
                    name: name,
                    secretsChanged: true
                )
            )
        }
    }
}
