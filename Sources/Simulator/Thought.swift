import Foundation

/// What a model thinks before it answers: words that follow from the prompt, signed so that a thought that a request brings
/// back can be told from one that was altered or came from elsewhere.
struct Thought: Sendable {
    private let seed: UInt64
    /// How many pieces of text there are.
    let pieceCount: Int

    /// The thought for a prompt; nil where the model does not think. A limit on the output limits the thought too.
    init?(_ prompt: Prompt, seed: UInt64, dials: Dials) {
        let length = dials.thoughtTokens ?? (prompt.thinks ? Int(8 + seed % 8) : 0)
        guard length > 0 else { return nil }
        self.seed = Text.mix(seed ^ 0x7468_696E_6B)
        self.pieceCount = max(0, min(length, prompt.outputLimit ?? length))
    }

    /// The piece at a place of the text.
    func piece(_ index: Int) -> String {
        (index == 0 ? "" : " ") + Text.word(index, seed: self.seed)
    }

    /// The whole text.
    var text: String {
        (0..<self.pieceCount).reduce(into: "") { $0 += self.piece($1) }
    }

    /// The signature of the text.
    var signature: String { Signature.sign(self.text) }
}

/// Signatures of thoughts, in base64: a mark, the hash of the text, and a number that follows from that hash. They keep
/// nobody out; they find what was altered on its way.
enum Signature {
    private static let mark = Array("simulated".utf8)
    private static let salt: UInt64 = 0x5369_676E_6174_7572

    static func sign(_ text: String) -> String {
        let hash = Text.seed(text)
        return Data(Self.mark + Self.bytes(hash) + Self.bytes(Text.mix(hash ^ Self.salt))).base64EncodedString()
    }

    /// Whether a signature is one of ours, whatever it signs.
    static func isOurs(_ signature: String) -> Bool {
        guard let data = Base64.decode(signature), data.count == Self.mark.count + 16 else { return false }
        let hash = data.dropFirst(Self.mark.count).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return data == Self.mark + Self.bytes(hash) + Self.bytes(Text.mix(hash ^ Self.salt))
    }

    /// Whether a signature is the one of this text.
    static func isValid(_ signature: String, of text: String) -> Bool {
        signature == Self.sign(text)
    }

    private static func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - $0 * 8)) }
    }
}
