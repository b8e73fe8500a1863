// POST /v1beta/models/{model}:generateContent, :streamGenerateContent, :countTokens. A stream is a sequence of whole answers,
// each with the next piece of text or one whole function call, the last with `finishReason`; every one carries
// `usageMetadata`. With `alt=sse` each is an event that ends with CRLF CRLF; without, they are the elements of one array.

import HTTPTypes
import JSONScan

/// Gemini's answers.
enum GenerateContent {
    /// Where the API's versions begin; they differ in nothing that is simulated.
    static let versions = ["/v1beta", "/v1", "/v1alpha"]

    static let endpoints = Self.versions.flatMap { version in
        [
            Endpoint(method: .post, path: "\(version)/models/{model}:generateContent", dialect: .gemini) {
                let answer = try GeminiAnswer($0, $1)
                return .gemini(answer.whole, tokens: answer.outputTokens)
            },
            Endpoint(method: .post, path: "\(version)/models/{model}:streamGenerateContent", dialect: .gemini) {
                let answer = try GeminiAnswer($0, $1)
                if $0.dialect == .gemini { return .events { outlet in try await answer.streamEvents(to: outlet) } }
                return .array { outlet in try await answer.streamArray(to: outlet) }
            },
            Endpoint(method: .post, path: "\(version)/models/{model}:countTokens", dialect: .gemini) {
                try Self.count($0, $1)
            },
        ]
    }

    private static func count(_ call: Call, _ provider: Provider) throws -> Answer {
        let json = try GeminiReader.read(call.json, as: "CountTokensRequest")
        try provider.checkGeminiModel(call.model ?? "", "countTokens")
        let request = json["generateContentRequest"] ?? json
        let contents = (request["contents"]?.array ?? []) + (request["systemInstruction"].map { [$0] } ?? [])
        let tokens = contents.reduce(0) { $0 + GeminiPrompt.tokens(in: $1) }
        return .gemini([
            "totalTokens": .int(tokens), "promptTokensDetails": [["modality": "TEXT", "tokenCount": .int(tokens)]],
        ])
    }
}

/// One answer of Gemini: as many candidates as were asked for.
private struct GeminiAnswer: Sendable {
    private let candidates: [Generation]
    private let showsThoughts: Bool
    private let promptTokens: Int
    private let model: String
    private let id: String
    private let signsCalls: Bool

    init(_ call: Call, _ provider: Provider) throws {
        let json = try GeminiReader.read(call.json, as: "GenerateContentRequest")
        self.model = call.model ?? ""
        try provider.checkGeminiModel(self.model, "generateContent")
        let prompt = try GeminiPrompt(json, model: self.model)
        self.candidates = (0..<prompt.candidateCount).map { index in
            let seed = Text.mix(call.seed &+ UInt64(index))
            return Generation(prompt.prompt, prompt.tools, idPrefix: "", seed: seed, dials: call.dials)
        }
        self.showsThoughts = prompt.showsThoughts
        self.promptTokens = prompt.prompt.tokens
        self.id = Text.identifier("", call.seed)
        self.signsCalls = GeminiPrompt.needsSignatures(self.model)
    }

    /// What was produced; a candidate that is refused counts for nothing.
    var outputTokens: Int { self.candidates.reduce(0) { $0 + (self.isRefused($1) ? 0 : $1.tokens) } }

    var whole: JSON {
        let candidates = self.candidates.enumerated().map { index, generation in
            let text = self.text(generation.text, of: generation, isLast: true)
            let answer = generation.toolCalls.isEmpty ? [text] : self.calls(of: generation)
            let parts = self.isRefused(generation) ? [] : self.thoughts(of: generation) + answer
            return self.candidate(index, parts, generation, isLast: true)
        }
        return self.chunk(candidates, output: self.outputTokens)
    }

    func streamEvents(to outlet: Outlet) async throws {
        try await self.stream(to: outlet) { chunk, _ in "data: \(chunk.text)\r\n\r\n" }
    }

    func streamArray(to outlet: Outlet) async throws {
        try await self.stream(to: outlet) { chunk, isFirst in (isFirst ? "[" : ",\r\n") + chunk.text + "\n" }
        try await outlet.write(Array("]".utf8))
    }

    private func stream(
        to outlet: Outlet,
        _ frame: (_ chunk: JSON, _ isFirst: Bool) -> String
    ) async throws {
        var isFirst = true
        var sent = 0
        for (index, generation) in self.candidates.enumerated() {
            // What is thought is counted, shown or not.
            if !self.showsThoughts, !self.isRefused(generation) { sent += generation.thoughtTokens }
            let count = self.stepCount(of: generation)
            for place in 0..<count {
                let step = self.step(place, of: generation)
                if step.tokens > 0 { try await outlet.pace() }
                sent += step.tokens
                let candidate = self.candidate(index, step.parts, generation, isLast: place == count - 1)
                try await outlet.write(Array(frame(self.chunk([candidate], output: sent), isFirst).utf8))
                isFirst = false
            }
        }
    }

    /// What one chunk of a stream adds.
    private struct Step {
        var tokens = 0
        var parts: [JSON] = []
    }

    /// The steps of a candidate: the pieces of its thought where it is shown, those of its text, its calls, and the
    /// signature behind a text.
    private func stepCount(of generation: Generation) -> Int {
        if self.isRefused(generation) { return 1 }
        let thoughts = self.showsThoughts ? generation.thoughtTokens : 0
        return thoughts + generation.pieceCount + max(1, generation.toolCalls.count)
    }

    private func step(_ place: Int, of generation: Generation) -> Step {
        if self.isRefused(generation) { return Step() }
        var place = place
        if let thought = generation.thought, self.showsThoughts {
            if place < thought.pieceCount {
                return Step(tokens: 1, parts: [["text": .string(thought.piece(place)), "thought": true]])
            }
            place -= thought.pieceCount
        }
        if place < generation.pieceCount {
            return Step(tokens: 1, parts: [self.text(generation.piece(place), of: generation, isLast: false)])
        }
        guard !generation.toolCalls.isEmpty else {
            return Step(parts: [self.text("", of: generation, isLast: true)])
        }
        let call = generation.toolCalls[place - generation.pieceCount]
        let tokens = Text.tokens(in: call.name) + Text.tokens(in: call.arguments)
        return Step(tokens: tokens, parts: [self.calls(of: generation)[place - generation.pieceCount]])
    }

    private func isRefused(_ generation: Generation) -> Bool { generation.finish == .refusal }

    private func thoughts(of generation: Generation) -> [JSON] {
        guard let thought = generation.thought, self.showsThoughts else { return [] }
        return [["text": .string(thought.text), "thought": true]]
    }

    /// A part of the text. The last one carries the signature of the thought.
    private func text(_ text: String, of generation: Generation, isLast: Bool) -> JSON {
        let part: JSON = ["text": .string(text)]
        guard isLast, let thought = generation.thought else { return part }
        return part.setting("thoughtSignature", .string(thought.signature))
    }

    /// The calls as parts; of calls made at once, only the first is signed. Models of the third generation name them.
    private func calls(of generation: Generation) -> [JSON] {
        generation.toolCalls.enumerated().map { index, call in
            let arguments = (try? JSON(parsing: Array(call.arguments.utf8))) ?? [:]
            var content: JSON = ["name": .string(call.name), "args": arguments]
            if self.signsCalls { content = content.setting("id", .string(call.id)) }
            let part: JSON = ["functionCall": content]
            let signature = generation.thought?.signature ?? (self.signsCalls ? Signature.sign(call.name) : nil)
            guard index == 0, let signature else { return part }
            return part.setting("thoughtSignature", .string(signature))
        }
    }

    private func candidate(_ index: Int, _ parts: [JSON], _ generation: Generation, isLast: Bool) -> JSON {
        var content: JSON = ["role": "model"]
        if !parts.isEmpty { content = ["parts": .array(parts), "role": "model"] }
        var candidate: JSON = ["content": content]
        if isLast { candidate = candidate.setting("finishReason", .string(generation.finish.geminiName)) }
        candidate = candidate.setting("index", .int(index))
        guard isLast, self.isRefused(generation) else { return candidate }
        return candidate.setting(
            "safetyRatings",
            [["category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true]]
        )
    }

    /// One answer; `output` is how many tokens have been produced with it, thoughts first.
    private func chunk(_ candidates: [JSON], output: Int) -> JSON {
        let thoughts = min(output, self.candidates.reduce(0) { $0 + $1.thoughtTokens })
        var usage: JSON = ["promptTokenCount": .int(self.promptTokens)]
        if output > thoughts { usage = usage.setting("candidatesTokenCount", .int(output - thoughts)) }
        usage = usage.setting("totalTokenCount", .int(self.promptTokens + output))
        let details: JSON = [["modality": "TEXT", "tokenCount": .int(self.promptTokens)]]
        usage = usage.setting("promptTokensDetails", details)
        if thoughts > 0 { usage = usage.setting("thoughtsTokenCount", .int(thoughts)) }
        return [
            "candidates": .array(candidates), "usageMetadata": usage, "modelVersion": .string(self.model),
            "responseId": .string(self.id),
        ]
    }
}

extension Generation.Finish {
    /// Gemini's `finishReason`; calls of functions end as text does.
    fileprivate var geminiName: String {
        switch self {
        case .complete, .stopSequence, .toolCalls: "STOP"
        case .length: "MAX_TOKENS"
        case .refusal: "SAFETY"
        }
    }
}

extension Answer {
    /// A whole answer of Google's.
    static func gemini(_ json: JSON, tokens: Int = 0) -> Answer {
        var answer = Answer.json(json, tokens: tokens)
        answer.headers[.contentType] = "application/json; charset=UTF-8"
        return answer
    }

    /// A JSON array that is produced element by element.
    fileprivate static func array(_ produce: @escaping @Sendable (Outlet) async throws -> Void) -> Answer {
        Answer(headers: [.contentType: "application/json; charset=UTF-8"], body: .events(produce))
    }
}

extension Provider {
    /// Refuses a model that does not exist, in Gemini's words.
    func checkGeminiModel(_ model: String, _ method: String) throws {
        guard let models = self.options.models, !models.contains(model), !model.hasPrefix("sim-") else { return }
        throw APIError.notFound(
            "models/\(model) is not found for API version v1beta, or is not supported for \(method). Call ListModels to "
                + "see the list of available models and their supported methods."
        )
    }
}
