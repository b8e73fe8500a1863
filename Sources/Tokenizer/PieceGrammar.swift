// A pretokenizer cuts text into pieces that are encoded one by one; the references do it with a regular expression. Here
// each expression is a state machine over character classes, so that the cost per character is the same for any text and
// scanning can stop and go on between slices. The machines themselves are in `PieceGrammar+patterns.swift`.
//
// Alternatives of an expression that give characters back (`\s+(?!\S)` gives back one) become a mark: the place where
// the piece ends if what follows does not make it longer.

/// Where a scanner is inside a piece. Not every pattern uses every state.
enum PieceState: UInt8, CaseIterable {
    case start
    /// A single U+0020, which may belong to the word or the punctuation behind it.
    case space
    /// A single other whitespace character.
    case oneWhite
    /// More whitespace without a line end; the mark is before its last character.
    case white
    /// Whitespace with a line end; the mark is behind its last line end.
    case lined
    /// A character that may belong to the word behind it.
    case prefix
    case apostrophe, apostropheL, apostropheRV
    case word
    /// A word of capitals only; one of small letters, behind capitals or not.
    case capitals, smalls
    /// A word whose last letter counts as capital and as small alike; then capitals behind such a letter, which is marked.
    case caseless, caselessThenCapitals
    /// An apostrophe behind a word, which is marked.
    case contraction, contractionL, contractionRV
    case oneDigit, twoDigits, digits
    case punctuation
    /// What may follow punctuation: line ends, in some patterns slashes.
    case tail
    case asciiWord
    /// Characters that no alternative matches; `gap` marks before the last of several.
    case oneGap, gap
    /// Words, symbols and gaps within the characters that DeepSeek's second split sets apart.
    case cjk, cjkSymbols, oneCJKGap, cjkGap
}

/// What a character does in a state.
enum PieceStep {
    case to(PieceState)
    /// The mark is set before, or behind, the character that is taken.
    case markBefore(PieceState)
    case markBehind(PieceState)
    case endBefore, endBehind, endAtMark

    fileprivate static let endCode: UInt8 = 0x80
    fileprivate static let markBeforeBit: UInt8 = 0x20
    fileprivate static let stateBits: UInt8 = 0x1F

    fileprivate var code: UInt8 {
        switch self {
        case .to(let state): state.rawValue
        case .markBefore(let state): 0x20 | state.rawValue
        case .markBehind(let state): 0x40 | state.rawValue
        case .endBefore: 0x80
        case .endBehind: 0x81
        case .endAtMark: 0x82
        }
    }
}

/// The state machine of one pattern, as a table. Built once per vocabulary and never freed.
struct PieceGrammar: @unchecked Sendable {
    // WHY: unchecked: written in `init` only.
    private let steps: UnsafeMutablePointer<UInt8>
    /// Per state, a bit for each class that it takes without changing anything.
    private let loops: UnsafeMutablePointer<UInt32>
    private let endsAtMark: UnsafeMutablePointer<Bool>
    /// Whether some character ends the piece at the mark, so that what is behind it is not certain.
    fileprivate let isMarking: UnsafeMutablePointer<Bool>

    init(_ rules: PieceRules) {
        let states = PieceState.allCases.count
        self.steps = .allocate(capacity: states << 5)
        self.steps.initialize(repeating: PieceStep.endBefore.code, count: states << 5)
        self.loops = .allocate(capacity: states)
        self.loops.initialize(repeating: 0, count: states)
        self.endsAtMark = .allocate(capacity: states)
        self.endsAtMark.initialize(repeating: false, count: states)
        self.isMarking = .allocate(capacity: states)
        self.isMarking.initialize(repeating: false, count: states)
        for state in PieceState.allCases {
            let row = Int(state.rawValue)
            self.endsAtMark[row] = rules.endsAtMark.contains(state)
            for characterClass in CharacterClass.allCases {
                let code = rules.step(state, characterClass).code
                self.steps[row << 5 | Int(characterClass.rawValue)] = code
                if code == PieceStep.endAtMark.code { self.isMarking[row] = true }
                if code == state.rawValue { self.loops[row] |= 1 << UInt32(characterClass.rawValue) }
            }
        }
    }
}

/// The rules of one pattern while they are written down.
struct PieceRules {
    private var steps: [PieceStep?] = Array(repeating: nil, count: PieceState.allCases.count << 5)
    private var otherwise: [PieceState: PieceStep] = [:]
    private(set) var endsAtMark: Set<PieceState> = []

    /// In `state`, a character of these classes does this. A later rule for the same class replaces an earlier one.
    mutating func on(_ state: PieceState, _ classes: Set<CharacterClass>, _ step: PieceStep) {
        for member in classes { self.steps[Int(state.rawValue) << 5 | Int(member.rawValue)] = step }
    }

    /// In these states, any other character ends the piece at the mark, and so does the end of the text.
    mutating func endAtMark(_ states: PieceState...) {
        for state in states {
            self.otherwise[state] = .endAtMark
            self.endsAtMark.insert(state)
        }
    }

    /// At the end of the text, this state takes all there is.
    mutating func takeAllAtEnd(_ state: PieceState) { self.endsAtMark.remove(state) }

    func step(_ state: PieceState, _ characterClass: CharacterClass) -> PieceStep {
        self.steps[Int(state.rawValue) << 5 | Int(characterClass.rawValue)] ?? self.otherwise[state] ?? .endBefore
    }
}

/// Finds the ends of pieces, one after the other. The text may grow between calls.
struct PieceScanner {
    let grammar: PieceGrammar
    let classes: CharacterClasses
    private var state = PieceState.start.rawValue
    private(set) var position = 0
    private var mark = 0

    init(_ grammar: PieceGrammar, _ classes: CharacterClasses) {
        self.grammar = grammar
        self.classes = classes
    }

    /// The end of the piece under way, or nil if it is not known from `count` bytes: then all of them have been looked at.
    /// With `isWhole`, nothing follows, and nil means that there are no more pieces.
    @inline(__always)
    mutating func next(in bytes: UnsafePointer<UInt8>, _ count: Int, isWhole: Bool) -> Int? {
        var state = Int(self.state)
        var position = self.position
        while position < count {
            guard let character = self.classes.character(at: bytes + position, count &- position, isWhole: isWhole)
            else {
                break
            }
            let step = self.grammar.step(state, character.characterClass)
            if step >= PieceStep.endCode { return self.end(step, position, character.width) }
            if step > PieceStep.stateBits {
                self.mark = step & PieceStep.markBeforeBit != 0 ? position : position &+ character.width
            }
            position &+= character.width
            state = Int(step & PieceStep.stateBits)
            position = self.grammar.skip(state, self.classes, bytes, position, count)
        }
        self.state = UInt8(truncatingIfNeeded: state)
        self.position = position
        guard isWhole, state != Int(PieceState.start.rawValue) else { return nil }
        return self.end(self.grammar.stepAtEnd(state), position, 0)
    }

    /// How many bytes are sure to belong to the piece under way.
    var certain: Int { self.grammar.isMarking[Int(self.state)] ? self.mark : self.position }

    /// The text lost its first `count` bytes, which lie before the piece under way.
    mutating func forget(_ count: Int) {
        self.position -= count
        self.mark -= count
    }

    @inline(__always)
    private mutating func end(_ step: UInt8, _ position: Int, _ width: Int) -> Int {
        let end = step == 0x80 ? position : step == 0x81 ? position &+ width : self.mark
        self.state = PieceState.start.rawValue
        self.position = end
        self.mark = end
        return end
    }
}

extension PieceGrammar {
    @inline(__always)
    fileprivate func step(_ state: Int, _ characterClass: UInt8) -> UInt8 {
        self.steps[state << 5 | Int(characterClass)]
    }

    fileprivate func stepAtEnd(_ state: Int) -> UInt8 {
        self.endsAtMark[state] ? PieceStep.endAtMark.code : PieceStep.endBefore.code
    }

    /// Passes the ASCII characters that leave the state as it is: most of a word.
    @inline(__always)
    fileprivate func skip(
        _ state: Int,
        _ classes: CharacterClasses,
        _ bytes: UnsafePointer<UInt8>,
        _ start: Int,
        _ count: Int
    ) -> Int {
        let loop = self.loops[state]
        var position = start
        while position < count, bytes[position] < 0x80, loop >> UInt32(classes.ascii[Int(bytes[position])]) & 1 != 0 {
            position &+= 1
        }
        return position
    }
}
