import JSONScan

/// Reads the chunks of `:streamGenerateContent?alt=sse`. There is no last event: a stream is complete when every candidate
/// has its `finishReason` and the body ends.
final class GenerateStreamDecoder {
    private struct Candidate {
        var number: Int
        var open: (block: Int, kind: DeltaKind)?
        var hasCalls = false
        var finish: String?
    }

    private let context: AnswerContext
    private var candidates: [Candidate] = []
    private var blocks = 0
    private var calls = 0
    private var hasStarted = false
    private var isBlocked = false

    init(_ context: AnswerContext) { self.context = context }

    func read(_ chunk: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        if let error = chunk["error"] {
            events.append(.error(ProviderError(gemini: error, status: nil)))
            return
        }
        if !self.hasStarted {
            self.hasStarted = true
            events.append(.start(id: chunk["responseId"]?.string, model: chunk["modelVersion"]?.string, created: nil))
        }
        for candidate in chunk["candidates"]?.array ?? [] { try self.read(candidate: candidate, &events) }
        if chunk["promptFeedback"]?["blockReason"] != nil { self.isBlocked = true }
        if let usage = chunk["usageMetadata"] { events.append(.usage(AnswerUsage(gemini: usage))) }
    }

    /// Whether what came is a whole answer.
    var isComplete: Bool {
        self.isBlocked || (!self.candidates.isEmpty && self.candidates.allSatisfy { $0.finish != nil })
    }

    /// The body ended, and the answer is complete.
    func finish(_ events: inout [AnswerEvent]) {
        if self.candidates.isEmpty { events.append(.stop(choice: 0, Stop(.contentFilter))) }
        for place in self.candidates.indices {
            self.close(place, &events)
            let candidate = self.candidates[place]
            let reason = GenerateAnswerCoder.stopReason(candidate.finish, hasCalls: candidate.hasCalls)
            events.append(.stop(choice: candidate.number, Stop(reason)))
        }
        events.append(.end)
    }

    private func read(candidate json: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        let number = json["index"]?.int ?? 0
        let place: Int
        if let known = self.candidates.firstIndex(where: { $0.number == number }) {
            place = known
        } else {
            guard self.candidates.count < StreamTranslator.maximumChoices else {
                throw .badAnswer(reason: "it has too many candidates")
            }
            self.candidates.append(Candidate(number: number))
            place = self.candidates.count - 1
        }
        for part in json["content"]?["parts"]?.array ?? [] { self.read(part: part, place, &events) }
        if let logprobs = GenerateAnswerCoder.logprobs(json["logprobsResult"]) {
            events.append(.logprobs(choice: number, logprobs))
        }
        if let word = json["finishReason"]?.string {
            self.candidates[place].finish = word
            if !GenerateAnswerCoder.knows(word) { events.append(.lost("candidates.finishReason", AnswerLoss.reason)) }
        }
    }

    private func read(part: JSON, _ place: Int, _ events: inout [AnswerEvent]) {
        let number = self.candidates[place].number
        let signature = part["thoughtSignature"]?.string.map { Signature(origin: .gemini, text: $0) }
        if let text = part["text"]?.string {
            let kind: DeltaKind = part["thought"]?.bool == true ? .thinking : .text
            if !text.isEmpty { self.grow(place, kind, text, &events) }
            if kind == .thinking, let signature, let open = self.candidates[place].open, open.kind == .thinking {
                events.append(.signature(block: open.block, choice: number, signature))
            }
        } else if let call = part["functionCall"], let name = call["name"]?.string {
            self.close(place, &events)
            self.candidates[place].hasCalls = true
            let id = GenerateAnswerCoder.id(call, self.context, &self.calls)
            let block = self.blocks
            self.blocks += 1
            events.append(
                .blockStart(block: block, choice: number, .toolCall(id: id, name: name, signature: signature))
            )
            let arguments = EscapedText((call["args"] ?? [:]).text)
            events.append(.delta(block: block, choice: number, .arguments, arguments))
            events.append(.blockEnd(block: block, choice: number))
        } else if let field = GenerateAnswerCoder.unknown(part) {
            events.append(.lost(field, AnswerLoss.part))
        }
    }

    private func grow(_ place: Int, _ kind: DeltaKind, _ text: String, _ events: inout [AnswerEvent]) {
        let number = self.candidates[place].number
        if self.candidates[place].open?.kind != kind {
            self.close(place, &events)
            self.candidates[place].open = (self.blocks, kind)
            events.append(.blockStart(block: self.blocks, choice: number, kind == .thinking ? .thinking : .text))
            self.blocks += 1
        }
        guard let open = self.candidates[place].open else { return }
        events.append(.delta(block: open.block, choice: number, kind, EscapedText(text)))
    }

    private func close(_ place: Int, _ events: inout [AnswerEvent]) {
        guard let open = self.candidates[place].open else { return }
        events.append(.blockEnd(block: open.block, choice: self.candidates[place].number))
        self.candidates[place].open = nil
    }
}
