import GatewayModel
import Testing

@testable import Commands

struct DefaultConfigurationTests {
    private static func snapshot(_ environment: [String: String], simulator: String? = nil) throws -> DocumentValue {
        let defaults = DefaultConfiguration(environment: environment, isFirstRun: false)
        return try defaults.document(simulator: simulator).drafts.reduce(into: DocumentValue.object(DocumentObject())) {
            result,
            place in
            var object = result.object ?? DocumentObject()
            let names = object[place.draft.kind.plural]?.array ?? []
            object.set(place.draft.kind.plural, .array(names + [.string(place.draft.name)]))
            result = .object(object)
        }
    }

    @Test(arguments: [
        ("OPENAI_API_KEY", "openai", "gpt-*"), ("ANTHROPIC_API_KEY", "anthropic", "claude-*"),
        ("GEMINI_API_KEY", "gemini", "gemini-*"),
    ])
    func aProvidersKeyMakesItsUpstreamAndModels(variable: String, upstream: String, model: String) throws {
        let defaults = DefaultConfiguration(environment: [variable: "secret"], isFirstRun: true)
        #expect(!defaults.needsSimulator)
        let names = try Self.snapshot([variable: "secret"])
        #expect(names["upstreams"]?.array == [.string(upstream)])
        #expect(names["models"]?.array?.contains(.string(model)) == true)
        #expect(NamePattern(model).matches(defaults.exampleModel))
        #expect(defaults.isExampleAnthropic == (upstream == "anthropic"))
    }

    private static let aws = ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"]
    private static let azure = ["AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com/"]

    @Test func allProvidersServeTogether() throws {
        let keys = ["OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "GEMINI_API_KEY": "c"]
        #expect(try Self.snapshot(keys)["upstreams"]?.array == ["openai", "anthropic", "gemini"])
        let all = keys.merging(Self.aws) { $1 }.merging(Self.azure) { $1 }
        #expect(try Self.snapshot(all)["upstreams"]?.array == ["openai", "anthropic", "gemini", "bedrock", "azure"])
    }

    @Test func anAmazonAccountAndAnAzureResourceMakeUpstreams() throws {
        let environment = Self.aws.merging(Self.azure) { $1 }.merging(["OPENAI_API_VERSION": "2025-01-01"]) { $1 }
        let defaults = DefaultConfiguration(environment: environment, isFirstRun: false)
        var upstreams: [UpstreamDraft] = []
        for (draft, _) in try defaults.document(simulator: nil).drafts {
            if case .upstream(let upstream) = draft { upstreams.append(upstream) }
        }
        let bedrock = try #require(upstreams.first?.upstream)
        #expect(bedrock.baseURL.description == "https://bedrock-runtime.eu-west-1.amazonaws.com")
        let aws = Upstream.Credential.AWS(accessKey: "AKID", secretKey: Secret("s"), region: "eu-west-1")
        #expect(upstreams.first?.credentials == [.given(.init(source: .aws(aws)))])
        let azure = try #require(upstreams.last?.upstream)
        #expect(azure.baseURL.description == "https://x.openai.azure.com/openai" && azure.apiVersion == "2025-01-01")
        let lacking = DefaultConfiguration(environment: ["AWS_ACCESS_KEY_ID": "AKID"], isFirstRun: false)
        #expect(lacking.needsSimulator)
    }

    @Test func withoutAKeyTheSimulatorServes() throws {
        for environment in [[:], ["OPENAI_API_KEY": ""]] {
            let defaults = DefaultConfiguration(environment: environment, isFirstRun: false)
            #expect(defaults.needsSimulator && defaults.exampleModel == "sim-chat")
            let names = try Self.snapshot(environment, simulator: "http://127.0.0.1:9999")
            #expect(names["upstreams"]?.array == ["simulator"])
            #expect(names["models"]?.array?.contains("*") == true)
        }
    }

    @Test func onlyTheFirstRunHasADemoKey() throws {
        let first = DefaultConfiguration(environment: [:], isFirstRun: true)
        let key = try #require(first.demoKey)
        #expect(key.hasPrefix("agw_") && key.count == 36)
        #expect(try first.document(simulator: nil).drafts.contains { $0.draft.kind == .key && $0.draft.name == "demo" })
        let later = DefaultConfiguration(environment: [:], isFirstRun: false)
        #expect(later.demoKey == nil)
        #expect(try !later.document(simulator: nil).drafts.contains { $0.draft.kind == .key })
    }
}
