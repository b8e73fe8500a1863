internal import GatewayModel
internal import HTTPTypes
internal import Hummingbird
internal import ServiceKit
internal import Storage

/// Logging in and out, and who may.
struct AccessEndpoints {
    private static let people: Access = .roles([.admin, .editor, .viewer, .auditor])
    private static let admins: Access = .roles([.admin])

    let store: any ConfigStore
    let access: AccessService

    // WHY: one table, longer than a function should be.
    var endpoints: [Endpoint] {
        [
            Endpoint(
                .post,
                "/api/v1/login",
                access: .open,
                operation: "logIn",
                summary: "A bearer token for a password.",
                body: .init("Login", limit: 4096),
                answer: .init(.ok, "Token"),
                handle: self.logIn
            ),
            Endpoint(
                .post,
                "/api/v1/logout",
                access: Self.people,
                operation: "logOut",
                summary: "Ends the token.",
                answer: .init(.noContent, nil),
                handle: self.logOut
            ),
            Endpoint(
                .post,
                "/api/v1/password",
                access: Self.people,
                operation: "changePassword",
                summary: "Another password for the caller; ends all of the caller's tokens.",
                body: .init("PasswordChange", limit: 4096),
                answer: .init(.noContent, nil),
                handle: self.changePassword
            ),
            Endpoint(
                .get,
                "/api/v1/whoami",
                access: .roles(Set(Role.allCases)),
                operation: "whoAmI",
                summary: "Whose token it is: for people, and for services that are shown one.",
                answer: .init(.ok, "Holder")
            ) { request in
                .json(["name": .string(request.caller.name), "role": .string(request.caller.role.rawValue)])
            },
            Endpoint(
                .get,
                "/api/v1/users",
                access: Self.admins,
                operation: "listUsers",
                summary: "Who may log in, by name.",
                answer: .init(.ok, "UserPage"),
                query: Endpoint.Query.paging,
                handle: self.list
            ),
            Endpoint(
                .post,
                "/api/v1/users",
                access: Self.admins,
                operation: "createUser",
                summary: "Lets someone log in.",
                body: .init("UserDraft", limit: 4096),
                answer: .init(.created, "User"),
                handle: self.create
            ),
            Endpoint(
                .delete,
                "/api/v1/users/{name}",
                access: Self.admins,
                operation: "deleteUser",
                summary: "Removes someone, with all tokens.",
                answer: .init(.noContent, nil),
                handle: self.delete
            ),
        ]
    }

    @Sendable private func logIn(_ request: ServiceRequest) async throws -> Response {
        let log = ProblemLog()
        let fields = FieldReader(try request.document(), at: "", log: log)
        let (name, password) = (fields.required("name", TextRule.name), Secret(fields.required("password")))
        fields.finish()
        try log.throwIfAny()
        let (token, record) = try await self.access.logIn(name, password, from: request.context.origin)
        return .json([
            "token": .string(token), "name": .string(record.user), "role": .string(record.role),
            "expiresAt": .string(Timestamp.text(record.expiresAt)),
        ])
    }

    @Sendable private func logOut(_ request: ServiceRequest) async throws -> Response {
        let field = request.request.headers[.authorization] ?? ""
        try await self.access.logOut(String(field.split(separator: " ", maxSplits: 1).last ?? ""))
        return Response(status: .noContent)
    }

    @Sendable private func changePassword(_ request: ServiceRequest) async throws -> Response {
        let log = ProblemLog()
        let fields = FieldReader(try request.document(), at: "", log: log)
        let (old, new) = (Secret(fields.required("current")), Secret(fields.required("new", Self.password)))
        fields.finish()
        try log.throwIfAny()
        try await self.access.changePassword(of: request.caller, from: old, to: new)
        return Response(status: .noContent)
    }

    @Sendable private func list(_ request: ServiceRequest) async throws -> Response {
        let page = try PageRequest(request)
        let users = try await self.store.read { rows in try rows.users(after: page.after, limit: page.limit) }
        let items = users.map { user -> DocumentValue in
            [
                "name": .string(user.name), "role": .string(user.role),
                "createdAt": .string(Timestamp.text(user.createdAt)),
            ]
        }
        return .json(page.page(items, next: users.last?.name))
    }

    @Sendable private func create(_ request: ServiceRequest) async throws -> Response {
        let log = ProblemLog()
        let fields = FieldReader(try request.document(), at: "", log: log)
        let (name, role) = (fields.required("name", TextRule.name), fields.choice("role", default: Role.viewer))
        let password = Secret(fields.required("password", Self.password))
        if role == .gateway { fields.problem("role", "is for gateways; they enrol with a token") }
        fields.finish()
        try log.throwIfAny()
        try await self.access.create(name, role, password, by: ChangeAuthor(request.caller))
        return .json(["name": .string(name), "role": .string(role.rawValue)], status: .created)
    }

    @Sendable private func delete(_ request: ServiceRequest) async throws -> Response {
        try await self.access.delete(try request.parameter("name"), by: ChangeAuthor(request.caller))
        return Response(status: .noContent)
    }

    private static func password(_ text: String) -> String? {
        (12...1024).contains(text.utf8.count) ? nil : "must be 12 to 1024 bytes"
    }
}
