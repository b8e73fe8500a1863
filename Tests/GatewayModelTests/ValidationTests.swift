import Testing

@testable import GatewayModel

struct ValidationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let yaml: String
        let problems: [String]
        var testDescription: String { self.problems.joined(separator: "; ") }

        init(_ yaml: String, _ problems: String...) {
            self.yaml = yaml
            self.problems = problems
        }
    }

    static func upstream(_ fields: String) -> String { "upstreams: { name: u, dialect: openai, \(fields) }" }

    static let cases: [Case] = [
        Case(
            "upstreams: { name: u, dialect: gemini, baseURL: 'http://x', responses: false }",
            "upstreams.responses: is for upstreams of the dialects openai and azure-openai; others have none"
        ),
        Case(
            "nonsense: 1",
            "nonsense: unknown field; allowed: namespaces, keys, upstreams, models, routes, policies, prices, prune, server"
        ),
        Case("namespaces: [a]", "namespaces[0]: must be an object, not a string", "namespaces[0].name: is required"),
        Case("namespaces: { name: a b }", "namespaces.name: must be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ -"),
        Case(
            "namespaces: { name: a, nmae: b }",
            "namespaces.nmae: unknown field; allowed: name, parent, match, anonymous"
        ),
        Case("namespaces: [{ name: a }, { name: a }]", "namespaces[1].name: `a` is the name of namespaces[0] already"),
        Case("namespaces: { name: a, parent: b }", "namespaces.parent: there is no namespace `b`"),
        Case(
            "namespaces: [{ name: a, parent: b }, { name: b, parent: a }]",
            "namespaces[0].parent: makes the namespace its own ancestor",
            "namespaces[1].parent: makes the namespace its own ancestor"
        ),
        Case(
            "namespaces: [{ name: n0 }, \((1...17).map { "{ name: n\($0), parent: n\($0 - 1) }" }.joined(separator: ", "))]",
            "namespaces[17].parent: gives the namespace more than 16 ancestors"
        ),
        Case(
            "namespaces: [{ name: a, anonymous: true }, { name: b, anonymous: true }, { name: c }]",
            "namespaces[1].match: is the same as that of anonymous `a`"
        ),
        Case(
            "namespaces: { name: a, match: { pathPrefix: /v1/x } }",
            "namespaces.match.pathPrefix: `/v1` belongs to the gateway itself and cannot be given to a namespace"
        ),
        Case(
            "namespaces: { name: a, match: { pathPrefix: /x/ } }",
            "namespaces.match.pathPrefix: must begin with `/`, not end with one, and consist of segments of A-Z a-z 0-9 - . _ ~"
        ),
        Case(
            "namespaces: [{ name: a, match: { pathPrefix: /x } }, { name: b, match: { pathPrefix: /x } }]",
            "namespaces[1].match.pathPrefix: is the prefix of namespace `a` already"
        ),
        Case(
            "namespaces: { name: a, match: { hosts: 'x:80' } }",
            "namespaces.match.hosts: must be a host name without port"
        ),
        Case(
            "namespaces: { name: a, match: { headers: { 'x y': z } } }",
            "namespaces.match.headers.x y: must be a header name of 1 to 64 characters"
        ),
        Case("namespaces: { name: a, anonymous: maybe }", "namespaces.anonymous: must be true or false, not a string"),
        Case("keys: { name: k }", "keys.namespace: is required"),
        Case("keys: { name: k, namespace: n }", "keys.namespace: there is no namespace `n`"),
        Case(
            "{ namespaces: { name: n }, keys: { name: k, namespace: n, value: short } }",
            "keys.value: must be 8 to 256 visible ASCII characters without spaces"
        ),
        Case(
            "{ namespaces: { name: n }, keys: [{ name: a, namespace: n, value: same-value }, { name: b, namespace: n, value: same-value }] }",
            "keys[1].value: is the value of key `a` already"
        ),
        Case(
            "{ namespaces: { name: n }, keys: { name: k, namespace: n, expires: tomorrow } }",
            "keys.expires: must be an RFC 3339 time such as 2027-01-01T00:00:00Z"
        ),
        Case(
            "{ namespaces: { name: n }, keys: { name: k, namespace: n, models: [] } }",
            "keys.models: must have at least one entry"
        ),
        Case(
            "upstreams: { name: u, baseURL: 'http://h' }",
            "upstreams.dialect: is required, one of: openai, anthropic, gemini, azure-openai, bedrock, simulator"
        ),
        Case(
            "upstreams: { name: u, dialect: cobol, baseURL: 'http://h' }",
            "upstreams.dialect: must be one of: openai, anthropic, gemini, azure-openai, bedrock, simulator"
        ),
        Case(
            Self.upstream("baseURL: 'http://h', limits: { queue: -1 }"),
            "upstreams.limits.queue: must be a whole number from 0 to 1000000"
        ),
        Case(
            Self.upstream("baseURL: 'http://h', timeouts: { connect: 2 }"),
            "upstreams.timeouts.connect: must be a duration from 1ms to 1m, such as 100ms, 2s, 10m"
        ),
        Case(
            Self.upstream("baseURL: 'http://h', credentials: [{ weight: 1 }]"),
            "upstreams.credentials[0]: must have exactly one of: value, file, headers, aws, azureAD, stored"
        ),
        Case(
            Self.upstream("baseURL: 'http://h', credentials: [{ stored: 1 }]"),
            "upstreams.credentials[0].stored: there is no stored credential 1; give it anew"
        ),
        Case(
            Self.upstream("baseURL: 'http://h', credentials: [{ headers: { Host: x } }]"),
            "upstreams.credentials[0].headers.Host: is written by the gateway itself"
        ),
        Case(
            Self.upstream("baseURL: 'http://h', credentials: [{ value: s, weight: 0 }]"),
            "upstreams.credentials[0].weight: must be a whole number from 1 to 1000000"
        ),
        Case("models: { name: m }", "models.targets: must have at least one entry"),
        Case("models: { name: m, targets: { upstream: u } }", "models.targets[0].upstream: there is no upstream `u`"),
        Case(
            "{ \(Self.upstream("baseURL: 'http://h'")), models: { name: m, targets: [{ upstream: u, weight: -1 }] } }",
            "models.targets[0].weight: must be a whole number from 0 to 1000000"
        ),
        Case("routes: { name: r, upstream: u }", "routes.upstream: there is no upstream `u`"),
        Case("routes: { name: r, match: { namespaces: n } }", "routes.match.namespaces[0]: there is no namespace `n`"),
        Case(
            "routes: { name: r, match: { paths: v1 } }",
            "routes.match.paths: must begin with `/` or `*` and have at most 256 characters, none of them space, ? or #"
        ),
        Case(
            "routes: { name: r, retry: { on: [connect, 404] } }",
            "routes.retry.on[1]: must be one of: connect, 429, 5xx, timeout"
        ),
        Case("policies: { name: p }", "policies.rateLimit: is required: a policy says what it limits"),
        Case(
            "policies: { name: p, rateLimit: { requests: 0 } }",
            "policies.rateLimit.per: is required",
            "policies.rateLimit.requests: must be a whole number from 1 to 1000000000"
        ),
        Case(
            "policies: { name: p, scope: {}, rateLimit: { requests: 1, per: 1s } }",
            "policies.scope: must name exactly one of: namespace, key, route, model; leave `scope` out for a global policy"
        ),
        Case(
            "policies: { name: p, scope: { key: k }, rateLimit: { requests: 1, per: 1s } }",
            "policies.scope.key: there is no key `k`"
        ),
    ]

    @Test(arguments: cases)
    func namesEveryProblemAndItsPlace(_ row: Case) {
        do {
            _ = try DocumentTests.set(row.yaml)
            Issue.record("was accepted: \(row.yaml)")
        } catch { #expect((error as? DocumentProblems)?.problems.map(\.description) == row.problems) }
    }

    @Test(arguments: [
        ("ftp://h", "must begin with http:// or https://"),
        ("http://user:pass@h", "must not contain a user name or password"),
        ("http://h/v1?key=1", "must not have a query or fragment"),
        ("http://h#f", "must not have a query or fragment"),
        ("http://", "has no host"),
        ("http://h:0", "has a port that is not 1 to 65535"),
        ("http://h:", "has a port that is not 1 to 65535"),
        ("http://h/a/../b", "has a path that no server should be asked for"),
        ("http://[::1", "has an unclosed `[`"),
        ("http://[x]", "has no IPv6 address in brackets"),
        ("http://a b", "has a host that is neither a name nor an address"),
        ("http://2130706433", "has an IPv4 address that is not four numbers"),
        ("http://0x7f.1", "has an IPv4 address that is not four numbers"),
        ("http://0251.254.169.254", "has an IPv4 address that is not four numbers"),
    ])
    func refusesBaseURLs(_ text: String, _ message: String) {
        #expect(throws: BaseURL.Refusal(message: message)) { try BaseURL(parsing: text) }
    }

    @Test(arguments: [
        "http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]",
        "http://100.100.100.200",
        "http://metadata.google.internal", "http://[fd00:ec2::254]", "http://[64:ff9b::a9fe:a9fe]",
        "http://METADATA.google.internal", "http://[febf::1]",
    ])
    func metadataAddressesNeedAnExplicitWord(_ text: String) throws {
        #expect(try BaseURL(parsing: text).isLinkLocal)
        do {
            _ = try DocumentTests.set(Self.upstream("baseURL: '\(text)'"))
            Issue.record("was accepted: \(text)")
        } catch {
            #expect(
                (error as? DocumentProblems)?.problems.map(\.description) == [
                    "upstreams.baseURL: names a link-local or metadata address; set `allowLinkLocal: true` if that is meant"
                ]
            )
        }
        _ = try DocumentTests.set(Self.upstream("baseURL: '\(text)', allowLinkLocal: true"))
    }

    @Test(arguments: [
        "http://127.0.0.1:8090", "http://10.0.0.1", "http://[::1]", "http://localhost", "https://169.253.1.1",
    ])
    func loopbackAndPrivateAddressesAreNormal(_ text: String) throws {
        #expect(try !BaseURL(parsing: text).isLinkLocal)
    }

    @Test func reportsAtMostItsLimitOfProblems() {
        let names = (0..<500).map { "{ name: 'a b\($0)' }" }.joined(separator: ", ")
        do {
            _ = try DocumentTests.set("namespaces: [\(names)]")
            Issue.record("was accepted")
        } catch { #expect((error as? DocumentProblems)?.problems.count == DocumentProblems.limit) }
    }
}
