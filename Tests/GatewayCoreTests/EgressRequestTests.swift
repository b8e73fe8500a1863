import GatewayModel
import Testing

@testable import GatewayCore

/// What is sent when a proxy stands before an upstream.
struct EgressRequestTests {
    static let proxy = EgressProxy(tls: false, host: "p", port: 3128, user: "a", password: Secret("b"))
    static let body = #"{"model":"gpt"}"#

    static func sent(_ change: @escaping (inout Upstream) -> Void) throws -> String {
        let bench = try Bench(Bench.snapshot { change(&$0.upstreams[0]) })
        return try bench.forward(Bench.post("/v1/chat/completions", Self.body), Self.body)
    }

    @Test func anHTTPUpstreamIsNamedInFullAndTheProxyGetsItsCredential() throws {
        let text = try Self.sent { $0.egress = .proxy(Self.proxy) }
        #expect(
            text.hasPrefix("POST http://openai.example/api/v2/chat/completions HTTP/1.1\r\nhost: openai.example\r\n")
        )
        #expect(text.contains("\r\nauthorization: Bearer sk-up\r\nproxy-authorization: Basic YTpi\r\n"))
    }

    @Test func aProxyGetsItsCredentialAlsoWhereTheUpstreamAsksForNone() throws {
        let text = try Self.sent {
            $0.egress = .proxy(Self.proxy)
            $0.credentials = []
        }
        #expect(text.contains("\r\nproxy-authorization: Basic YTpi\r\n") && !text.contains("sk-up"))
    }

    @Test func anHTTPSUpstreamSeesNothingOfTheProxy() throws {
        let text = try Self.sent {
            $0.baseURL.tls = true
            $0.egress = .proxy(Self.proxy)
        }
        #expect(text.hasPrefix("POST /api/v2/chat/completions HTTP/1.1\r\n") && !text.contains("proxy-"))
    }

    @Test func theProcesssProxyIsForWhoNamesNone() throws {
        let shared = RoutingTable.Shared(egress: try EgressDefault(proxy: Self.proxy, noProxy: "claude.example"))
        let compile = { (egress: Upstream.Egress) in
            RoutingTable(compiling: Bench.snapshot { $0.upstreams[0].egress = egress }, sharing: shared)
        }
        #expect(compile(.process).upstreams[0].state.address.proxy == Self.proxy)
        #expect(compile(.process).upstreams[1].state.address.proxy == nil)
        #expect(compile(.direct).upstreams[0].state.address.proxy == nil)
        let changed = EgressProxy(tls: false, host: "p", port: 3128, user: "a", password: Secret("c"))
        // Another password is another address: its connections are not mixed.
        #expect(compile(.proxy(changed)).upstreams[0].state !== compile(.process).upstreams[0].state)
    }
}
