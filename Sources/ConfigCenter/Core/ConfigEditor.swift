internal import GatewayModel
internal import ServiceKit
internal import Storage
internal import Synchronization

/// Makes changes: each in one unit of work that checks the whole, writes the rows, the audit and the next snapshot, and
/// is published when it is committed.
final class ConfigEditor: Sendable {
    /// What an edit does to the resources, and what it wants known about them.
    struct Edit {
        var resources: ResourceSet
        let log = ProblemLog()
        let state: ConfigState
        var generatedKeys: [GeneratedKey] = []
        /// Where resources are written, for the paths of problems.
        var places: [ConfigState.Name: String] = [:]
        /// Resources that belong to the author from now on, even unchanged ones.
        var claimed: [ConfigState.Name] = []

        mutating func put(_ draft: ResourceDraft, at path: String) {
            self.places[ConfigState.Name(kind: draft.kind, name: draft.name)] = path
            let pepper = self.state.pepper
            let key = self.resources.put(draft, at: path, log: self.log) { KeyedHash.keyDigest($0, pepper: pepper) }
            if let key { self.generatedKeys.append(key) }
        }
    }

    private struct Prepared {
        let state: ConfigState
        let snapshot: Snapshot
        let claimed: [ConfigState.Name]
        let report: ChangeReport
    }

    private struct Committed: Sendable {
        let report: ChangeReport
        let state: ConfigState
        let published: (snapshot: Snapshot, encoded: [UInt8])?
    }

    private let store: any ConfigStore
    private let vault: Vault
    private let publisher: SnapshotPublisher
    private let keptSnapshots: UInt64
    private let now: @Sendable () -> Int64
    /// The newest state that was seen; read again when another process, or a release, has changed rows.
    private let cache = Mutex<ConfigState?>(nil)

    init(
        store: any ConfigStore,
        vault: Vault,
        publisher: SnapshotPublisher,
        keptSnapshots: Int,
        now: @escaping @Sendable () -> Int64
    ) {
        self.store = store
        self.vault = vault
        self.publisher = publisher
        self.keptSnapshots = UInt64(keptSnapshots)
        self.now = now
    }

    /// Runs the edit on the newest state. Nothing is kept of it when it, or a check after it, throws.
    func change(
        by author: ChangeAuthor,
        reason: String,
        _ edit: @escaping @Sendable (inout Edit) throws -> Void
    ) async throws -> ChangeReport {
        let committed = try await self.store.write { rows in
            try self.commit(rows, author: author, reason: reason, edit)
        }
        self.remember(committed.state)
        if let published = committed.published {
            self.publisher.publish(published.snapshot, encoded: published.encoded)
        }
        return committed.report
    }

    /// What the edit would come to, checks included; nothing is kept of it.
    func plan(
        by author: ChangeAuthor,
        _ edit: @escaping @Sendable (inout Edit) throws -> Void
    ) async throws -> ChangeReport {
        try await self.store.read { rows in try self.prepare(rows, author: author, edit).report }
    }

    /// The newest state, from memory when it is still the newest.
    func state() async throws -> ConfigState {
        let state = try await self.store.read { rows in try self.state(rows) }
        self.remember(state)
        return state
    }

    /// Publishes what another process, or an earlier life of this one, has committed.
    func publishNewest() async throws {
        let known = self.publisher.version
        let snapshot = try await self.store.read { rows in
            let newest = try rows.newestVersion()
            guard newest > known ?? 0 else { return Snapshot?.none }
            return try rows.snapshot(newest).map(self.vault.open)
        }
        if let snapshot { self.publisher.publish(snapshot, encoded: snapshot.encoded()) }
    }

    private func state(_ rows: any ConfigTransaction) throws -> ConfigState {
        let revision = try ConfigState.revision(rows)
        if let cached = self.cache.withLock({ $0 }), cached.revision == revision { return cached }
        return try ConfigState(loading: rows, vault: self.vault)
    }

    private func remember(_ state: ConfigState) {
        self.cache.withLock { cached in
            if state.revision >= cached?.revision ?? 0 { cached = state }
        }
    }

    /// Runs the edit and every check after it; nothing is written.
    private func prepare(
        _ rows: any ConfigTransaction,
        author: ChangeAuthor,
        _ body: (inout Edit) throws -> Void
    ) throws -> Prepared {
        let state = try self.state(rows)
        var edit = Edit(resources: state.resources, state: state)
        try body(&edit)
        try edit.log.throwIfAny()
        let changes = state.resources.changes(to: edit.resources)
        try Self.checkFiles(changes, state, author)
        let version = changes.isEmpty && state.version > 0 ? state.version : state.version + 1
        let snapshot = edit.resources.snapshot(version: version, createdAt: self.now(), keyPepper: state.pepper)
        if !changes.isEmpty { try Self.checkReferences(snapshot, edit) }
        return Prepared(
            state: state,
            snapshot: snapshot,
            claimed: edit.claimed,
            report: ChangeReport(version: version, changes: changes, generatedKeys: edit.generatedKeys)
        )
    }

    private func commit(
        _ rows: any ConfigTransaction,
        author: ChangeAuthor,
        reason: String,
        _ body: (inout Edit) throws -> Void
    ) throws -> Committed {
        let prepared = try self.prepare(rows, author: author, body)
        let (snapshot, report) = (prepared.snapshot, prepared.report)
        var state = prepared.state
        if !report.changes.isEmpty || !prepared.claimed.isEmpty {
            try self.write(prepared, author, rows, &state)
            state.resources = ResourceSet(snapshot)
            state.revision = try ConfigState.advance(rows)
        }
        guard snapshot.version > state.version else { return Committed(report: report, state: state, published: nil) }
        state.version = snapshot.version
        let encoded = snapshot.encoded()
        try rows.insert(
            SnapshotRecord(
                version: snapshot.version,
                createdAt: snapshot.createdAt,
                author: author.name,
                reason: reason,
                contentHash: snapshot.contentHash,
                sealed: try self.vault.seal(encoded, snapshot: snapshot.version)
            )
        )
        if snapshot.version > self.keptSnapshots {
            try rows.deleteSnapshots(before: snapshot.version - self.keptSnapshots + 1)
        }
        return Committed(report: report, state: state, published: (snapshot, encoded))
    }

    private static func checkFiles(_ changes: [ResourceChange], _ state: ConfigState, _ author: ChangeAuthor) throws {
        guard !author.overridesFiles else { return }
        let held = changes.filter { change in
            state.rows[ConfigState.Name(kind: change.kind, name: change.name)]?.managedBy == .file
        }
        guard !held.isEmpty else { return }
        throw ServiceProblem(
            .managedByFile,
            "Change the file, or release the resource first: POST …/\(held[0].kind.plural)/{name}/release.",
            problems: held.map {
                Problem(path: "\($0.kind.plural)[\"\($0.name)\"]", message: "is managed by a file")
            }
        )
    }

    private static func checkReferences(_ snapshot: Snapshot, _ edit: Edit) throws {
        ReferenceCheck(snapshot, log: edit.log) { kind, name in
            edit.places[ConfigState.Name(kind: kind, name: name)] ?? "\(kind.plural)[\"\(name)\"]"
        }.run()
        try edit.log.throwIfAny()
    }

    private func write(
        _ prepared: Prepared,
        _ author: ChangeAuthor,
        _ rows: any ConfigTransaction,
        _ state: inout ConfigState
    ) throws {
        let (at, version) = (prepared.snapshot.createdAt, prepared.snapshot.version)
        for change in prepared.report.changes {
            let name = ConfigState.Name(kind: change.kind, name: change.name)
            if let after = change.after {
                let old = state.rows[name]
                let row = ConfigState.Row(
                    id: old?.id ?? RandomText.base62(16),
                    version: (old?.version ?? 0) + 1,
                    managedBy: author.managedBy,
                    updatedAt: at
                )
                try self.put(after, row, rows)
                state.rows[name] = row
            } else {
                try rows.deleteResource(change.kind, change.name)
                state.rows[name] = nil
            }
            try rows.append(Self.audit(change, author, at: at, version: version))
        }
        for name in prepared.claimed {
            guard let resource = state.resources[name.kind, name.name], var row = state.rows[name],
                row.managedBy != author.managedBy
            else { continue }
            row.managedBy = author.managedBy
            row.version += 1
            try self.put(resource, row, rows)
            state.rows[name] = row
        }
    }

    private func put(_ resource: Resource, _ row: ConfigState.Row, _ rows: any ConfigTransaction) throws {
        try rows.put(
            self.vault.record(
                resource,
                id: row.id,
                version: row.version,
                managedBy: row.managedBy,
                at: row.updatedAt
            )
        )
    }

    private static func audit(
        _ change: ResourceChange,
        _ author: ChangeAuthor,
        at: Int64,
        version: UInt64
    ) -> AuditRecord {
        let action = change.before == nil ? "create" : change.after == nil ? "delete" : "update"
        return AuditRecord(
            at: at,
            actor: author.name,
            origin: author.origin,
            action: action,
            kind: change.kind.rawValue,
            name: change.name,
            before: change.before?.document() ?? .null,
            after: change.after?.document() ?? .null,
            secretsChanged: change.secretsChanged,
            snapshot: version
        )
    }
}
