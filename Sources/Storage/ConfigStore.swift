package import GatewayModel

/// Where a config center keeps everything. All that happens in one `write` stands or falls together.
package protocol ConfigStore: Sendable {
    /// Runs the work alone among writers, and undoes all of it when it throws.
    func write<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result

    /// Runs the work on one consistent state; what it changes is an error.
    func read<Result: Sendable>(
        _ work: @escaping @Sendable (any ConfigTransaction) throws -> Result
    ) async throws -> Result
}

/// The rows that one unit of work sees and changes. Lists are bounded by `limit` and ordered as they say.
package protocol ConfigTransaction {
    func resource(_ kind: ResourceKind, _ name: String) throws -> ResourceRecord?
    /// By name, after the given one.
    func resources(_ kind: ResourceKind, after: String?, limit: Int) throws -> [ResourceRecord]
    /// Inserts, or replaces what has the same kind and name.
    func put(_ resource: ResourceRecord) throws
    func deleteResource(_ kind: ResourceKind, _ name: String) throws

    /// The number of the newest snapshot; 0 when there is none.
    func newestVersion() throws -> UInt64
    func snapshot(_ version: UInt64) throws -> SnapshotRecord?
    /// Without contents, newest first, older than the given version.
    func snapshots(before: UInt64?, limit: Int) throws -> [SnapshotRecord]
    func insert(_ snapshot: SnapshotRecord) throws
    func deleteSnapshots(before version: UInt64) throws

    /// The store gives the record an `id` of its own, and says which.
    @discardableResult func append(_ audit: AuditRecord) throws -> Int64
    /// Newest first, older than the given id.
    func audit(before: Int64?, limit: Int) throws -> [AuditRecord]

    func user(_ name: String) throws -> UserRecord?
    /// By name, after the given one.
    func users(after: String?, limit: Int) throws -> [UserRecord]
    func put(_ user: UserRecord) throws
    /// Removes the user and all tokens given to it.
    func deleteUser(_ name: String) throws

    func token(_ digest: String) throws -> TokenRecord?
    func insert(_ token: TokenRecord) throws
    func deleteToken(_ digest: String) throws
    func deleteTokens(expiredAt now: Int64) throws
    func deleteTokens(of user: String) throws

    func setting(_ name: String) throws -> [UInt8]?
    func set(_ name: String, _ value: [UInt8]) throws
}

extension ConfigTransaction {
    /// Every resource of a kind, read page by page.
    package func allResources(_ kind: ResourceKind) throws -> [ResourceRecord] {
        var all: [ResourceRecord] = []
        while true {
            let page = try self.resources(kind, after: all.last?.name, limit: 1000)
            all += page
            if page.count < 1000 { return all }
        }
    }
}

/// What can go wrong at the storage seam, whichever driver is behind it.
package enum StorageError: Error, Equatable, CustomStringConvertible {
    /// Something stored cannot be opened or read: another master key, or damage.
    case unreadable(String)
    /// A row of this identity exists already.
    case conflict(String)
    /// The master key cannot be used.
    case masterKey(String)
    /// A file cannot be used as it must be.
    case file(String)
    /// A unit of work that may only read tried to write.
    case readOnly

    package var description: String {
        switch self {
        case .unreadable(let what): "\(what) cannot be read: it is damaged, or was sealed with another master key"
        case .conflict(let what): "\(what) exists already"
        case .masterKey(let why), .file(let why): why
        case .readOnly: "a read may not write"
        }
    }
}
