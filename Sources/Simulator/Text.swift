// The simulator's tokens: a token is a run of characters that are not white space. `"two words"` has two tokens; empty
// text has none. A piece is a token with the white space before it, so that joined pieces are the text.

/// The documented token rule, and text that follows from a seed.
enum Text {
    private static let words = [
        "amber", "anchor", "autumn", "basalt", "beacon", "birch", "bridge", "candle", "canyon", "cedar", "cliff",
        "cloud",
        "copper", "coral", "crystal", "delta", "desert", "ember", "falcon", "fern", "forest", "garden", "glacier",
        "granite",
        "harbor", "hazel", "heron", "island", "ivory", "jasmine", "juniper", "lagoon", "lantern", "lily", "maple",
        "marble",
        "meadow", "mist", "moss", "mountain", "oasis", "ocean", "olive", "orchid", "pebble", "pine", "prairie",
        "quartz",
        "rain", "reef", "river", "saffron", "sage", "shadow", "silver", "sparrow", "spring", "stone", "summer",
        "thunder",
        "valley", "violet", "willow", "winter",
    ]

    /// How many tokens a text has.
    static func tokens(in text: String) -> Int {
        var count = 0
        var insideToken = false
        for byte in text.utf8 {
            let isSpace = byte == 0x20 || (0x09...0x0D).contains(byte)
            if !isSpace && !insideToken { count += 1 }
            insideToken = !isSpace
        }
        return count
    }

    /// The pieces of a text: one for each token.
    static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        for character in text {
            let startsPiece = character.isWhitespace && piece.contains { !$0.isWhitespace }
            if startsPiece {
                pieces.append(piece)
                piece = ""
            }
            piece.append(character)
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// The word at a place of the text that follows from `seed`.
    static func word(_ index: Int, seed: UInt64) -> String {
        Self.words[Int(Self.mix(seed &+ UInt64(truncatingIfNeeded: index)) % UInt64(Self.words.count))]
    }

    /// A number that follows from some text: FNV-1a, mixed.
    static func seed(_ text: String) -> UInt64 {
        Self.seed(text.utf8)
    }

    /// A number that follows from some bytes: FNV-1a, mixed.
    static func seed(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Self.mix(hash)
    }

    /// SplitMix64's finisher: neighbouring numbers give unrelated ones.
    static func mix(_ value: UInt64) -> UInt64 {
        var value = value &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// An identifier that follows from `seed`: `prefix` and sixteen hexadecimal digits.
    static func identifier(_ prefix: String, _ seed: UInt64) -> String {
        let digits = String(Self.mix(seed), radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
