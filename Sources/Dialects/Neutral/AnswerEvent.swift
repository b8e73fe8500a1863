import JSONScan

/// What a streamed answer does next, in no provider's words.
///
/// An answer is a `start`, blocks that are begun, grown and ended, one `stop` per choice, at most a few `usage`, then `end`
/// or `error`. Blocks are numbered over all choices of the answer in the order in which they begin. Several may be open at
/// once; a dialect that wants one after another keeps the others back.
enum AnswerEvent: Sendable, Equatable {
    case start(id: String?, model: String?, created: Int?)
    case blockStart(block: Int, choice: Int, BlockKind)
    /// The block grows by `text`, which stands escaped as within a JSON string: that form is the same in every dialect.
    case delta(block: Int, choice: Int, DeltaKind, EscapedText)
    /// The proof of a thinking block.
    case signature(block: Int, choice: Int, Signature)
    case blockEnd(block: Int, choice: Int)
    case logprobs(choice: Int, [TokenLogprob])
    case stop(choice: Int, Stop)
    case usage(AnswerUsage)
    /// Something came that has no place here: the member and why. Nothing of it is written.
    case lost(String, String)
    /// The provider's own error; nothing follows.
    case error(ProviderError)
    /// The answer is complete; nothing follows.
    case end
}

/// What a block of a streamed answer holds.
enum BlockKind: Sendable, Equatable {
    case text
    case refusal
    case thinking
    /// Thoughts that only the provider can read, whole.
    case redacted(Signature)
    /// The arguments follow as JSON text.
    case toolCall(id: String, name: String, signature: Signature?)
}

/// What grows.
enum DeltaKind: Sendable, Equatable {
    case text, refusal, thinking, arguments
}

/// Text as the inside of a JSON string.
struct EscapedText: Sendable, Equatable {
    var bytes: [UInt8]

    /// Bytes that are known to be the inside of a valid JSON string.
    init(escaped bytes: [UInt8]) { self.bytes = bytes }

    init(_ text: String) {
        self.bytes = []
        JSON.writeEscaped(text, into: &self.bytes)
    }

    /// The text itself. The bytes are valid by construction.
    var text: String { JSONText.decode(self.bytes[...]).map { String(decoding: $0, as: UTF8.self) } ?? "" }
}
