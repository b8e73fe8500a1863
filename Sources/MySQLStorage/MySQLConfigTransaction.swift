internal import GatewayModel
internal import Storage

/// One unit of work of a config center, in SQL that MySQL and MariaDB read alike.
struct MySQLConfigTransaction: ConfigTransaction {
    let rows: MySQLTransaction

    // MARK: Resources

    func resource(_ kind: ResourceKind, _ name: String) throws -> ResourceRecord? {
        try self.rows.first(Self.resourceByName, kind.rawValue, name).map(Self.resource)
    }

    func resources(_ kind: ResourceKind, after: String?, limit: Int) throws -> [ResourceRecord] {
        try self.rows.rows(Self.resourcePage, kind.rawValue, after ?? "", Int64(limit)).map(Self.resource)
    }

    /// Not `ON DUPLICATE KEY UPDATE`: with two unique keys that would overwrite another resource of the same id.
    func put(_ resource: ResourceRecord) throws {
        try self.deleteResource(resource.kind, resource.name)
        try self.rows.execute(
            Self.insertResource,
            resource.kind.rawValue,
            resource.name,
            resource.id,
            resource.version,
            resource.managedBy.rawValue,
            resource.updatedAt,
            resource.document.json(),
            resource.sealed
        )
    }

    func deleteResource(_ kind: ResourceKind, _ name: String) throws {
        try self.rows.execute(Self.deleteResource, kind.rawValue, name)
    }

    private static func resource(_ row: MySQLRow) throws -> ResourceRecord {
        let (kind, managedBy): (String, String) = (try row.read("kind"), try row.read("managedBy"))
        guard let kind = ResourceKind(rawValue: kind), let managedBy = ManagedBy(rawValue: managedBy) else {
            throw StorageError.unreadable("a resource of kind `\(kind)`")
        }
        return ResourceRecord(
            kind: kind,
            name: try row.read("name"),
            id: try row.read("id"),
            version: try row.read("version"),
            managedBy: managedBy,
            updatedAt: try row.read("updatedAt"),
            document: try DocumentValue(json: row.read("document", as: [UInt8].self)),
            sealed: try row.read("sealed")
        )
    }

    // MARK: Snapshots

    func newestVersion() throws -> UInt64 {
        try self.rows.first(Self.newestVersion)?.read("version", as: UInt64?.self) ?? 0
    }

    func snapshot(_ version: UInt64) throws -> SnapshotRecord? {
        try self.rows.first(Self.snapshotByVersion, version).map(Self.snapshot)
    }

    func snapshots(before: UInt64?, limit: Int) throws -> [SnapshotRecord] {
        try self.rows.rows(Self.snapshotPage, before ?? .max, Int64(limit)).map(Self.snapshot)
    }

    func insert(_ snapshot: SnapshotRecord) throws {
        guard try snapshot.version > self.newestVersion() else {
            throw StorageError.conflict("snapshot \(snapshot.version)")
        }
        try self.rows.execute(
            Self.insertSnapshot,
            snapshot.version,
            snapshot.createdAt,
            snapshot.author,
            snapshot.reason,
            snapshot.contentHash,
            snapshot.sealed
        )
    }

    func deleteSnapshots(before version: UInt64) throws { try self.rows.execute(Self.deleteSnapshots, version) }

    private static func snapshot(_ row: MySQLRow) throws -> SnapshotRecord {
        SnapshotRecord(
            version: try row.read("version"),
            createdAt: try row.read("createdAt"),
            author: try row.read("author"),
            reason: try row.read("reason"),
            contentHash: try row.read("contentHash"),
            sealed: try row.read("sealed")
        )
    }

    // MARK: Audit

    func append(_ audit: AuditRecord) throws -> Int64 {
        let outcome = try self.rows.execute(
            Self.appendAudit,
            audit.at,
            audit.actor,
            audit.origin,
            audit.action,
            audit.kind,
            audit.name,
            audit.before.json(),
            audit.after.json(),
            audit.secretsChanged,
            audit.snapshot
        )
        return Int64(clamping: outcome.insertID)
    }

    func audit(before: Int64?, limit: Int) throws -> [AuditRecord] {
        try self.rows.rows(Self.auditPage, before ?? .max, Int64(limit)).map { row in
            AuditRecord(
                id: try row.read("id"),
                at: try row.read("at"),
                actor: try row.read("actor"),
                origin: try row.read("origin"),
                action: try row.read("action"),
                kind: try row.read("kind"),
                name: try row.read("name"),
                before: try DocumentValue(json: row.read("before", as: [UInt8].self)),
                after: try DocumentValue(json: row.read("after", as: [UInt8].self)),
                secretsChanged: try row.read("secretsChanged"),
                snapshot: try row.read("snapshot")
            )
        }
    }
}

// MARK: Statements

extension MySQLConfigTransaction {
    private static let resourceByName = MySQLStatement(
        "resource by name",
        "SELECT * FROM resource WHERE kind = ? AND name = ?"
    )
    private static let resourcePage = MySQLStatement(
        "page of resources",
        "SELECT * FROM resource WHERE kind = ? AND name > ? ORDER BY name LIMIT ?"
    )
    private static let insertResource = MySQLStatement(
        "insert resource",
        """
        INSERT INTO resource (kind, name, id, version, managedBy, updatedAt, document, sealed)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    )
    private static let deleteResource = MySQLStatement(
        "delete resource",
        "DELETE FROM resource WHERE kind = ? AND name = ?"
    )
    private static let newestVersion = MySQLStatement(
        "newest version",
        "SELECT max(version) AS version FROM snapshot"
    )
    private static let snapshotByVersion = MySQLStatement(
        "snapshot by version",
        "SELECT * FROM snapshot WHERE version = ?"
    )
    private static let snapshotPage = MySQLStatement(
        "page of snapshots",
        """
        SELECT version, createdAt, author, reason, contentHash, x'' AS sealed FROM snapshot
        WHERE version < ? ORDER BY version DESC LIMIT ?
        """
    )
    private static let insertSnapshot = MySQLStatement(
        "insert snapshot",
        """
        INSERT INTO snapshot (version, createdAt, author, reason, contentHash, sealed) VALUES (?, ?, ?, ?, ?, ?)
        """
    )
    private static let deleteSnapshots = MySQLStatement("delete snapshots", "DELETE FROM snapshot WHERE version < ?")
    private static let appendAudit = MySQLStatement(
        "append audit",
        """
        INSERT INTO audit (at, actor, origin, action, kind, name, `before`, `after`, secretsChanged, snapshot)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    )
    private static let auditPage = MySQLStatement(
        "page of the audit",
        "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?"
    )
}
