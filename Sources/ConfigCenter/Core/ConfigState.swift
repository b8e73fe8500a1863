internal import GatewayModel
internal import Storage

/// All resources at one snapshot's version, with what is known about their rows.
struct ConfigState: Sendable {
    /// What a row says beside the resource.
    struct Row: Sendable, Equatable {
        var id: String
        var version: Int64
        var managedBy: ManagedBy
        var updatedAt: Int64
    }

    struct Name: Sendable, Hashable {
        let kind: ResourceKind
        let name: String
    }

    var version: UInt64
    /// Counts the changes of rows, those without a new snapshot included; what tells whether this is still the newest.
    var revision: UInt64
    var pepper: Secret
    var resources: ResourceSet
    var rows: [Name: Row]

    /// Reads everything, opening what is sealed.
    init(loading rows: any ConfigTransaction, vault: Vault) throws {
        guard let pepper = try vault.pepper(rows) else { throw StorageError.unreadable("the key pepper") }
        self.version = try rows.newestVersion()
        self.revision = try Self.revision(rows)
        self.pepper = pepper
        self.resources = ResourceSet()
        self.rows = [:]
        for record in try ResourceKind.allCases.flatMap(rows.allResources) {
            self.resources.put(try vault.resource(record))
            self.rows[Name(kind: record.kind, name: record.name)] = Row(
                id: record.id,
                version: record.version,
                managedBy: record.managedBy,
                updatedAt: record.updatedAt
            )
        }
    }
    private static let revisionSetting = "revision"

    static func revision(_ rows: any ConfigTransaction) throws -> UInt64 {
        let bytes = try rows.setting(Self.revisionSetting) ?? []
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Says that rows have changed; every writer of resources calls this in its unit of work.
    static func advance(_ rows: any ConfigTransaction) throws -> UInt64 {
        let next = try Self.revision(rows) + 1
        try rows.set(Self.revisionSetting, (0..<8).reversed().map { UInt8(truncatingIfNeeded: next >> ($0 * 8)) })
        return next
    }
}
