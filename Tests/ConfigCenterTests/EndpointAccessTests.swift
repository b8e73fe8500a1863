import ConfigCenter
import GatewayModel
import HTTPTypes
import ServiceKit
import Testing

/// Whom each endpoint admits, written out: an endpoint that is missing here fails, and so does a role too many.
struct EndpointAccessTests {
    struct Row: Sendable {
        let method: HTTPRequest.Method
        let path: String
        /// Nil: everyone, without credentials.
        let roles: Set<Role>?

        init(_ method: HTTPRequest.Method, _ path: String, _ roles: Set<Role>?) {
            self.method = method
            self.path = path
            self.roles = roles
        }
    }

    static let readers: Set<Role> = [.admin, .editor, .viewer, .auditor]
    static let editors: Set<Role> = [.admin, .editor]

    static let table: [Row] =
        ["namespaces", "keys", "upstreams", "models", "routes", "policies", "prices"].flatMap { kind in
            [
                Row(.get, "/api/v1/\(kind)", Self.readers), Row(.post, "/api/v1/\(kind)", Self.editors),
                Row(.get, "/api/v1/\(kind)/{name}", Self.readers), Row(.put, "/api/v1/\(kind)/{name}", Self.editors),
                Row(.delete, "/api/v1/\(kind)/{name}", Self.editors),
                Row(.post, "/api/v1/\(kind)/{name}/release", Self.editors),
            ]
        } + [
            Row(.post, "/api/v1/apply", Self.editors),
            Row(.post, "/api/v1/plan", Self.readers),
            Row(.get, "/api/v1/export", Self.readers),
            Row(.get, "/api/v1/snapshots", Self.readers),
            Row(.get, "/api/v1/snapshots/{version}", Self.readers),
            Row(.get, "/api/v1/snapshots/{version}/diff/{other}", Self.readers),
            Row(.post, "/api/v1/snapshots/{version}/rollback", Self.editors),
            Row(.get, "/api/v1/audit", [.admin, .auditor]),
            Row(.get, "/api/v1/watch", [.gateway]),
            Row(.get, "/api/v1/gateways", Self.readers),
            Row(.post, "/api/v1/gateways/{id}", [.gateway]),
            Row(.post, "/api/v1/login", nil),
            Row(.post, "/api/v1/logout", Self.readers),
            Row(.post, "/api/v1/password", Self.readers),
            Row(.get, "/api/v1/whoami", Self.readers.union([.gateway])),
            Row(.get, "/api/v1/users", [.admin]),
            Row(.post, "/api/v1/users", [.admin]),
            Row(.delete, "/api/v1/users/{name}", [.admin]),
            Row(.get, "/openapi.json", nil),
            Row(.get, "/healthz", nil),
            Row(.get, "/readyz", nil),
            Row(.get, "/metrics", nil),
        ]

    @Test func theTableListsExactlyTheEndpoints() async throws {
        try await Fixture.run { fixture in
            let real = Set(fixture.center.endpoints.map { "\($0.method.rawValue) \($0.path)" })
            #expect(real == Set(Self.table.map { "\($0.method.rawValue) \($0.path)" }))
            #expect(real.count == Self.table.count)
        }
    }

    @Test func everyEndpointAdmitsItsRolesAndNobodyElse() async throws {
        // No room for watchers: an admitted one is told so, instead of waiting for events.
        try await Fixture.run(watcherLimit: 0) { fixture in
            for row in Self.table where row.path != "/api/v1/logout" {
                let uri = row.path.replacing("{version}", with: "1").replacing("{other}", with: "1")
                    .replacing("{name}", with: "none").replacing("{id}", with: "g1")
                let place = "\(row.method.rawValue) \(uri)"
                let bare = try await fixture.call(row.method, uri, "{}", as: nil)
                #expect((bare.status == 401) == (row.roles != nil), "\(place) without credentials: \(bare.status)")
                for role in Role.allCases {
                    let answer = try await fixture.call(row.method, uri, "{}", as: role)
                    let refused = answer.status == 403 && answer.code == "forbidden"
                    let admitted = row.roles?.contains(role) ?? true
                    #expect(refused != admitted, "\(place) as \(role): \(answer.status) \(answer.text)")
                    #expect(answer.status != 401, "\(place) as \(role)")
                }
            }
        }
    }

    @Test(arguments: ["", "Bearer", "Bearer x", "Basic YTpi", "bearer  "])
    func refusesCredentialsThatAreNone(_ field: String) async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.call(.get, "/api/v1/keys", as: nil, headers: [.authorization: field])
            #expect(answer.status == 401 && answer.code == "unauthenticated")
            #expect(answer.headers[.wwwAuthenticate] == "Bearer")
        }
    }

    @Test func theOpenAPIDocumentListsExactlyTheEndpoints() async throws {
        try await Fixture.run { fixture in
            let document = try await fixture.call(.get, "/openapi.json", as: nil).json
            var listed: Set<String> = []
            for path in document["paths"]?.object?.fields ?? [] {
                for operation in path.value.object?.fields ?? [] {
                    listed.insert("\(operation.name.uppercased()) \(path.name)")
                    #expect(operation.value["responses"] != nil && operation.value["operationId"] != nil)
                }
            }
            #expect(listed == Set(Self.table.map { "\($0.method.rawValue) \($0.path)" }))
            let schemas = document["components"]?["schemas"]
            let references = String(decoding: document.json(), as: UTF8.self)
                .matches(of: #/"#\/components\/schemas\/([A-Za-z]+)"/#).map { String($0.output.1) }
            for name in Set(references) { #expect(schemas?[name] != nil, "no schema \(name)") }
        }
    }
}
