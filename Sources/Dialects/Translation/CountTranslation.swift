package import GatewayModel
import JSONScan

/// Counts of a prompt between Anthropic's `POST /messages/count_tokens` (docs.anthropic.com, "Count message tokens") and
/// Google's `models/…:countTokens` (ai.google.dev/api/tokens).
package struct CountTranslation: Sendable {
    package let client: Dialect

    /// A client of one of the two dialects, and an upstream of the other.
    package init?(client: Dialect, upstream: Dialect) {
        switch (client, upstream) {
        case (.anthropic, .gemini), (.gemini, .anthropic): self.client = client
        default: return nil
        }
    }

    package func request(_ body: [UInt8], model: String) throws(TranslationFailure) -> Translation.Request {
        guard let json = try? JSON(parsing: body) else { throw .invalid(field: "body", reason: "is not JSON") }
        var losses = LossLedger()
        if self.client == .anthropic {
            var request = try MessagesRequestDecoder.decode(json, &losses)
            request.model = model
            let name = GeminiResource.name(model)
            let prompt = try GenerateRequestEncoder.encode(request, &losses)
            let whole = JSON.object([.init(name: "model", value: .string(name))] + (prompt.members ?? []))
            let path = "/\(GeminiResource.path(model)):countTokens"
            return self.made(["generateContentRequest": whole], path, losses)
        }
        let prompt = json["generateContentRequest"] ?? json["generate_content_request"] ?? json
        var request = try GenerateRequestDecoder.decode(prompt, &losses)
        request.model = model
        let messages = try MessagesRequestEncoder.encode(request, defaultMaxTokens: 4096, &losses)
        let counted = ["model", "system", "messages", "tools", "tool_choice", "thinking", "output_config"]
        let body = JSON.object((messages.members ?? []).filter { counted.contains($0.name) })
        return self.made(body, "/messages/count_tokens", losses)
    }

    private func made(_ body: JSON, _ path: String, _ losses: LossLedger) -> Translation.Request {
        Translation.Request(body: body.bytes, path: path, isStream: false, includesUsage: false, losses: losses)
    }

    package func answer(_ body: [UInt8]) throws(TranslationFailure) -> [UInt8] {
        let json = try? JSON(parsing: body)
        guard let count = json?[self.client == .anthropic ? "totalTokens" : "input_tokens"]?.count else {
            throw .badAnswer(reason: "it holds no count")
        }
        return ([self.client == .anthropic ? "input_tokens" : "totalTokens": .count(count)] as JSON).bytes
    }
}
