import GatewayModel
import JSONScan

/// A whole answer in no provider's words.
struct ChatAnswer: Sendable, Equatable {
    var id: String?
    var model: String?
    /// Seconds since 1970.
    var created: Int?
    var choices: [Choice] = []
    var usage: AnswerUsage?
    var serviceTier: String?
    /// What of the upstream's answer has no place here.
    var losses = LossLedger()

    struct Choice: Sendable, Equatable {
        var parts: [Part] = []
        var stop = Stop(.endTurn)
        var logprobs: [TokenLogprob]?

        /// Why the answer stopped, to a client whose dialect has no part for a refusal.
        var toldReason: StopReason {
            let isRefusal = self.parts.contains { if case .refusal = $0.content { true } else { false } }
            return isRefusal && self.stop.reason == .endTurn ? .refusal : self.stop.reason
        }
    }
}

/// Why the model stopped, and at which of the client's sequences.
struct Stop: Sendable, Equatable {
    var reason: StopReason
    var sequence: String?

    init(_ reason: StopReason, sequence: String? = nil) {
        self.reason = reason
        self.sequence = sequence
    }
}

/// Why the model stopped.
enum StopReason: Sendable, Equatable {
    case endTurn, maxTokens, stopSequence, toolUse, contentFilter, refusal
    /// Anthropic's server tools want the conversation to be sent again.
    case pauseTurn
    /// Google's model wrote a call that is none.
    case malformedToolCall
    case contextFull
}

/// One token of the answer and how likely it was.
struct TokenLogprob: Sendable, Equatable {
    var token: String
    var logprob: JSON
    var bytes: JSON?
    var top: [TokenLogprob] = []
}

/// The tokens of an answer by disjoint kinds, prompt and answer apart, as providers' totals need them.
struct AnswerUsage: Sendable, Equatable {
    var input: UInt64 = 0
    var cachedInput: UInt64 = 0
    var cacheWrite: UInt64 = 0
    /// What of `cacheWrite` is kept for an hour.
    var cacheWrite1h: UInt64 = 0
    var audioInput: UInt64 = 0
    var imageInput: UInt64 = 0
    var output: UInt64 = 0
    var reasoning: UInt64 = 0
    var audioOutput: UInt64 = 0
    var imageOutput: UInt64 = 0

    var allInput: UInt64 {
        self.input &+ self.cachedInput &+ self.cacheWrite &+ self.audioInput &+ self.imageInput
    }
    var allOutput: UInt64 { self.output &+ self.reasoning &+ self.audioOutput &+ self.imageOutput }

    /// The same for accounting.
    func tokens(_ source: TokenUsage.Source) -> TokenUsage {
        var usage = TokenUsage()
        usage.input = self.input
        usage.cachedInput = self.cachedInput
        usage.cacheWrite = self.cacheWrite
        usage.cacheWrite1h = self.cacheWrite1h
        usage.output = self.output
        usage.reasoning = self.reasoning
        usage.audio = self.audioInput &+ self.audioOutput
        usage.image = self.imageInput &+ self.imageOutput
        usage.audioOutput = self.audioOutput
        usage.imageOutput = self.imageOutput
        usage.source = source
        return usage
    }
}

extension JSON {
    /// A count of tokens: a whole number that is not negative, and not beyond all reason: sums must stay within 64 bits.
    var count: UInt64? { self.int.flatMap { (0...1_000_000_000_000).contains($0) ? UInt64($0) : nil } }

    /// A count of tokens.
    static func count(_ value: UInt64) -> JSON { .int(Int(clamping: value)) }
}

extension UInt64 {
    /// What is left when `parts` are counted elsewhere; none when a provider's figures contradict each other.
    func less(_ parts: UInt64...) -> UInt64 {
        var rest = self
        for part in parts { rest -= Swift.min(rest, part) }
        return rest
    }
}
