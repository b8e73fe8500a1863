package import GatewayModel
import JSONScan

/// Embeddings between OpenAI's `POST /embeddings` (platform.openai.com/docs/api-reference/embeddings) and Google's
/// `models/…:batchEmbedContents` (ai.google.dev/api/embeddings).
package struct EmbeddingsTranslation: Sendable {
    package let client: Dialect

    /// A client of one of the two dialects, and an upstream of the other.
    package init?(client: Dialect, upstream: Dialect) {
        switch (client, upstream) {
        case (.openAI, .gemini), (.gemini, .openAI), (.gemini, .azureOpenAI): self.client = client
        default: return nil
        }
    }

    package struct Request: Sendable {
        package let body: [UInt8]
        /// Below the upstream's base URL.
        package let path: String
        /// OpenAI's clients mostly ask for base64, which is little-endian floats.
        package let wantsBase64: Bool
        /// Google's client asked for one embedding, which is answered without a list.
        package let isSingle: Bool
        package let losses: LossLedger
    }

    package func request(_ body: [UInt8], model: String) throws(TranslationFailure) -> Request {
        guard let json = try? JSON(parsing: body) else { throw .invalid(field: "body", reason: "is not JSON") }
        return self.client == .openAI ? try self.toGemini(json, model) : try self.toOpenAI(json, model)
    }

    private func toGemini(_ json: JSON, _ model: String) throws(TranslationFailure) -> Request {
        var losses = LossLedger()
        var top = try MemberReader(json, "")
        _ = top.take("model")
        let dimensions = try top.int("dimensions")
        let format = try top.string("encoding_format")
        let texts: [String]
        switch top.take("input") {
        case .string(let text): texts = [text]
        case .array(let values) where !values.isEmpty && values.allSatisfy({ $0.string != nil }):
            texts = values.compactMap(\.string)
        case .array: throw .unsupported(field: "input", reason: "this upstream takes texts, not token ids")
        default: throw top.wrong("input", "a string or an array of strings")
        }
        top.drop(["user"], "Google does not ask for it", &losses)
        top.finish(&losses)
        let name = GeminiResource.name(model)
        let requests: [JSON] = texts.map { text in
            var request = MemberWriter()
            request.set("model", name)
            request.set("content", ["parts": [["text": .string(text)]]])
            request.set("outputDimensionality", dimensions)
            return request.json
        }
        return Request(
            body: (["requests": .array(requests)] as JSON).bytes,
            path: "/\(GeminiResource.path(model)):batchEmbedContents",
            wantsBase64: format == "base64",
            isSingle: false,
            losses: losses
        )
    }

    private func toOpenAI(_ json: JSON, _ model: String) throws(TranslationFailure) -> Request {
        var losses = LossLedger()
        var top = try MemberReader(json, "", snakeCase: true)
        let isSingle = json["requests"] == nil
        var items = try top.objects("requests")
        if isSingle { items = [top] }
        var texts: [JSON] = []
        var dimensions: [Int?] = []
        for var item in items {
            guard let content = item.take("content") else {
                throw item.wrong("content", "an object, and must be there")
            }
            let parts = content["parts"]?.array ?? content["parts"].map { [$0] } ?? []
            guard parts.allSatisfy({ $0["text"]?.string != nil }) else {
                throw .unsupported(field: item.field("content.parts"), reason: "this upstream takes texts alone")
            }
            texts.append(.string(parts.compactMap { $0["text"]?.string }.joined()))
            dimensions.append(try item.int("outputDimensionality"))
            guard dimensions[0] == dimensions[dimensions.count - 1] else {
                throw .unsupported(
                    field: item.field("outputDimensionality"),
                    reason: "this upstream gives all vectors of a call one length"
                )
            }
            _ = item.take("model")
            item.drop(["taskType", "title"], "OpenAI's models do not ask for it", &losses)
            item.finish(&losses)
        }
        var body = MemberWriter()
        body.set("model", model)
        body.set("input", .array(texts))
        body.set("dimensions", dimensions.first ?? nil)
        body.set("encoding_format", "float" as String)
        return Request(
            body: body.json.bytes,
            path: "/embeddings",
            wantsBase64: false,
            isSingle: isSingle,
            losses: losses
        )
    }

    package func answer(
        _ body: [UInt8],
        to request: Request,
        _ context: AnswerContext
    ) throws(TranslationFailure) -> Translation.Answer {
        guard let json = try? JSON(parsing: body) else { throw .badAnswer(reason: "it is not JSON") }
        if self.client == .gemini {
            guard let data = json["data"]?.array else { throw .badAnswer(reason: "it has no `data`") }
            let usage = AnswerUsage(openAI: json["usage"] ?? [:])
            let vectors: [JSON] = data.map { ["values": $0["embedding"] ?? []] }
            let answer: JSON =
                request.isSingle ? ["embedding": vectors.first ?? ["values": []]] : ["embeddings": .array(vectors)]
            let metadata: JSON = ["promptTokenCount": .count(usage.allInput)]
            return .init(body: answer.setting("usageMetadata", metadata).bytes, usage: usage.tokens(.provider))
        }
        guard let vectors = json["embeddings"]?.array else { throw .badAnswer(reason: "it has no `embeddings`") }
        let usage = AnswerUsage(gemini: json["usageMetadata"] ?? [:])
        let data: [JSON] = vectors.enumerated().map { index, vector in
            let values = vector["values"] ?? []
            let embedding = request.wantsBase64 ? JSON.string(Self.base64(values)) : values
            return ["object": "embedding", "index": .int(index), "embedding": embedding]
        }
        let answer: JSON = [
            "object": "list", "data": .array(data), "model": .string(context.model),
            "usage": ["prompt_tokens": .count(usage.allInput), "total_tokens": .count(usage.allInput)],
        ]
        let isCounted = json["usageMetadata"] != nil
        return .init(body: answer.bytes, usage: usage.tokens(isCounted ? .provider : .none))
    }

    private static func base64(_ values: JSON) -> String {
        var bytes: [UInt8] = []
        for value in values.array ?? [] {
            let bits = Float(value.double ?? 0).bitPattern
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
        }
        return Base64.encode(bytes)
    }
}
