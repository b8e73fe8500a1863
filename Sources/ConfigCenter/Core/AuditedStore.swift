internal import GatewayModel
internal import Storage

/// A store that tells of every audit row when it is committed. Of units of work that end at the same moment, either may be
/// told first; the rows' ids say their order.
struct AuditedStore: ConfigStore {
    private let base: any ConfigStore
    private let onAudit: @Sendable (AuditRecord) -> Void

    init(_ base: any ConfigStore, onAudit: @escaping @Sendable (AuditRecord) -> Void) {
        self.base = base
        self.onAudit = onAudit
    }

    func write<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        let (result, records) = try await self.base.write { rows in
            let audited = AuditedTransaction(rows)
            let result = try work(audited)
            return (result, audited.records)
        }
        for record in records { self.onAudit(record) }
        return result
    }

    func read<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        try await self.base.read(work)
    }
}

/// Passes everything on, and remembers the audit rows.
private final class AuditedTransaction: ConfigTransaction {
    private let base: any ConfigTransaction
    private(set) var records: [AuditRecord] = []

    init(_ base: any ConfigTransaction) { self.base = base }

    func append(_ audit: AuditRecord) throws -> Int64 {
        var audit = audit
        audit.id = try self.base.append(audit)
        self.records.append(audit)
        return audit.id
    }

    func audit(before: Int64?, limit: Int) throws -> [AuditRecord] { try self.base.audit(before: before, limit: limit) }

    func resource(_ kind: ResourceKind, _ name: String) throws -> ResourceRecord? { try self.base.resource(kind, name) }

    func resources(_ kind: ResourceKind, after: String?, limit: Int) throws -> [ResourceRecord] {
        try self.base.resources(kind, after: after, limit: limit)
    }

    func put(_ resource: ResourceRecord) throws { try self.base.put(resource) }

    func deleteResource(_ kind: ResourceKind, _ name: String) throws { try self.base.deleteResource(kind, name) }

    func newestVersion() throws -> UInt64 { try self.base.newestVersion() }

    func snapshot(_ version: UInt64) throws -> SnapshotRecord? { try self.base.snapshot(version) }

    func snapshots(before: UInt64?, limit: Int) throws -> [SnapshotRecord] {
        try self.base.snapshots(before: before, limit: limit)
    }

    func insert(_ snapshot: SnapshotRecord) throws { try self.base.insert(snapshot) }

    func deleteSnapshots(before version: UInt64) throws { try self.base.deleteSnapshots(before: version) }

    func user(_ name: String) throws -> UserRecord? { try self.base.user(name) }

    func users(after: String?, limit: Int) throws -> [UserRecord] { try self.base.users(after: after, limit: limit) }

    func put(_ user: UserRecord) throws { try self.base.put(user) }

    func deleteUser(_ name: String) throws { try self.base.deleteUser(name) }

    func token(_ digest: String) throws -> TokenRecord? { try self.base.token(digest) }

    func insert(_ token: TokenRecord) throws { try self.base.insert(token) }

    func deleteToken(_ digest: String) throws { try self.base.deleteToken(digest) }

    func deleteTokens(expiredAt now: Int64) throws { try self.base.deleteTokens(expiredAt: now) }

    func deleteTokens(of user: String) throws { try self.base.deleteTokens(of: user) }

    func setting(_ name: String) throws -> [UInt8]? { try self.base.setting(name) }

    func set(_ name: String, _ value: [UInt8]) throws { try self.base.set(name, value) }
}
