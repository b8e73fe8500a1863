import ConfigCenter
import GatewayModel
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import ServiceKit
import Storage
import Testing

/// A config center in memory, with a token for every role, called without sockets.
struct Fixture: Sendable {
    struct Answer {
        let status: Int
        let headers: HTTPFields
        let text: String

        var json: DocumentValue { (try? DocumentValue(json: self.text)) ?? .null }
        var code: String? { self.json["code"]?.string }
        var eTag: String? { self.headers[.eTag] }
    }

    static let masterKey = MasterKey.random()

    let center: ConfigCenter
    let store: any ConfigStore
    let tokens: [Role: String]
    private let client: any TestClientProtocol

    static func run(
        watcherLimit: Int = 10,
        keptSnapshots: Int = 200,
        clock: TestClock = TestClock(1_800_000_000),
        store: any ConfigStore = MemoryConfigStore(),
        onAudit: @escaping @Sendable (AuditRecord) -> Void = { _ in },
        _ body: @escaping @Sendable (Fixture) async throws -> Void
    ) async throws {
        let center = ConfigCenter(
            store: store,
            secrets: SecretBox(Self.masterKey),
            options: ConfigCenterOptions(
                keptSnapshots: keptSnapshots,
                watcherLimit: watcherLimit,
                hasher: PasswordHasher(rounds: 16),
                onAudit: onAudit
            ),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { clock.now }
        )
        let first = try #require(try await center.bootstrap())
        var tokens = [Role.gateway: first.enrolmentToken]
        for role in [Role.editor, .viewer, .auditor] {
            try await center.createUser(role.rawValue, role: role, password: Secret("a long password"))
        }
        let application = try center.application()
        tokens = try await application.test(.router) { client in
            var tokens = [Role.gateway: first.enrolmentToken]
            for role in Role.allCases where role != .gateway {
                let password = role == .admin ? first.adminPassword : "a long password"
                let answer = try await client.execute(
                    uri: "/api/v1/login",
                    method: .post,
                    body: ByteBuffer(string: "{\"name\":\"\(role.rawValue)\",\"password\":\"\(password)\"}")
                )
                tokens[role] = try DocumentValue(json: String(buffer: answer.body))["token"]?.string
            }
            return tokens
        }
        try #require(tokens.count == Role.allCases.count)
        let all = tokens
        try await application.test(.router) { client in
            try await body(Fixture(center: center, store: store, tokens: all, client: client))
        }
    }

    @discardableResult
    func call(
        _ method: HTTPRequest.Method,
        _ uri: String,
        _ body: String? = nil,
        as role: Role? = .admin,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if let role { headers[.authorization] = "Bearer \(self.tokens[role] ?? "")" }
        let response = try await self.client.execute(
            uri: uri,
            method: method,
            headers: headers,
            body: body.map { ByteBuffer(string: $0) }
        )
        return Answer(
            status: response.status.code,
            headers: response.headers,
            text: String(buffer: response.body)
        )
    }

    /// A configuration with every kind of resource and three secrets.
    static let config = """
        namespaces: { name: team/search, match: { pathPrefix: /search } }
        keys: { name: search-prod, namespace: team/search, value: agw_the_secret_key }
        upstreams:
          name: openai
          dialect: openai
          baseURL: https://api.openai.example/v1
          credentials: [{ value: sk-provider-secret }, { headers: { x-key: header-secret } }]
        models: { name: "gpt-*", targets: { upstream: openai } }
        routes: { name: default, match: { paths: /v1/* } }
        policies: { name: rpm, scope: { namespace: team/search }, rateLimit: { requests: 600, per: 1m } }
        """

    static let secrets = ["agw_the_secret_key", "sk-provider-secret", "header-secret"]

    func applyConfig() async throws {
        let answer = try await self.call(
            .post,
            "/api/v1/apply",
            Self.config,
            headers: [.contentType: "application/yaml"]
        )
        try #require(answer.status == 200, "\(answer.text)")
    }
}
