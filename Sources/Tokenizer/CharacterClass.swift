internal import CTokenizerTables

/// What a pretokenizer needs to know of a character: its general category, and the few characters that patterns name.
/// The raw values are those of the table that `scripts/make-tokenizer-tables` writes.
enum CharacterClass: UInt8, CaseIterable {
    /// Controls, unassigned, private use; bytes that are not UTF-8 count as this too.
    case other
    case newline, space
    /// Whitespace other than CR, LF and U+0020.
    case whitespace
    case apostrophe, slash, asciiPunctuation
    // Letters that contractions consist of: 's 't 'm 'd, 'll, 've 're.
    case lowerSTMD, lowerL, lowerVR, lowerE, lowerASCII
    case upperSTMD, upperL, upperVR, upperE, upperASCII
    /// U+017F, which is an s where case does not count.
    case longS
    /// Lu and Lt, Ll, Lm and Lo: the rest of them.
    case upper, lower, letter
    case mark, number, punctuation, symbol
    // U+3040 to U+30FF and U+4E00 to U+9FA5, which DeepSeek's pattern names, by what they are else.
    case cjkLetter, cjkMark, cjkPunctuation, cjkSymbol, cjkOther

    static let lowers: Set<Self> = [.lowerSTMD, .lowerL, .lowerVR, .lowerE, .lowerASCII, .longS, .lower]
    static let uppers: Set<Self> = [.upperSTMD, .upperL, .upperVR, .upperE, .upperASCII, .upper]
    static let asciiLetters = Self.lowers.union(Self.uppers).subtracting([.longS, .lower, .upper])
    static let letters = Self.lowers.union(Self.uppers).union([.letter, .cjkLetter])
    static let marks: Set<Self> = [.mark, .cjkMark]
    static let spaces: Set<Self> = [.newline, .space, .whitespace]
    static let cjk: Set<Self> = [.cjkLetter, .cjkMark, .cjkPunctuation, .cjkSymbol, .cjkOther]
    /// `[^\s\p{L}\p{N}]`
    static let others = Set(Self.allCases).subtracting(Self.letters).subtracting(Self.spaces).subtracting([.number])
}

/// The classes of all scalar values as one of the reference engines has them; they were built with different versions of
/// Unicode.
struct CharacterClasses: @unchecked Sendable {
    // WHY: unchecked: both pointers are to the binary's read-only data.
    private let blocks: UnsafePointer<UInt8>
    private let classes: UnsafePointer<UInt8>
    /// The first 128.
    let ascii: UnsafePointer<UInt8>

    enum Engine: Int {
        case rust, oniguruma
    }

    init(_ engine: Engine) {
        let table = tokenizer_classes()
        guard let bytes = table.bytes else { preconditionFailure("the table of character classes is empty") }
        self.blocks = bytes + engine.rawValue * (0x110000 >> 7)
        self.classes = bytes + 2 * (0x110000 >> 7)
        self.ascii = self.classes + (Int(self.blocks[0]) << 7)
    }

    @inline(__always)
    subscript(scalar: UInt32) -> UInt8 {
        self.classes[Int(self.blocks[Int(scalar >> 7)]) << 7 | Int(scalar & 127)]
    }
}

/// One character in front of a scanner.
struct ScannedCharacter {
    let characterClass: UInt8
    let width: Int
}

extension CharacterClasses {
    /// The character at the start of `bytes`, of which `count` (at least one) may be read; nil if they may be the start of
    /// a longer one and more may come. A byte that begins no valid UTF-8 sequence is a character of its own.
    @inline(__always)
    func character(at bytes: UnsafePointer<UInt8>, _ count: Int, isWhole: Bool) -> ScannedCharacter? {
        let first = bytes[0]
        if first < 0x80 { return ScannedCharacter(characterClass: self.ascii[Int(first)], width: 1) }
        return self.wideCharacter(at: bytes, count, isWhole: isWhole)
    }

    @inline(never)
    private func wideCharacter(at bytes: UnsafePointer<UInt8>, _ count: Int, isWhole: Bool) -> ScannedCharacter? {
        let first = bytes[0]
        let invalid = ScannedCharacter(characterClass: CharacterClass.other.rawValue, width: 1)
        let width: Int
        // The second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF.
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: width = 2
        case 0xE0...0xEF:
            width = 3
            if first == 0xE0 { low = 0xA0 } else if first == 0xED { high = 0x9F }
        case 0xF0...0xF4:
            width = 4
            if first == 0xF0 { low = 0x90 } else if first == 0xF4 { high = 0x8F }
        default: return invalid
        }
        var scalar = UInt32(first) & (0x7F >> UInt32(width))
        for at in 1..<width {
            guard at < count else { return isWhole ? invalid : nil }
            let byte = bytes[at]
            guard byte >= low, byte <= high else { return invalid }
            (low, high) = (0x80, 0xBF)
            scalar = scalar << 6 | UInt32(byte & 0x3F)
        }
        return ScannedCharacter(characterClass: self[scalar], width: width)
    }
}
