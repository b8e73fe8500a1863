/// What a model "says" to one request: text, or tool calls, decided before the first byte is sent and produced piece by
/// piece, so that a long answer takes no memory.
struct Generation: Sendable {
    /// Why the output ends.
    enum Finish: Sendable, Equatable {
        case complete
        case length
        case stopSequence(String)
        case toolCalls
        /// The model will not answer this.
        case refusal
    }

    /// One call of a tool that the request offers.
    struct ToolCall: Sendable, Equatable {
        let id: String
        let name: String
        let arguments: String

        /// The arguments as a stream carries them.
        var argumentPieces: [String] {
            let characters = Array(self.arguments)
            return stride(from: 0, to: characters.count, by: 8).map {
                String(characters[$0..<min($0 + 8, characters.count)])
            }
        }
    }

    private enum Output: Sendable {
        case words(seed: UInt64)
        case pieces([String])
    }

    private let output: Output
    /// How many pieces of text there are.
    let pieceCount: Int
    let toolCalls: [ToolCall]
    let finish: Finish
    /// What the model thinks first; nil where it does not.
    private(set) var thought: Thought?

    /// The answer to a prompt: a refusal where the dials ask for one, the calls that `tools` decides, else text. A thought
    /// goes before any of them.
    init(_ prompt: Prompt, _ tools: ToolChoice, idPrefix: String, seed: UInt64, dials: Dials) {
        let thought = Thought(prompt, seed: seed, dials: dials)
        let calls = dials.refuses ? [] : tools.calls(seed: seed, idPrefix: idPrefix, script: dials.toolName)
        if dials.refuses {
            self.init(refusal: "I cannot help with that.")
        } else if calls.isEmpty {
            var prompt = prompt
            prompt.outputLimit = prompt.outputLimit.map { $0 - (thought?.pieceCount ?? 0) }
            self.init(prompt, seed: seed, dials: dials)
        } else {
            self.init(toolCalls: calls)
        }
        self.thought = thought
    }

    /// Words instead of an answer.
    private init(refusal: String) {
        let pieces = Text.pieces(of: refusal)
        self.output = .pieces(pieces)
        self.pieceCount = pieces.count
        self.toolCalls = []
        self.finish = .refusal
    }

    /// Text, at most `limit` tokens of it.
    init(_ prompt: Prompt, seed: UInt64, dials: Dials) {
        let wanted = prompt.fixedText.map { Text.pieces(of: $0) }
        let length = wanted?.count ?? dials.outputTokens ?? Int(16 + seed % 16)
        let count = max(0, min(length, prompt.outputLimit ?? length))
        self.toolCalls = []
        if prompt.stop.isEmpty {
            self.output = wanted.map { .pieces($0) } ?? .words(seed: seed)
            self.pieceCount = count
            self.finish = count < length ? .length : .complete
            return
        }
        let pieces = wanted ?? (0..<count).map { Self.piece($0, seed: seed) }
        let text = pieces.prefix(count).joined()
        if let (kept, sequence) = Self.cut(text, at: prompt.stop) {
            let keptPieces = Text.pieces(of: kept)
            self.output = .pieces(keptPieces)
            self.pieceCount = keptPieces.count
            self.finish = .stopSequence(sequence)
        } else {
            self.output = .pieces(pieces)
            self.pieceCount = count
            self.finish = count < length ? .length : .complete
        }
    }

    /// Calls of tools, and no text.
    init(toolCalls: [ToolCall]) {
        self.output = .pieces([])
        self.pieceCount = 0
        self.toolCalls = toolCalls
        self.finish = .toolCalls
    }

    /// The piece at a place of the text.
    func piece(_ index: Int) -> String {
        switch self.output {
        case .words(let seed): Self.piece(index, seed: seed)
        case .pieces(let pieces): pieces[index]
        }
    }

    /// The whole text.
    var text: String {
        (0..<self.pieceCount).reduce(into: "") { $0 += self.piece($1) }
    }

    /// The tokens of the output: its thought, its text, and the name and arguments of its tool calls.
    var tokens: Int {
        self.answerTokens + self.thoughtTokens
    }

    /// The tokens of the thought.
    var thoughtTokens: Int { self.thought?.pieceCount ?? 0 }

    /// The tokens of the output without its thought.
    var answerTokens: Int {
        self.pieceCount + self.toolCalls.reduce(0) { $0 + Text.tokens(in: $1.name) + Text.tokens(in: $1.arguments) }
    }

    private static func piece(_ index: Int, seed: UInt64) -> String {
        (index == 0 ? "" : " ") + Text.word(index, seed: seed)
    }

    /// The text before the earliest stop sequence, and that sequence.
    private static func cut(_ text: String, at sequences: [String]) -> (String, String)? {
        sequences.filter { !$0.isEmpty }
            .compactMap { sequence in text.firstRange(of: sequence).map { ($0.lowerBound, sequence) } }
            .min { $0.0 < $1.0 }
            .map { (String(text[..<$0.0]), $0.1) }
    }
}

/// What a request asks of a model, whatever the dialect that it was written in.
struct Prompt: Sendable {
    /// The tokens of everything that the model reads.
    var tokens = 1
    /// The request's own limit on the output.
    var outputLimit: Int?
    var stop: [String] = []
    /// Text that the answer must be, because its form was prescribed.
    var fixedText: String?
    /// Whether the model is asked to think first.
    var thinks = false
}
