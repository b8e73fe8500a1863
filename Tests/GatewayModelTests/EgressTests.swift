import Testing

@testable import GatewayModel

struct EgressTests {
    @Test func readsAnAddressWithItsAccount() throws {
        let proxy = try EgressProxy(parsing: "https://us%40er:p%3Ass%25@Proxy.Example:3128/")
        #expect(proxy.tls && proxy.host == "proxy.example" && proxy.port == 3128)
        #expect(proxy.user == "us@er" && proxy.password == Secret("p:ss%"))
        #expect(proxy.url == "https://proxy.example:3128")
        #expect(
            String(decoding: proxy.authorization, as: UTF8.self) == "proxy-authorization: Basic dXNAZXI6cDpzcyU=\r\n"
        )
        #expect(!"\(proxy)".contains("p:ss"))
        let bare = try EgressProxy(parsing: "http://[::1]:80")
        #expect(bare.user == nil && bare.authorization.isEmpty && bare.url == "http://[::1]:80")
    }

    @Test(arguments: [
        ("proxy:3128", "must begin with http:// or https://"),
        ("socks5://proxy:1", "must begin with http:// or https://"),
        ("http://proxy", "must name a port"), ("http://[::1]", "must name a port"),
        ("http://proxy:3128/path", "must have no path, query or fragment"),
        ("http://proxy:3128?x", "must have no path, query or fragment"),
        ("http://a@b@proxy:3128", "has more than one `@`; write it as %40 in user and password"),
        ("http://a:%zz@proxy:3128", "has a `%` in user or password that is no escape"),
        ("http://a:%0@proxy:3128", "has a `%` in user or password that is no escape"),
        (
            "http://a%3Ab:c@proxy:3128",
            "has a user that must be 1 to 256 characters, none of them a colon or a control character"
        ),
        (
            "http://a:b%0Ac@proxy:3128",
            "has a password that must be at most 1024 characters, none of them a control character"
        ),
        ("http://proxy:0", "has a port that is not 1 to 65535"), ("http://:3128", "has no host"),
    ])
    func refusesWhatIsNoProxy(_ text: String, _ reason: String) {
        #expect(throws: BaseURL.Refusal(message: reason)) { try EgressProxy(parsing: text) }
    }

    static func upstream(_ proxy: String, base: String = "https://h") -> String {
        "upstreams: { name: u, dialect: openai, baseURL: '\(base)', proxy: \(proxy) }"
    }

    @Test(arguments: [
        ("direct", Upstream.Egress.direct), ("'http://p:1'", .proxy(EgressProxy(tls: false, host: "p", port: 1))),
        (
            "'http://a:b@p:1'",
            .proxy(EgressProxy(tls: false, host: "p", port: 1, user: "a", password: Secret("b")))
        ),
        (
            "{ url: 'https://p:1', user: a, password: b, caFile: /c }",
            .proxy(EgressProxy(tls: true, host: "p", port: 1, user: "a", password: Secret("b"), caFile: "/c"))
        ),
    ])
    func survivesItsWrittenForms(_ text: String, _ egress: Upstream.Egress) throws {
        let snapshot = try DocumentTests.snapshot(Self.upstream(text))
        #expect(snapshot.upstreams[0].egress == egress)
        #expect(try Snapshot(decoding: snapshot.encoded()).upstreams[0].egress == egress)
    }

    @Test func aPasswordIsNotWrittenOutAndIsKept() throws {
        let set = try DocumentTests.set(Self.upstream("'http://a:pass-word@p:1'"))
        guard case .upstream(let stored)? = set[.upstream, "u"] else { return #expect(Bool(false)) }
        let written = stored.document()
        #expect(!String(decoding: written.json(), as: UTF8.self).contains("pass-word"))
        #expect(written["proxy"]?["stored"] == .bool(true))
        let log = ProblemLog()
        let draft = UpstreamDraft(reading: FieldReader(written, at: "", log: log))
        #expect(draft.resolved(keeping: stored, at: "", log: log) == stored)
        try log.throwIfAny()
    }

    /// What is wrong with a document that changes `set`.
    static func problems(of yaml: String, on set: inout ResourceSet) throws -> [String] {
        let document = try ConfigDocument(reading: DocumentValue(yaml: yaml), server: true)
        let log = ProblemLog()
        for (draft, path) in document.drafts { _ = set.put(draft, at: path, log: log, digest: DocumentTests.digest) }
        return log.problems.map(\.message)
    }

    @Test(arguments: [
        (
            "{ url: 'http://p:2', user: a, stored: true }",
            "cannot be kept for another proxy or user; give `password` again"
        ),
        (
            "{ url: 'http://p:1', user: x, stored: true }",
            "cannot be kept for another proxy or user; give `password` again"
        ),
    ])
    func aPasswordIsNotKeptForAnotherPlace(_ after: String, _ reason: String) throws {
        var set = try DocumentTests.set(Self.upstream("'http://a:b@p:1'"))
        #expect(try Self.problems(of: Self.upstream(after), on: &set) == [reason])
    }

    @Test(arguments: [
        ("'http://p'", "upstreams.proxy: must name a port"), ("[]", "upstreams.proxy: must be an object, not a list"),
        ("{ user: a }", "upstreams.proxy.url: is required"),
        ("{ url: 'http://p:1', password: b }", "upstreams.proxy.user: is required beside a password"),
        (
            "{ url: 'http://p:1', user: a, password: b, stored: true }",
            "upstreams.proxy.stored: cannot stand beside `password`"
        ),
        (
            "{ url: 'http://a:b@p:1', user: a }",
            "upstreams.proxy.url: must not name a user where `user` and `password` are fields"
        ),
        (
            "'http://169.254.169.254:80'",
            "upstreams.proxy: names a link-local or metadata address; set `allowLinkLocal: true` if that is meant"
        ),
        (
            "{ url: 'http://p:1', users: a }",
            "upstreams.proxy.users: unknown field; allowed: url, caFile, password, stored, user"
        ),
    ])
    func saysWhatIsWrong(_ text: String, _ problem: String) {
        let problems = #expect(throws: DocumentProblems.self) { try DocumentTests.set(Self.upstream(text)) }
        #expect(problems?.problems.map { "\($0)" }.contains(problem) == true, "\(problems?.problems ?? [])")
    }

    @Test func anHTTPUpstreamsCredentialIsNotKeptForAnotherProxy() throws {
        let fields = "dialect: openai, baseURL: 'http://h'"
        let before = "upstreams: { name: u, \(fields), proxy: 'http://p:1', credentials: { value: s } }"
        let after = "upstreams: { name: u, \(fields), proxy: 'http://q:1', credentials: { stored: 1 } }"
        var set = try DocumentTests.set(before)
        #expect(try Self.problems(of: after, on: &set).count == 1)
    }

    @Test(arguments: [
        ("api.openai.com", true), ("localhost", false), ("a.localhost", false), ("127.1.2.3", false), ("::1", false),
        ("excepted.test", false), ("sub.excepted.test", false), ("notexcepted.test", true), ("dot.test", false),
        ("x.dot.test", false), ("10.1.2.3", false), ("11.1.2.3", true), ("192.168.1.1", false), ("192.168.1.2", true),
        ("fd00::1", false), ("fe80::1", true),
    ])
    func exceptionsOfTheProcess(_ host: String, _ isProxied: Bool) throws {
        let list = "Excepted.test, .dot.test,10.0.0.0/8, 192.168.1.1,fd00::/8,"
        let egress = try EgressDefault(proxy: EgressProxy(parsing: "http://p:1"), noProxy: list)
        #expect((egress.proxy(for: host) != nil) == isProxied)
    }

    @Test(arguments: ["10.0.0.0/33", "a b", "10.0.0/8", "host:80", "/8"]) func refusesExceptionsThatAreNone(
        _ text: String
    ) {
        #expect(throws: BaseURL.Refusal.self) { try EgressDefault(proxy: nil, noProxy: text) }
    }
}
