import JSONScan

/// Reads the chunks of a streamed chat completion (platform.openai.com/docs/api-reference/chat-streaming).
///
/// Blocks have no borders here: one begins with its first piece, and ends when another kind of piece comes. Calls are told
/// apart by `index`, or by a new id where a server gives all of them the same index. The reasons to stop are kept until
/// `[DONE]`, because some servers send them twice, or before the last piece.
final class ChatStreamDecoder {
    private struct Open {
        var block: Int
        var kind: DeltaKind
        /// The server's number and id of a call.
        var index: Int?
        var id: String?
        var arguments = ArgumentsTracker()
    }

    private struct Choice {
        var number: Int
        var open: [Open] = []
        var hasCalls = false
        var finish: String?
    }

    private let context: AnswerContext
    private var choices: [Choice] = []
    private var blocks = 0
    private var calls = 0
    private var hasStarted = false

    init(_ context: AnswerContext) { self.context = context }

    func read(_ chunk: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        if let error = chunk["error"] {
            events.append(.error(ProviderError(openAI: error, status: nil)))
            return
        }
        if !self.hasStarted {
            self.hasStarted = true
            let created = chunk["created"]?.int.flatMap { $0 == 0 ? nil : $0 }
            let id = chunk["id"]?.string.flatMap { $0.isEmpty ? nil : $0 }
            events.append(.start(id: id, model: chunk["model"]?.string, created: created))
        }
        for choice in chunk["choices"]?.array ?? [] { try self.read(choice: choice, &events) }
        if let usage = chunk["usage"], usage.members != nil { events.append(.usage(AnswerUsage(openAI: usage))) }
    }

    /// `[DONE]`.
    func finish(_ events: inout [AnswerEvent]) {
        for place in self.choices.indices {
            self.close(place, all: true, &events)
            let choice = self.choices[place]
            let reason = ChatAnswerCoder.stopReason(choice.finish, hasCalls: choice.hasCalls)
            events.append(.stop(choice: choice.number, Stop(reason)))
        }
        events.append(.end)
    }

    private func read(choice json: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        let place = try self.place(json["index"]?.int ?? 0)
        let delta = json["delta"] ?? json["message"] ?? [:]
        if let text = (delta["reasoning_content"] ?? delta["reasoning"])?.string, !text.isEmpty {
            self.grow(place, .thinking, text, &events)
        }
        switch delta["content"] {
        case .string(let text) where !text.isEmpty: self.grow(place, .text, text, &events)
        case .array(let parts):
            for text in parts.compactMap({ $0["text"]?.string }) { self.grow(place, .text, text, &events) }
        default: break
        }
        if let text = delta["refusal"]?.string, !text.isEmpty { self.grow(place, .refusal, text, &events) }
        for call in delta["tool_calls"]?.array ?? [] { try self.read(call: call, place, &events) }
        if let logprobs = ChatAnswerCoder.logprobs(json["logprobs"]) {
            events.append(.logprobs(choice: self.choices[place].number, logprobs))
        }
        if self.choices[place].finish == nil { self.choices[place].finish = json["finish_reason"]?.string }
    }

    private func place(_ number: Int) throws(TranslationFailure) -> Int {
        if let place = self.choices.firstIndex(where: { $0.number == number }) { return place }
        guard self.choices.count < StreamTranslator.maximumChoices else {
            throw .badAnswer(reason: "it has too many choices")
        }
        self.choices.append(Choice(number: number))
        return self.choices.count - 1
    }

    private func grow(_ place: Int, _ kind: DeltaKind, _ text: String, _ events: inout [AnswerEvent]) {
        let number = self.choices[place].number
        let block: Int
        if let open = self.choices[place].open.last(where: { $0.kind == kind }) {
            block = open.block
        } else {
            self.close(place, all: false, &events)
            block = self.begin(place, Open(block: 0, kind: kind))
            let kinds: BlockKind = kind == .thinking ? .thinking : kind == .refusal ? .refusal : .text
            events.append(.blockStart(block: block, choice: number, kinds))
        }
        events.append(.delta(block: block, choice: number, kind, EscapedText(text)))
    }

    private func begin(_ place: Int, _ open: Open) -> Int {
        var open = open
        open.block = self.blocks
        self.blocks += 1
        self.choices[place].open.append(open)
        return open.block
    }

    /// The most calls of one choice that are not complete: every piece is compared with them.
    private static let maximumOpen = 128

    private func read(call: JSON, _ place: Int, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        let number = self.choices[place].number
        let id = call["id"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let slot = self.slot(of: call["index"]?.int, id, call["function"]?["name"]?.string, place)
        let open: Int
        if let slot {
            open = slot
        } else {
            guard let name = call["function"]?["name"]?.string else { return }
            self.close(place, all: false, &events)
            guard self.choices[place].open.count < Self.maximumOpen else {
                throw .badAnswer(reason: "it has too many calls at once")
            }
            self.choices[place].hasCalls = true
            let made = id ?? "call_\(self.context.id)_\(self.calls)"
            self.calls += 1
            let block = self.begin(place, Open(block: 0, kind: .arguments, index: call["index"]?.int, id: id))
            open = self.choices[place].open.count - 1
            let kind = BlockKind.toolCall(id: made, name: name, signature: ChatAnswerCoder.signature(call))
            events.append(.blockStart(block: block, choice: number, kind))
        }
        let arguments = call["function"]?["arguments"]
        guard let text = arguments?.string ?? arguments?.text, !text.isEmpty else { return }
        self.choices[place].open[open].arguments.see(text)
        let block = self.choices[place].open[open].block
        events.append(.delta(block: block, choice: number, .arguments, EscapedText(text)))
    }

    /// The open call that a piece belongs to; nil for a new one.
    private func slot(of index: Int?, _ id: String?, _ name: String?, _ place: Int) -> Int? {
        let open = self.choices[place].open
        let slot = open.lastIndex { $0.kind == .arguments && (index == nil || $0.index == nil || $0.index == index) }
        guard let slot else { return nil }
        // The same index with another id is another call; pieces of the first one repeat its id or have none.
        if let id, name != nil, open[slot].id != id { return nil }
        if id == nil, index == nil, name != nil { return nil }
        return slot
    }

    /// Ends the texts, and the calls that are complete; or everything.
    private func close(_ place: Int, all: Bool, _ events: inout [AnswerEvent]) {
        let number = self.choices[place].number
        self.choices[place].open.removeAll { open in
            guard all || open.kind != .arguments || open.arguments.isComplete else { return false }
            events.append(.blockEnd(block: open.block, choice: number))
            return true
        }
    }
}

/// Knows whether the pieces of a call's arguments make a whole object, without keeping them.
struct ArgumentsTracker: Sendable {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private(set) var isComplete = false

    mutating func see(_ text: String) {
        for byte in text.utf8 {
            if self.isEscaped {
                self.isEscaped = false
            } else if self.isInString {
                if byte == UInt8(ascii: "\\") { self.isEscaped = true }
                if byte == UInt8(ascii: "\"") { self.isInString = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): self.isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): self.depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    self.depth -= 1
                    if self.depth == 0 { self.isComplete = true }
                default: break
                }
            }
        }
    }
}
