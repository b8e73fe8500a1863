import Dialects
import GatewayModel
import JSONScan

/// The pairs of dialects that are translated.
private let pairs: [Translation] = {
    let clients: [WireFormat] = [.openAIChat, .openAIResponses, .anthropicMessages, .geminiGenerate, .geminiArray]
    let upstreams: [Dialect] = [.openAI, .azureOpenAI, .anthropic, .gemini, .bedrock]
    return clients.flatMap { client in upstreams.compactMap { Translation(client: client, upstream: $0) } }
}()

private let context = AnswerContext(
    model: "asked",
    id: "0a1b2c",
    created: 1_700_000_000,
    includesUsage: true,
    requestID: "req-1"
)

/// A stream of another dialect: whatever comes, in one piece or in many, becomes the same bytes, and exactly one end.
enum TranslatedStreamCheck {
    static func run(_ input: [UInt8]) {
        let translation = pairs[Int(input.first ?? 0) % pairs.count]
        let input = SplitInput(Array(input.dropFirst()))
        let whole = Self.pass([input.bytes], translation)
        let split = Self.pass(input.pieces, translation)
        expect(whole.body == split.body, "\(translation): \(whole.body.text) | \(split.body.text)")
        expect(whole.usage == split.usage, "\(translation): the usage depends on how it is split")
        expect(whole.ends == 1, "\(translation): \(whole.ends) ends")
        expect(split.ends == 1, "\(translation): \(split.ends) ends when split")
    }

    private static func pass(
        _ pieces: [[UInt8]],
        _ translation: Translation
    ) -> (body: [UInt8], usage: TokenUsage, ends: Int) {
        let translator = translation.stream(context)
        var body: [UInt8] = []
        for piece in pieces { translator.feed(piece.span, into: &body) }
        translator.finish(into: &body)
        let ends = (translator.hasEnded ? 1 : 0) + (translator.hasFailed ? 1 : 0)
        let length = body.count
        translator.feed([UInt8]("data: {}\n\n".utf8).span, into: &body)
        translator.finish(into: &body)
        expect(body.count == length, "\(translation): something comes behind the end")
        return (body, translator.usage, ends)
    }
}

/// Calls, answers and errors: what can be read is written as JSON, and nothing else happens.
enum TranslatedBodyCheck {
    static func run(_ input: [UInt8]) {
        let translation = pairs[Int(input.first ?? 0) % pairs.count]
        let body = Array(input.dropFirst())
        if let request = try? translation.request(body, model: "served", defaultMaxTokens: 4096) {
            Self.checkJSON(request.body, "a call")
            expect(request.path.first == "/", "the path \(request.path)")
            expect(request.losses.headerValue.count < 1100, "a header of \(request.losses.headerValue.count) bytes")
        }
        if let answer = try? translation.answer(body, context) { Self.checkJSON(answer.body, "an answer") }
        Self.checkJSON(translation.error(status: 500, body: body, requestID: "req-1"), "an error")
        if let count = CountTranslation(client: .anthropic, upstream: .gemini) {
            if let request = try? count.request(body, model: "served") { Self.checkJSON(request.body, "a count") }
        }
        if let work = EmbeddingsTranslation(client: .openAI, upstream: .gemini) {
            if let request = try? work.request(body, model: "served") { Self.checkJSON(request.body, "embeddings") }
        }
    }

    private static func checkJSON(_ bytes: [UInt8], _ what: String) {
        expect((try? JSON(parsing: bytes)) != nil, "\(what) that is no JSON: \(bytes.text)")
    }
}
