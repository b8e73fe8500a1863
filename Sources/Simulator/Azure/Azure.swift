// Azure OpenAI has OpenAI's endpoints at other paths:
//
//     /openai/deployments/{deployment}/chat/completions?api-version=…    what a model answers; the deployment names the model
//     /openai/responses?api-version=…                                    what belongs to the resource
//     /openai/v1/…                                                       the same as OpenAI's, without a version
//
// Without a version, or with one that does not exist, the front answers 404. Answers carry what its filters found.

import HTTPTypes
import JSONScan

/// Azure OpenAI's endpoints.
enum Azure {
    static let endpoints = Self.deployments + Self.resources + Self.unversioned

    private static let openAI =
        ChatCompletions.endpoints + Completions.endpoints + Embeddings.endpoints + Responses.endpoints
        + Models.endpoints + Images.endpoints + Audio.endpoints + Files.endpoints + Batches.endpoints

    private static let ofDeployments = [
        "/chat/completions", "/completions", "/embeddings", "/images/generations", "/images/edits", "/audio/speech",
        "/audio/transcriptions", "/audio/translations",
    ]

    private static let ofResources = ["/responses", "/models", "/files", "/batches"]

    private static let deployments = Self.ofDeployments.flatMap { path in
        Self.openAI.filter { $0.path == "/v1\(path)" }.map { endpoint in
            Self.endpoint(endpoint, at: "/openai/deployments/{model}\(path)") { call, provider in
                try Self.checkVersion(call)
                try Self.checkDeployment(call, provider)
            }
        }
    }

    private static let resources = Self.openAI.filter { endpoint in
        Self.ofResources.contains { endpoint.path.hasPrefix("/v1\($0)") }
    }.map { endpoint in
        Self.endpoint(endpoint, at: "/openai" + endpoint.path.dropFirst(3)) { call, _ in try Self.checkVersion(call) }
    }

    private static let unversioned = Self.openAI.map { endpoint in
        Self.endpoint(endpoint, at: "/openai\(endpoint.path)") { call, provider in
            if let model = call.json["model"]?.string, call.head.method == .post {
                try Self.checkDeployment(model, provider)
            }
        }
    }

    private static func endpoint(
        _ endpoint: Endpoint,
        at path: String,
        _ check: @escaping @Sendable (Call, Provider) throws -> Void
    ) -> Endpoint {
        Endpoint(method: endpoint.method, path: path, dialect: .azure) { call, provider in
            try check(call, provider)
            if call.dials.refuses, call.head.method == .post { throw APIError.contentFiltered }
            return try endpoint.answer(call, provider)
        }
    }

    /// `2024-10-21`, or with `-preview` behind it.
    private static func checkVersion(_ call: Call) throws {
        let version = call.query["api-version"] ?? ""
        let parts = version.split(separator: "-", omittingEmptySubsequences: false)
        let isDate = parts.count >= 3 && parts.prefix(3).map(\.count) == [4, 2, 2]
        guard isDate, parts.prefix(3).joined().allSatisfy(\.isNumber), parts.count == 3 || parts[3...] == ["preview"]
        else {
            throw APIError(status: 404, type: "", message: "Resource not found", code: "404")
        }
    }

    private static func checkDeployment(_ call: Call, _ provider: Provider) throws {
        try Self.checkDeployment(call.model ?? "", provider)
    }

    private static func checkDeployment(_ model: String, _ provider: Provider) throws {
        guard let models = provider.options.models, !models.contains(model), !model.hasPrefix("sim-") else { return }
        throw APIError(
            status: 404,
            type: "",
            message:
                "The API deployment for this resource does not exist. If you created the deployment within the last 5 "
                + "minutes, please wait a moment and try again.",
            code: "DeploymentNotFound"
        )
    }
}

/// What Azure's filters say about a text.
enum ContentFilter {
    /// Nothing was found in an output.
    static let clean: JSON = Self.results(jailbreak: nil)

    /// Nothing was found in the prompt.
    static let cleanPrompt: JSON = [["prompt_index": 0, "content_filter_results": Self.results(jailbreak: false)]]

    /// A prompt that was refused.
    fileprivate static let refused: JSON = Self.results(jailbreak: true)

    private static func results(jailbreak: Bool?) -> JSON {
        let safe: JSON = ["filtered": false, "severity": "safe"]
        var results: JSON = ["hate": safe, "self_harm": safe, "sexual": safe, "violence": safe]
        if let jailbreak {
            results = results.setting("jailbreak", ["filtered": .bool(jailbreak), "detected": .bool(jailbreak)])
        }
        return results
    }
}

extension APIError {
    /// The refusal of a prompt by Azure's filters.
    fileprivate static let contentFiltered = APIError(
        status: 400,
        type: "",
        message:
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please "
            + "modify your prompt and retry.",
        code: "content_filter",
        parameter: "prompt",
        inner: ["code": "ResponsibleAIPolicyViolation", "content_filter_result": ContentFilter.refused]
    )
}
