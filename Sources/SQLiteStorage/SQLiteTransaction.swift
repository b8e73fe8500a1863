internal import Foundation
internal import GRDB
internal import GatewayModel
internal import Storage

/// One unit of work in SQL. SQLite compares texts by their bytes, which is the order that pages are promised in.
struct SQLiteTransaction: ConfigTransaction {
    let db: Database

    // MARK: Resources

    func resource(_ kind: ResourceKind, _ name: String) throws -> ResourceRecord? {
        try Row.fetchOne(
            self.db,
            sql: "SELECT * FROM resource WHERE kind = ? AND name = ?",
            arguments: [kind.rawValue, name]
        ).map(Self.resource)
    }

    func resources(_ kind: ResourceKind, after: String?, limit: Int) throws -> [ResourceRecord] {
        try Row.fetchAll(
            self.db,
            sql: "SELECT * FROM resource WHERE kind = ? AND name > ? ORDER BY name LIMIT ?",
            arguments: [kind.rawValue, after ?? "", limit]
        ).map(Self.resource)
    }

    func put(_ resource: ResourceRecord) throws {
        try self.db.execute(
            sql: """
                INSERT INTO resource (kind, name, id, version, managedBy, updatedAt, document, sealed)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (kind, name) DO UPDATE SET id = excluded.id, version = excluded.version,
                    managedBy = excluded.managedBy, updatedAt = excluded.updatedAt,
                    document = excluded.document, sealed = excluded.sealed
                """,
            arguments: [
                resource.kind.rawValue, resource.name, resource.id, resource.version, resource.managedBy.rawValue,
                resource.updatedAt, Data(resource.document.json()), resource.sealed.map { Data($0) },
            ]
        )
    }

    func deleteResource(_ kind: ResourceKind, _ name: String) throws {
        try self.db.execute(
            sql: "DELETE FROM resource WHERE kind = ? AND name = ?",
            arguments: [kind.rawValue, name]
        )
    }

    private static func resource(_ row: Row) throws -> ResourceRecord {
        let (kind, managedBy): (String, String) = (row["kind"], row["managedBy"])
        guard let kind = ResourceKind(rawValue: kind), let managedBy = ManagedBy(rawValue: managedBy) else {
            throw StorageError.unreadable("a resource of kind `\(kind)`")
        }
        let sealed: Data? = row["sealed"]
        return ResourceRecord(
            kind: kind,
            name: row["name"],
            id: row["id"],
            version: row["version"],
            managedBy: managedBy,
            updatedAt: row["updatedAt"],
            document: try Self.document(row["document"]),
            sealed: sealed.map { Array($0) }
        )
    }

    private static func document(_ data: Data) throws -> DocumentValue { try DocumentValue(json: Array(data)) }

    // MARK: Snapshots

    func newestVersion() throws -> UInt64 {
        UInt64(try Int64.fetchOne(self.db, sql: "SELECT max(version) FROM snapshot") ?? 0)
    }

    func snapshot(_ version: UInt64) throws -> SnapshotRecord? {
        try Row.fetchOne(
            self.db,
            sql: "SELECT * FROM snapshot WHERE version = ?",
            arguments: [Self.key(version)]
        ).map(Self.snapshot)
    }

    func snapshots(before: UInt64?, limit: Int) throws -> [SnapshotRecord] {
        try Row.fetchAll(
            self.db,
            sql: """
                SELECT version, createdAt, author, reason, contentHash, x'' AS sealed FROM snapshot
                WHERE version < ? ORDER BY version DESC LIMIT ?
                """,
            arguments: [before.map(Self.key) ?? Int64.max, limit]
        ).map(Self.snapshot)
    }

    func insert(_ snapshot: SnapshotRecord) throws {
        guard try snapshot.version > self.newestVersion() else {
            throw StorageError.conflict("snapshot \(snapshot.version)")
        }
        try self.db.execute(
            sql: """
                INSERT INTO snapshot (version, createdAt, author, reason, contentHash, sealed) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Self.key(snapshot.version), snapshot.createdAt, snapshot.author, snapshot.reason,
                snapshot.contentHash, Data(snapshot.sealed),
            ]
        )
    }

    func deleteSnapshots(before version: UInt64) throws {
        try self.db.execute(sql: "DELETE FROM snapshot WHERE version < ?", arguments: [Self.key(version)])
    }

    /// SQLite's integers are signed; a number beyond them names nothing.
    private static func key(_ version: UInt64) -> Int64 { Int64(clamping: version) }

    private static func snapshot(_ row: Row) -> SnapshotRecord {
        let (version, sealed): (Int64, Data) = (row["version"], row["sealed"])
        return SnapshotRecord(
            version: UInt64(version),
            createdAt: row["createdAt"],
            author: row["author"],
            reason: row["reason"],
            contentHash: row["contentHash"],
            sealed: Array(sealed)
        )
    }

    // MARK: Audit

    func append(_ audit: AuditRecord) throws -> Int64 {
        try self.db.execute(
            sql: """
                INSERT INTO audit (at, actor, origin, action, kind, name, before, after, secretsChanged, snapshot)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                audit.at, audit.actor, audit.origin, audit.action, audit.kind, audit.name,
                Data(audit.before.json()), Data(audit.after.json()), audit.secretsChanged,
                audit.snapshot.map(Self.key),
            ]
        )
        return self.db.lastInsertedRowID
    }

    func audit(before: Int64?, limit: Int) throws -> [AuditRecord] {
        try Row.fetchAll(
            self.db,
            sql: "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
            arguments: [before ?? Int64.max, limit]
        ).map { row in
            let snapshot: Int64? = row["snapshot"]
            return AuditRecord(
                id: row["id"],
                at: row["at"],
                actor: row["actor"],
                origin: row["origin"],
                action: row["action"],
                kind: row["kind"],
                name: row["name"],
                before: try Self.document(row["before"]),
                after: try Self.document(row["after"]),
                secretsChanged: row["secretsChanged"],
                snapshot: snapshot.map { UInt64($0) }
            )
        }
    }
}
