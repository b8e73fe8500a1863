import GatewayModel
import Testing

@testable import GatewayCore

/// Azure's paths, versions and credentials.
struct AzureTests {
    static func bench(version: String?, _ credential: Upstream.Credential.Source = .value(Secret("az-key"))) throws
        -> Bench
    {
        let snapshot = Bench.snapshot { snapshot in
            let path = version == nil ? "/openai/v1" : "/openai"
            snapshot.upstreams.append(
                Upstream(
                    name: "azure",
                    dialect: .azureOpenAI,
                    baseURL: BaseURL(tls: false, host: "x.azure.example", port: 80, path: path),
                    credentials: [.init(source: credential)],
                    apiVersion: version
                )
            )
            let target = Model.Target(upstream: "azure", model: "my deployment")
            snapshot.models[0] = Model(name: NamePattern("gpt"), targets: [target])
        }
        return try Bench(snapshot)
    }

    static func sent(_ bench: Bench, _ path: String) throws -> String {
        let body = #"{"model":"gpt"}"#
        return try bench.forward(Bench.post(path, body), body)
    }

    @Test(
        arguments: [
            ("/v1/chat/completions", "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"),
            ("/v1/embeddings?a=b", "/openai/deployments/my%20deployment/embeddings?api-version=2024-10-21&a=b"),
            ("/v1/audio/speech", "/openai/deployments/my%20deployment/audio/speech?api-version=2024-10-21"),
            ("/v1/responses", "/openai/responses?api-version=2024-10-21"),
        ]
    )
    func namesDeploymentAndVersionInThePath(_ asked: String, _ target: String) throws {
        let sent = try Self.sent(Self.bench(version: "2024-10-21"), asked)
        #expect(sent.hasPrefix("POST \(target) HTTP/1.1\r\nhost: x.azure.example\r\n"))
        #expect(sent.contains("\r\napi-key: az-key\r\n") && !sent.contains("authorization"))
        #expect(sent.hasSuffix(#"{"model":"my deployment"}"#))
    }

    @Test func speaksTheVersionlessAPIAsOpenAIs() throws {
        let sent = try Self.sent(Self.bench(version: nil), "/v1/chat/completions?a=b")
        #expect(sent.hasPrefix("POST /openai/v1/chat/completions?a=b HTTP/1.1\r\n"))
    }

    static let entra = Upstream.Credential.Entra(
        tenant: "t",
        clientID: "c",
        clientSecret: Secret("s"),
        authority: BaseURL(tls: true, host: "login.example", port: 443, path: "")
    )

    @Test func sendsTheTokenThatIsThere() throws {
        let bench = try Self.bench(version: nil, .entra(Self.entra))
        #expect(try !Self.sent(bench, "/v1/chat/completions").contains("authorization"))
        let token = try #require(bench.shared.tokens.due(0).first)
        token.take("first", lifetime: 1000, now: 0)
        #expect(bench.shared.tokens.due(799).isEmpty && bench.shared.tokens.due(800).count == 1)
        token.failed(now: 800, wait: 50)
        #expect(bench.shared.tokens.due(849).isEmpty && bench.shared.tokens.due(850).count == 1)
        #expect(try Self.sent(bench, "/v1/chat/completions").contains("\r\nauthorization: Bearer first\r\n"))
    }

    /// A publish that leaves an upstream as it is keeps its token; one that takes it away forgets it.
    @Test func tokensOutliveTables() {
        let tokens = EntraTokens()
        let first = tokens.token(for: Self.entra)
        #expect(tokens.token(for: Self.entra) === first)
        tokens.keep(only: [Self.entra])
        #expect(tokens.token(for: Self.entra) === first)
        tokens.keep(only: [])
        #expect(tokens.due(0).isEmpty && tokens.isEmpty)
    }

    /// Whoever renews tokens sleeps until there is one.
    @Test func aNewTokenIsNews() async {
        let tokens = EntraTokens()
        #expect(tokens.isEmpty)
        let asker = Task { () -> Bool in
            for await _ in tokens.news { return !tokens.isEmpty }
            return false
        }
        _ = tokens.token(for: Self.entra)
        #expect(await asker.value)
    }
}
