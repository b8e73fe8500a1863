import Testing

@testable import GatewayModel

struct DocumentTests {
    static let whole = """
        namespaces:
          - name: company
          - name: search
            parent: company
            match: { pathPrefix: /search, hosts: Search.AI.example, headers: { X-Namespace: search } }
            anonymous: true
        keys:
          - { name: search-prod, namespace: search, value: agw_sesame_open, models: ["gpt-*"], expires: 2027-01-01T00:00:00Z }
          - { name: other, namespace: company }
        upstreams:
          - name: openai
            dialect: openai
            baseURL: HTTPS://API.openai.com/v1/
            credentials:
              - { value: sk-one, weight: 2 }
              - file: /run/secret
              - headers: { X-Key: two }
            limits: { connections: 256, requestsInFlight: 1k, queue: 100, queueTimeout: 2s }
            timeouts: { total: 10m }
          - { name: local, dialect: simulator, baseURL: "http://[::1]:8090" }
          - name: z-aws
            dialect: bedrock
            baseURL: https://bedrock-runtime.eu-west-1.amazonaws.com
            credentials:
              - aws: { accessKey: AKID, secretKey: aws-sesame, sessionToken: token-sesame, region: eu-west-1 }
          - name: z-azure
            dialect: azure-openai
            baseURL: https://x.openai.azure.com/openai
            responses: false
            credentials: { azureAD: { tenant: t, clientID: c, clientSecret: entra-sesame } }
        models:
          - name: gpt-4o
            targets:
              - { upstream: openai, model: gpt-4o-2024-11-20, weight: 90 }
              - { upstream: local, priority: 1 }
          - { name: "gpt-*", targets: { upstream: openai } }
        routes:
          - name: default
            match: { namespaces: ["*"], paths: /v1/*, models: ["*"] }
            retry: { attempts: 3, on: [connect, 429, 5xx, timeout], backoff: 50ms }
          - { name: files, match: { paths: [/v1/files*, /v1/batches*] }, upstream: openai }
        policies:
          - { name: rpm, scope: { namespace: search }, rateLimit: { requests: 600, per: 1m } }
          - { name: all, mode: shadow, rateLimit: { requests: 2M, per: 1h, smooth: true } }
        """

    static func set(_ yaml: String) throws -> ResourceSet {
        var set = ResourceSet()
        let log = ProblemLog()
        let document = try ConfigDocument(reading: DocumentValue(yaml: yaml), server: true)
        for (draft, path) in document.drafts { _ = set.put(draft, at: path, log: log, digest: Self.digest) }
        ReferenceCheck(set.snapshot(version: 1, createdAt: 0, keyPepper: Secret("p")), log: log) { kind, name in
            document.drafts.first { $0.draft.kind == kind && $0.draft.name == name }?.path ?? ""
        }.run()
        try log.throwIfAny()
        return set
    }

    /// No real digest, but different for different values.
    static func digest(_ value: Secret) -> KeyDigest {
        KeyDigest(value.reveal() + [UInt8](repeating: 0, count: 256).prefix(max(0, 32 - value.reveal().count)))
            ?? KeyDigest(value.reveal().suffix(32))!
    }

    static func snapshot(_ yaml: String) throws -> Snapshot {
        try Self.set(yaml).snapshot(version: 7, createdAt: 1_800_000_000, keyPepper: Secret([1, 2, 255]))
    }

    @Test func readsEveryField() throws {
        let snapshot = try Self.snapshot(Self.whole)
        #expect(snapshot.namespaces.count == 2)
        #expect(
            snapshot.namespaces[1]
                == Namespace(
                    name: "search",
                    parent: "company",
                    match: .init(
                        pathPrefix: "/search",
                        hosts: ["search.ai.example"],
                        headers: [.init(name: "x-namespace", value: "search")]
                    ),
                    anonymous: true
                )
        )
        let key = try #require(snapshot.keys.first { $0.name == "search-prod" })
        #expect(key.hint == "open" && key.expires == 1_798_761_600 && key.models == [NamePattern("gpt-*")])
        let openai = try #require(snapshot.upstreams.first { $0.name == "openai" })
        #expect(openai.baseURL == BaseURL(tls: true, host: "api.openai.com", port: 443, path: "/v1"))
        #expect(openai.credentials.count == 3)
        #expect(openai.credentials[0] == .init(source: .value(Secret("sk-one")), weight: 2))
        #expect(openai.credentials[2].source == .headers([.init(name: "x-key", value: Secret("two"))]))
        #expect(openai.limits.requestsInFlight == 1000)
        #expect(openai.timeouts == .init(total: .seconds(600)))
        let aws = try #require(snapshot.upstreams.first { $0.name == "z-aws" })
        #expect(
            aws.credentials.map(\.source) == [
                .aws(
                    .init(
                        accessKey: "AKID",
                        secretKey: Secret("aws-sesame"),
                        sessionToken: Secret("token-sesame"),
                        region: "eu-west-1"
                    )
                )
            ]
        )
        let azure = try #require(snapshot.upstreams.first { $0.name == "z-azure" })
        let authority = BaseURL(tls: true, host: "login.microsoftonline.com", port: 443, path: "")
        #expect(
            azure.credentials.map(\.source) == [
                .entra(.init(tenant: "t", clientID: "c", clientSecret: Secret("entra-sesame"), authority: authority))
            ]
        )
        #expect(azure.apiVersion == "2024-10-21" && aws.apiVersion == nil)
        #expect(!azure.hasResponses && aws.hasResponses)
        #expect(snapshot.upstreams[0].baseURL == BaseURL(tls: false, host: "::1", port: 8090, path: ""))
        #expect(snapshot.models.map(\.name.text) == ["gpt-*", "gpt-4o"])
        #expect(
            snapshot.routes[0].retry
                == .init(attempts: 3, on: Set(Route.Retry.Condition.allCases), backoff: .milliseconds(50))
        )
        #expect(snapshot.routes[1].upstream == "openai")
        #expect(snapshot.policies[0].rule == .rateLimit(.init(requests: 2_000_000, per: .seconds(3600), smooth: true)))
        #expect(snapshot.policies[1].scope == .namespace("search"))
    }

    @Test func applyingAnExportChangesNothing() throws {
        let before = try Self.set(Self.whole)
        let exported = before.snapshot(version: 1, createdAt: 0, keyPepper: Secret("p")).document()
        for text in [exported.yaml(), String(decoding: exported.json(), as: UTF8.self)] {
            #expect(!text.contains("sk-one") && !text.contains("two") && !text.contains("sesame"))
            var after = before
            let log = ProblemLog()
            let document = try ConfigDocument(reading: DocumentValue(yaml: text), server: false)
            for (draft, path) in document.drafts {
                #expect(after.put(draft, at: path, log: log, digest: Self.digest) == nil)
            }
            #expect(log.problems.isEmpty)
            #expect(after == before)
        }
    }

    @Test func snapshotsSurviveTheirBytes() throws {
        let snapshot = try Self.snapshot(Self.whole)
        #expect(try Snapshot(decoding: snapshot.encoded()) == snapshot)
        let empty = Snapshot(version: 0, keyPepper: Secret(""))
        #expect(try Snapshot(decoding: empty.encoded()) == empty)
    }

    @Test func aSnapshotWithAnUnknownFieldIsRefused() throws {
        let text = String(decoding: try Self.snapshot(Self.whole).encoded(), as: UTF8.self)
        let newer = text.replacing("\"anonymous\":true", with: "\"anonymous\":true,\"quota\":1")
        #expect(throws: DocumentProblems.self) { try Snapshot(decoding: Array(newer.utf8)) }
    }

    @Test func aKeyWithoutValueGetsOneThatIsToldOnce() throws {
        var set = ResourceSet()
        let value: DocumentValue = ["name": "k", "namespace": "n"]
        let draft = ResourceDraft(.key, reading: FieldReader(value, at: "", log: ProblemLog()))
        let put = set.put(draft, at: "", log: ProblemLog(), digest: Self.digest)
        let generated = try #require(put)
        #expect(generated.value.hasPrefix("agw_") && generated.value.count == 36)
        #expect(set.put(draft, at: "", log: ProblemLog(), digest: Self.digest) == nil)
    }

    @Test(arguments: [
        ("http://h", "https://h"), ("https://h", "http://h"), ("https://h", "https://other"),
        ("https://h", "https://h:444"),
    ])
    func aCredentialIsNotKeptForAnotherPlace(_ before: String, _ after: String) throws {
        var set = try Self.set(
            "upstreams: { name: u, dialect: openai, baseURL: '\(before)', credentials: { value: s } }"
        )
        let log = ProblemLog()
        let moved = try DocumentValue(
            yaml: "{ name: u, dialect: openai, baseURL: '\(after)', credentials: { stored: 1 } }"
        )
        let draft = ResourceDraft(.upstream, reading: FieldReader(moved, at: "", log: log))
        _ = set.put(draft, at: "", log: log, digest: Self.digest)
        #expect(
            log.problems.map(\.description) == [
                "credentials[0].stored: cannot be kept for another scheme, host or port; give the credential again"
            ]
        )
    }
}
