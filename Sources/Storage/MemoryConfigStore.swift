internal import GatewayModel
internal import Synchronization

/// A config store that lives and dies with the process: for tests, and for trying things without a disk.
package final class MemoryConfigStore: ConfigStore {
    private let state = Mutex(MemoryConfigState())

    package init() {}

    package func write<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        try self.state.withLock { state in
            let transaction = MemoryTransaction(state, writable: true)
            let result = try work(transaction)
            state = transaction.state
            return result
        }
    }

    package func read<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result {
        try work(MemoryTransaction(self.state.withLock { $0 }, writable: false))
    }
}

private struct MemoryConfigState {
    var resources: [ResourceKind: [String: ResourceRecord]] = [:]
    var snapshots: [SnapshotRecord] = []
    var audit: [AuditRecord] = []
    var users: [String: UserRecord] = [:]
    var tokens: [String: TokenRecord] = [:]
    var settings: [String: [UInt8]] = [:]
}

/// Works on a copy, which the store adopts when the work succeeds.
private final class MemoryTransaction: ConfigTransaction {
    private(set) var state: MemoryConfigState
    private let writable: Bool

    init(_ state: MemoryConfigState, writable: Bool) {
        self.state = state
        self.writable = writable
    }

    private func change(_ body: (inout MemoryConfigState) throws -> Void) throws {
        guard self.writable else { throw StorageError.readOnly }
        try body(&self.state)
    }

    func resource(_ kind: ResourceKind, _ name: String) -> ResourceRecord? { self.state.resources[kind]?[name] }

    func resources(_ kind: ResourceKind, after: String?, limit: Int) -> [ResourceRecord] {
        let all = (self.state.resources[kind] ?? [:]).values.sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        return Array(all.lazy.filter { after.map($0.name.isAfter) ?? true }.prefix(limit))
    }

    func put(_ resource: ResourceRecord) throws {
        try self.change { $0.resources[resource.kind, default: [:]][resource.name] = resource }
    }

    func deleteResource(_ kind: ResourceKind, _ name: String) throws {
        try self.change { $0.resources[kind]?[name] = nil }
    }

    func newestVersion() -> UInt64 { self.state.snapshots.last?.version ?? 0 }

    func snapshot(_ version: UInt64) -> SnapshotRecord? { self.state.snapshots.first { $0.version == version } }

    func snapshots(before: UInt64?, limit: Int) -> [SnapshotRecord] {
        let older = self.state.snapshots.reversed().lazy.filter { $0.version < before ?? .max }
        return older.prefix(limit).map { record in
            var record = record
            record.sealed = []
            return record
        }
    }

    func insert(_ snapshot: SnapshotRecord) throws {
        try self.change { state in
            guard snapshot.version > state.snapshots.last?.version ?? 0 else {
                throw StorageError.conflict("snapshot \(snapshot.version)")
            }
            state.snapshots.append(snapshot)
        }
    }

    func deleteSnapshots(before version: UInt64) throws {
        try self.change { $0.snapshots.removeAll { $0.version < version } }
    }

    func append(_ audit: AuditRecord) throws -> Int64 {
        var audit = audit
        audit.id = Int64(self.state.audit.count + 1)
        try self.change { $0.audit.append(audit) }
        return audit.id
    }

    func audit(before: Int64?, limit: Int) -> [AuditRecord] {
        Array(self.state.audit.reversed().lazy.filter { $0.id < before ?? .max }.prefix(limit))
    }

    func user(_ name: String) -> UserRecord? { self.state.users[name] }

    func users(after: String?, limit: Int) -> [UserRecord] {
        let all = self.state.users.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return Array(all.lazy.filter { after.map($0.name.isAfter) ?? true }.prefix(limit))
    }

    func put(_ user: UserRecord) throws {
        try self.change { state in
            var user = user
            user.createdAt = state.users[user.name]?.createdAt ?? user.createdAt
            state.users[user.name] = user
        }
    }

    func deleteUser(_ name: String) throws {
        try self.change { $0.users[name] = nil }
        try self.deleteTokens(of: name)
    }

    func token(_ digest: String) -> TokenRecord? { self.state.tokens[digest] }

    func insert(_ token: TokenRecord) throws { try self.change { $0.tokens[token.digest] = token } }

    func deleteToken(_ digest: String) throws { try self.change { $0.tokens[digest] = nil } }

    func deleteTokens(expiredAt now: Int64) throws {
        try self.change { $0.tokens = $0.tokens.filter { $0.value.expiresAt > now } }
    }

    func deleteTokens(of user: String) throws {
        try self.change { $0.tokens = $0.tokens.filter { $0.value.user != user } }
    }

    func setting(_ name: String) -> [UInt8]? { self.state.settings[name] }

    func set(_ name: String, _ value: [UInt8]) throws { try self.change { $0.settings[name] = value } }
}

extension String {
    /// In the order of bytes, which is the order of every driver.
    fileprivate func isAfter(_ other: String) -> Bool { other.utf8.lexicographicallyPrecedes(self.utf8) }
}
