import GatewayModel

/// What `ai-gateway run` serves when nobody has told it what to: the providers whose keys are in the environment, else the
/// built-in simulator, and on the first run a namespace with a key to try them.
struct DefaultConfiguration {
    /// A provider that is known by the names of the variables that hold its credential.
    private struct Provider {
        let variables: [String]
        let name: String
        let dialect: Dialect
        /// `${NAME}` stands for the variable.
        let baseURL: String
        let models: [String]
    }

    /// The names are those that the providers' own libraries read.
    private static let providers = [
        Provider(
            variables: ["OPENAI_API_KEY"],
            name: "openai",
            dialect: .openAI,
            baseURL: "https://api.openai.com/v1",
            models: ["gpt-*", "text-embedding-*"]
        ),
        Provider(
            variables: ["ANTHROPIC_API_KEY"],
            name: "anthropic",
            dialect: .anthropic,
            baseURL: "https://api.anthropic.com/v1",
            models: ["claude-*"]
        ),
        Provider(
            variables: ["GEMINI_API_KEY"],
            name: "gemini",
            dialect: .gemini,
            baseURL: "https://generativelanguage.googleapis.com/v1beta",
            models: ["gemini-*", "gemma-*"]
        ),
        Provider(
            variables: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"],
            name: "bedrock",
            dialect: .bedrock,
            baseURL: "https://bedrock-runtime.${AWS_REGION}.amazonaws.com",
            models: ["amazon.*", "anthropic.*", "meta.*", "mistral.*", "us.*", "eu.*", "apac.*", "global.*"]
        ),
        // A deployment may have any name.
        Provider(
            variables: ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"],
            name: "azure",
            dialect: .azureOpenAI,
            baseURL: "${AZURE_OPENAI_ENDPOINT}/openai",
            models: ["*"]
        ),
    ]

    private static let simulatedModels = ["sim-chat", "sim-small", "sim-embedding", "sim-moderation"]

    private let providers: [Provider]
    private let environment: [String: String]
    /// The value of the key that is shown on the first run; nil later.
    let demoKey: String?

    init(environment: [String: String], isFirstRun: Bool) {
        self.environment = environment
        self.providers = Self.providers.filter { provider in
            provider.variables.allSatisfy { !(environment[$0] ?? "").isEmpty }
        }
        self.demoKey = isFirstRun ? "agw_" + RandomText.base62(32) : nil
    }

    var needsSimulator: Bool { self.providers.isEmpty }

    /// A model that the printed example can call.
    var exampleModel: String {
        switch self.providers.first?.name {
        case "openai": "gpt-4o-mini"
        case "anthropic": "claude-sonnet-4-5"
        case "gemini": "gemini-2.5-flash"
        case "bedrock": "amazon.nova-lite-v1:0"
        case "azure": "gpt-4o-mini"
        default: "sim-chat"
        }
    }

    var isExampleAnthropic: Bool { self.providers.first?.dialect == .anthropic }

    /// The document to apply at start. `simulator` is where the simulator listens, if it runs: its port may differ from
    /// run to run.
    func document(simulator: String?) throws -> ConfigDocument {
        var upstreams = self.providers.map(self.upstream)
        var models = self.providers.flatMap { provider in
            provider.models.map { Self.model($0, provider.name) }
        }
        if let simulator {
            upstreams.append([
                "name": "simulator", "dialect": "simulator", "baseURL": .string("\(simulator)/v1"),
                "credentials": [["value": "simulator"]],
            ])
            models += (Self.simulatedModels + ["*"]).map { Self.model($0, "simulator") }
        }
        var root: [(String, DocumentValue)] = [
            ("upstreams", .array(upstreams)), ("models", .array(models)),
            ("routes", [Self.objectRoute(upstreams.first?["name"]?.string ?? "simulator")]),
        ]
        if let key = self.demoKey {
            root.append(("namespaces", [["name": "demo"]]))
            root.append(("keys", [["name": "demo", "namespace": "demo", "value": .string(key)]]))
        }
        return try ConfigDocument(reading: .object(DocumentObject(root)), server: false)
    }

    private func upstream(_ provider: Provider) -> DocumentValue {
        var url = provider.baseURL
        for name in provider.variables {
            let value = self.environment[name] ?? ""
            url = url.replacing("${\(name)}", with: value.hasSuffix("/") ? String(value.dropLast()) : value)
        }
        var object = DocumentObject([
            ("name", .string(provider.name)), ("dialect", .string(provider.dialect.rawValue)),
            ("baseURL", .string(url)),
            ("credentials", [self.credential(provider)]),
        ])
        if provider.dialect == .azureOpenAI, let version = self.environment["OPENAI_API_VERSION"], !version.isEmpty {
            object.set("apiVersion", .string(version))
        }
        return .object(object)
    }

    private func credential(_ provider: Provider) -> DocumentValue {
        let value = { (name: String) in DocumentValue.string(self.environment[name] ?? "") }
        guard provider.dialect == .bedrock else { return ["value": value(provider.variables[0])] }
        var aws = DocumentObject([
            ("accessKey", value("AWS_ACCESS_KEY_ID")), ("secretKey", value("AWS_SECRET_ACCESS_KEY")),
            ("region", value("AWS_REGION")),
        ])
        if let token = self.environment["AWS_SESSION_TOKEN"], !token.isEmpty { aws.set("sessionToken", .string(token)) }
        return .object(DocumentObject([("aws", .object(aws))]))
    }

    private static func model(_ name: String, _ upstream: String) -> DocumentValue {
        ["name": .string(name), "targets": [["upstream": .string(upstream)]]]
    }

    /// Calls that name no model go to the first upstream.
    private static func objectRoute(_ upstream: String) -> DocumentValue {
        let paths: DocumentValue = [
            "/v1/files*", "/v1/batches*", "/v1/responses*", "/v1/chat/completions*", "/v1/moderations", "/v1/images/*",
        ]
        return ["name": "objects", "match": ["paths": paths], "upstream": .string(upstream)]
    }
}
