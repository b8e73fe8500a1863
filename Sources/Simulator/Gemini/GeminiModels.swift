import HTTPTypes
import JSONScan

/// Gemini's models: listed in pages, and one by one.
enum GeminiModels {
    // `/v1/models` is OpenAI's and Anthropic's too: `Models` asks here for requests that have a key of Google's.
    static let endpoints = ["/v1beta", "/v1alpha"].flatMap { version in
        [
            Endpoint(method: .get, path: "\(version)/models", dialect: .gemini) { Self.list($0, $1) },
            Endpoint(method: .get, path: "\(version)/models/{model}", dialect: .gemini) {
                try Self.one($0.model ?? "", $0, $1)
            },
        ]
    }

    static func list(_ call: Call, _ provider: Provider) -> Answer {
        let names = provider.options.models ?? Simulator.exampleModels
        let size = min(max(call.query["pageSize"].flatMap { Int($0) } ?? 50, 1), 1000)
        let start = min(max(call.query["pageToken"].flatMap { Int($0) } ?? 0, 0), names.count)
        let page = names[start...].prefix(size)
        let list: JSON = ["models": .array(page.map(Self.model))]
        let end = start + page.count
        return .gemini(end < names.count ? list.setting("nextPageToken", .string(String(end))) : list)
    }

    static func one(_ name: String, _ call: Call, _ provider: Provider) throws -> Answer {
        try provider.checkGeminiModel(name, "getModel")
        return .gemini(Self.model(name))
    }

    private static func model(_ name: String) -> JSON {
        [
            "name": .string("models/\(name)"), "version": "001", "displayName": .string(name),
            "description": "A simulated model.", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"], "temperature": 1,
            "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": true,
        ]
    }
}

/// Gemini's embeddings: `:embedContent` for one content, `:batchEmbedContents` for up to 100.
enum GeminiEmbeddings {
    private static let defaultDimensions = 768
    private static let largestBatch = 100

    static let endpoints = GenerateContent.versions.flatMap { version in
        [
            Endpoint(method: .post, path: "\(version)/models/{model}:embedContent", dialect: .gemini) {
                let json = try GeminiReader.read($0.json, as: "EmbedContentRequest")
                try $1.checkGeminiModel($0.model ?? "", "embedContent")
                return .gemini(["embedding": try Self.embedding(json)])
            },
            Endpoint(method: .post, path: "\(version)/models/{model}:batchEmbedContents", dialect: .gemini) {
                try Self.batch($0, $1)
            },
        ]
    }

    private static func batch(_ call: Call, _ provider: Provider) throws -> Answer {
        let json = try GeminiReader.read(call.json, as: "BatchEmbedContentsRequest")
        let model = call.model ?? ""
        try provider.checkGeminiModel(model, "embedContent")
        let requests = json["requests"]?.array ?? []
        guard (1...Self.largestBatch).contains(requests.count) else {
            throw APIError.gemini("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")
        }
        guard requests.allSatisfy({ $0["model"]?.string == "models/\(model)" }) else {
            throw APIError.gemini("* BatchEmbedContentsRequest.requests[0].model: all models must be the same\n")
        }
        return .gemini(["embeddings": .array(try requests.map(Self.embedding))])
    }

    private static func embedding(_ request: JSON) throws -> JSON {
        let parts = request["content"]?["parts"]?.array ?? []
        guard !parts.isEmpty else {
            throw APIError.gemini("* EmbedContentRequest.content: contents is not specified\n")
        }
        let dimensions = request["outputDimensionality"]?.int ?? Self.defaultDimensions
        guard (1...3072).contains(dimensions) else {
            throw APIError.gemini("* EmbedContentRequest.output_dimensionality: must be in [1, 3072]\n")
        }
        let text = parts.compactMap { $0["text"]?.string }.joined(separator: "\n")
        let vector = Embeddings.vector(seed: Text.seed(text), dimensions: dimensions)
        return ["values": .array(vector.map { .double(Double($0)) })]
    }
}
