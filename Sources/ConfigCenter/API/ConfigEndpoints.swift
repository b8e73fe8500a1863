internal import GatewayModel
internal import HTTPTypes
internal import Hummingbird
internal import ServiceKit
internal import Storage

/// The configuration as a whole: apply, export, snapshots, differences, rollback, audit.
struct ConfigEndpoints {
    private static let yaml = "application/yaml"

    let store: any ConfigStore
    let editor: ConfigEditor
    let vault: Vault

    // WHY: one table, longer than a function should be.
    var endpoints: [Endpoint] {
        [
            Endpoint(
                .post,
                "/api/v1/apply",
                access: ResourceEndpoints.editors,
                operation: "apply",
                summary: "Creates and updates what the document names; all of it, or nothing.",
                body: .init("Config", types: ["application/json", Self.yaml], limit: 32 << 20),
                answer: .init(.ok, "ApplyReport"),
                handle: self.apply
            ),
            Endpoint(
                .post,
                "/api/v1/plan",
                access: ResourceEndpoints.readers,
                operation: "plan",
                summary: "What applying the document would change, checks included; nothing is changed.",
                body: .init("Config", types: ["application/json", Self.yaml], limit: 32 << 20),
                answer: .init(.ok, "Plan"),
                handle: self.plan
            ),
            Endpoint(
                .get,
                "/api/v1/export",
                access: ResourceEndpoints.readers,
                operation: "export",
                summary: "All resources with every default, without secrets; applying it changes nothing.",
                answer: .init(.ok, "Config", types: [Self.yaml, "application/json"]),
                handle: self.export
            ),
            Endpoint(
                .get,
                "/api/v1/snapshots",
                access: ResourceEndpoints.readers,
                operation: "listSnapshots",
                summary: "The published versions, newest first.",
                answer: .init(.ok, "SnapshotPage"),
                query: Endpoint.Query.paging,
                handle: self.snapshots
            ),
            Endpoint(
                .get,
                "/api/v1/snapshots/{version}",
                access: ResourceEndpoints.readers,
                operation: "readSnapshot",
                summary: "One version, without secrets.",
                answer: .init(.ok, "Snapshot"),
                handle: self.snapshot
            ),
            Endpoint(
                .get,
                "/api/v1/snapshots/{version}/diff/{other}",
                access: ResourceEndpoints.readers,
                operation: "diffSnapshots",
                summary: "What the other version changed, field by field.",
                answer: .init(.ok, "SnapshotDiff"),
                handle: self.diff
            ),
            Endpoint(
                .post,
                "/api/v1/snapshots/{version}/rollback",
                access: ResourceEndpoints.editors,
                operation: "rollback",
                summary: "Publishes the resources of an older version, as a new version.",
                answer: .init(.ok, "ApplyReport"),
                handle: self.rollback
            ),
            Endpoint(
                .get,
                "/api/v1/audit",
                access: .roles([.admin, .auditor]),
                operation: "listAudit",
                summary: "Who changed what, newest first.",
                answer: .init(.ok, "AuditPage"),
                query: Endpoint.Query.paging,
                handle: self.audit
            ),
        ]
    }

    @Sendable private func apply(_ request: ServiceRequest) async throws -> Response {
        let document = try ConfigDocument(reading: try request.document(), server: false)
        let report = try await self.editor.apply(document, by: ChangeAuthor(request.caller), prune: document.prune)
        return .json(Self.shown(report))
    }

    @Sendable private func plan(_ request: ServiceRequest) async throws -> Response {
        let document = try ConfigDocument(reading: try request.document(), server: false)
        let report = try await self.editor.plan(document, by: ChangeAuthor(request.caller), prune: document.prune)
        return .json(["changes": .array(report.changes.map(SnapshotDiff.document))])
    }

    @Sendable private func export(_ request: ServiceRequest) async throws -> Response {
        let state = try await self.editor.state()
        let document = state.resources.snapshot(version: 0, createdAt: 0, keyPepper: state.pepper).document()
        if request.request.headers[.accept]?.contains("json") == true { return .json(document) }
        return .text(document.yaml(), type: Self.yaml)
    }

    @Sendable private func snapshots(_ request: ServiceRequest) async throws -> Response {
        let page = try PageRequest(request)
        let before = try page.number()
        let records = try await self.store.read { rows in try rows.snapshots(before: before, limit: page.limit) }
        return .json(page.page(records.map(Self.shown), next: records.last.map { String($0.version) }))
    }

    @Sendable private func snapshot(_ request: ServiceRequest) async throws -> Response {
        let record = try await self.record(request, "version")
        var shown = Self.shown(record).object ?? DocumentObject()
        shown.set("resources", try self.vault.open(record).document())
        return .json(.object(shown))
    }

    @Sendable private func diff(_ request: ServiceRequest) async throws -> Response {
        let before = try self.vault.open(try await self.record(request, "version"))
        let after = try self.vault.open(try await self.record(request, "other"))
        return .json([
            "from": .int(Int64(before.version)), "to": .int(Int64(after.version)),
            "changes": SnapshotDiff(from: before, to: after).document,
        ])
    }

    @Sendable private func rollback(_ request: ServiceRequest) async throws -> Response {
        let snapshot = try self.vault.open(try await self.record(request, "version"))
        let author = ChangeAuthor(request.caller, overridesFiles: true)
        let report = try await self.editor.change(by: author, reason: "rollback to \(snapshot.version)") { edit in
            edit.resources = ResourceSet(snapshot)
        }
        return .json(Self.shown(report))
    }

    @Sendable private func audit(_ request: ServiceRequest) async throws -> Response {
        let page = try PageRequest(request)
        let before = try page.number().map { Int64(clamping: $0) }
        let records = try await self.store.read { rows in try rows.audit(before: before, limit: page.limit) }
        return .json(page.page(records.map(Self.shown), next: records.last.map { String($0.id) }))
    }

    private func record(_ request: ServiceRequest, _ parameter: String) async throws -> SnapshotRecord {
        let text = try request.parameter(parameter)
        guard let version = UInt64(text) else {
            throw ServiceProblem(.malformedRequest, "A snapshot's version is a number.")
        }
        let record = try await self.store.read { rows in try rows.snapshot(version) }
        guard let record else {
            throw ServiceProblem(.notFound, "There is no snapshot \(version), or it is too old to be kept.")
        }
        return record
    }

    // MARK: Forms

    private static func shown(_ report: ChangeReport) -> DocumentValue {
        [
            "version": .int(Int64(report.version)),
            "changes": .array(report.changes.map(SnapshotDiff.document)),
            "generatedKeys": .array(
                report.generatedKeys.map { ["name": .string($0.name), "value": .string($0.value)] }
            ),
        ]
    }

    private static func shown(_ record: SnapshotRecord) -> DocumentValue {
        [
            "version": .int(Int64(record.version)), "createdAt": .string(Timestamp.text(record.createdAt)),
            "author": .string(record.author), "reason": .string(record.reason),
            "contentHash": .string(record.contentHash),
        ]
    }

    private static func shown(_ record: AuditRecord) -> DocumentValue {
        [
            "id": .int(record.id), "at": .string(Timestamp.text(record.at)), "actor": .string(record.actor),
            "origin": .string(record.origin), "action": .string(record.action), "kind": .string(record.kind),
            "name": .string(record.name), "before": record.before, "after": record.after,
            "secretsChanged": .bool(record.secretsChanged),
            "snapshot": record.snapshot.map { .int(Int64(clamping: $0)) } ?? .null,
        ]
    }
}

extension ConfigEditor {
    /// Creates and updates what the document names. With `prune`, resources that the same side manages and the document
    /// does not name are removed.
    func apply(_ document: ConfigDocument, by author: ChangeAuthor, prune: Bool) async throws -> ChangeReport {
        try await self.change(by: author, reason: "apply") { edit in edit.apply(document, by: author, prune: prune) }
    }

    /// What `apply` would come to.
    func plan(_ document: ConfigDocument, by author: ChangeAuthor, prune: Bool) async throws -> ChangeReport {
        try await self.plan(by: author) { edit in edit.apply(document, by: author, prune: prune) }
    }
}

extension ConfigEditor.Edit {
    fileprivate mutating func apply(_ document: ConfigDocument, by author: ChangeAuthor, prune: Bool) {
        for (draft, path) in document.drafts { self.put(draft, at: path) }
        let named = Set(document.drafts.map { ConfigState.Name(kind: $0.draft.kind, name: $0.draft.name) })
        if author.managedBy == .file { self.claimed = Array(named) }
        guard prune else { return }
        for (name, row) in self.state.rows where row.managedBy == author.managedBy && !named.contains(name) {
            self.resources.remove(name.kind, name.name)
        }
    }
}
