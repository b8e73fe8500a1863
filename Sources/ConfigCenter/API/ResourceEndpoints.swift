internal import GatewayModel
internal import HTTPTypes
internal import Hummingbird
internal import ServiceKit
internal import Storage

/// The six collections: list, create, read, replace, delete, release.
struct ResourceEndpoints {
    static let readers: Access = .roles([.admin, .editor, .viewer, .auditor])
    static let editors: Access = .roles([.admin, .editor])

    let store: any ConfigStore
    let editor: ConfigEditor
    let now: @Sendable () -> Int64

    var endpoints: [Endpoint] { ResourceKind.allCases.flatMap(self.endpoints) }

    private func endpoints(_ kind: ResourceKind) -> [Endpoint] {
        let (one, all) = ("/api/v1/\(kind.plural)/{name}", "/api/v1/\(kind.plural)")
        let schema = kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst()
        return [
            Endpoint(
                .get,
                all,
                access: Self.readers,
                operation: "list\(schema)s",
                summary: "The \(kind.plural), by name.",
                answer: .init(.ok, "\(schema)Page"),
                query: Endpoint.Query.paging
            ) { try await self.list(kind, $0) },
            Endpoint(
                .post,
                all,
                access: Self.editors,
                operation: "create\(schema)",
                summary: "Creates a \(kind.rawValue).",
                body: .init(schema),
                answer: .init(.created, schema)
            ) { try await self.create(kind, $0) },
            Endpoint(
                .get,
                one,
                access: Self.readers,
                operation: "read\(schema)",
                summary: "One \(kind.rawValue).",
                answer: .init(.ok, schema)
            ) { try await self.read(kind, $0) },
            Endpoint(
                .put,
                one,
                access: Self.editors,
                operation: "replace\(schema)",
                summary: "Replaces a \(kind.rawValue); needs If-Match.",
                body: .init(schema),
                answer: .init(.ok, schema)
            ) { try await self.replace(kind, $0) },
            Endpoint(
                .delete,
                one,
                access: Self.editors,
                operation: "delete\(schema)",
                summary: "Deletes a \(kind.rawValue).",
                answer: .init(.noContent, nil)
            ) { try await self.delete(kind, $0) },
            Endpoint(
                .post,
                "\(one)/release",
                access: Self.editors,
                operation: "release\(schema)",
                summary: "Takes a \(kind.rawValue) away from the file that manages it.",
                answer: .init(.ok, schema)
            ) { try await self.release(kind, $0) },
        ]
    }

    private func list(_ kind: ResourceKind, _ request: ServiceRequest) async throws -> Response {
        let page = try PageRequest(request)
        let records = try await self.store.read { rows in
            try rows.resources(kind, after: page.after, limit: page.limit)
        }
        return .json(page.page(records.map(Self.shown), next: records.last?.name))
    }

    private func read(_ kind: ResourceKind, _ request: ServiceRequest) async throws -> Response {
        let record = try await self.record(kind, try request.parameter("name"))
        return .json(Self.shown(record), headers: [.eTag: IfMatch.tag(record.version)])
    }

    private func create(_ kind: ResourceKind, _ request: ServiceRequest) async throws -> Response {
        let draft = try Self.draft(kind, request, named: nil)
        let report = try await self.editor.change(
            by: ChangeAuthor(request.caller),
            reason: "create \(kind.rawValue) \(draft.name)"
        ) { edit in
            guard edit.resources[kind, draft.name] == nil else {
                throw ServiceProblem(.alreadyExists, "There is a \(kind.rawValue) `\(draft.name)` already.")
            }
            edit.put(draft, at: "")
        }
        let record = try await self.record(kind, draft.name)
        var shown = Self.shown(record).object ?? DocumentObject()
        if let key = report.generatedKeys.first { shown.set("value", .string(key.value)) }
        return .json(.object(shown), status: .created, headers: [.eTag: IfMatch.tag(record.version)])
    }

    private func replace(_ kind: ResourceKind, _ request: ServiceRequest) async throws -> Response {
        let name = try request.parameter("name")
        let draft = try Self.draft(kind, request, named: name)
        let match = IfMatch(request)
        _ = try await self.editor.change(
            by: ChangeAuthor(request.caller),
            reason: "update \(kind.rawValue) \(name)"
        ) { edit in
            try match.check(try Self.row(kind, name, edit.state).version, required: true)
            edit.put(draft, at: "")
        }
        let record = try await self.record(kind, name)
        return .json(Self.shown(record), headers: [.eTag: IfMatch.tag(record.version)])
    }

    private func delete(_ kind: ResourceKind, _ request: ServiceRequest) async throws -> Response {
        let name = try request.parameter("name")
        let match = IfMatch(request)
        do {
            _ = try await self.editor.change(
                by: ChangeAuthor(request.caller),
                reason: "delete \(kind.rawValue) \(name)"
            ) { edit in
                try match.check(try Self.row(kind, name, edit.state).version, required: false)
                edit.resources.remove(kind, name)
            }
        } catch let error as DocumentProblems {
            throw ServiceProblem(
                .stillReferenced,
                error.problems.first?.description ?? "",
                problems: error.problems
            )
        }
        return Response(status: .noContent)
    }

    private func release(_ kind: ResourceKind, _ request: ServiceRequest) async throws -> Response {
        let name = try request.parameter("name")
        let (caller, now) = (request.caller, self.now())
        let record = try await self.store.write { rows in
            guard var record = try rows.resource(kind, name) else { throw Self.missing(kind, name) }
            guard record.managedBy == .file else { return record }
            record.managedBy = .api
            record.version += 1
            try rows.put(record)
            _ = try ConfigState.advance(rows)
            try rows.append(
                AuditRecord(
                    at: now,
                    actor: caller.name,
                    origin: caller.origin,
                    action: "release",
                    kind: kind.rawValue,
                    name: name
                )
            )
            return record
        }
        return .json(Self.shown(record), headers: [.eTag: IfMatch.tag(record.version)])
    }

    // MARK: What they share

    private func record(_ kind: ResourceKind, _ name: String) async throws -> ResourceRecord {
        let record = try await self.store.read { rows in try rows.resource(kind, name) }
        guard let record else { throw Self.missing(kind, name) }
        return record
    }

    private static func row(_ kind: ResourceKind, _ name: String, _ state: ConfigState) throws -> ConfigState.Row {
        guard let row = state.rows[ConfigState.Name(kind: kind, name: name)] else { throw Self.missing(kind, name) }
        return row
    }

    private static func missing(_ kind: ResourceKind, _ name: String) -> ServiceProblem {
        ServiceProblem(.notFound, "There is no \(kind.rawValue) `\(name.prefix(128))`.")
    }

    /// Reads the body. What an answer adds (`meta`) may come back and means nothing; the name may be left to the path.
    private static func draft(_ kind: ResourceKind, _ request: ServiceRequest, named name: String?) throws
        -> ResourceDraft
    {
        var value = try request.document()
        if var object = value.object {
            object.remove("meta")
            if let name, object["name"] == nil { object.set("name", .string(name)) }
            value = .object(object)
        }
        let log = ProblemLog()
        let draft = ResourceDraft(kind, reading: FieldReader(value, at: "", log: log))
        if let name, draft.name != name { log.add("name", "must be `\(name)`, as in the path; names do not change") }
        try log.throwIfAny()
        return draft
    }

    /// A row as answers show it: the written form, and beside it what only the service can say.
    static func shown(_ record: ResourceRecord) -> DocumentValue {
        var object = record.document.object ?? DocumentObject()
        var meta = DocumentObject([
            ("id", .string(record.id)), ("version", .int(record.version)),
            ("managedBy", .string(record.managedBy.rawValue)), ("updatedAt", .string(Timestamp.text(record.updatedAt))),
        ])
        if record.kind == .key {
            meta.set("hint", object["hint"] ?? .null)
            object.remove("digest")
            object.remove("hint")
        }
        object.set("meta", .object(meta))
        return .object(object)
    }
}
