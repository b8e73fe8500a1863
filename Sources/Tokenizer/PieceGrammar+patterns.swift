// The patterns, in the order of their publication. Each comment gives the regular expression that the rules stand for;
// the test tier compares them with it on every scalar value and on text.

private typealias Class = CharacterClass

extension PieceGrammar {
    /// `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s`: GPT-2's, which Claude's vocabulary uses too.
    static let gpt2 = Self(
        .init { rules in
            rules.addWhitespace(lineEndsAreApart: false)
            for state in [PieceState.start, .space] {
                rules.on(state, Class.letters, .to(.word))
                rules.on(state, [.number], .to(.digits))
                rules.on(state, Class.others, .to(.punctuation))
            }
            rules.on(.word, Class.letters, .to(.word))
            rules.on(.digits, [.number], .to(.digits))
            rules.on(.punctuation, Class.others, .to(.punctuation))
            rules.on(.start, [.apostrophe], .to(.apostrophe))
            rules.on(.apostrophe, Class.others, .to(.punctuation))
            rules.on(.apostrophe, [.lowerSTMD], .endBehind)
            rules.on(.contractionL, [.lowerL], .endBehind)
            rules.on(.contractionRV, [.lowerE], .endBehind)
            // Without its second letter, the apostrophe is punctuation and the letter begins a word.
            rules.on(.apostrophe, [.lowerL], .markBefore(.contractionL))
            rules.on(.apostrophe, [.lowerVR], .markBefore(.contractionRV))
            rules.endAtMark(.contractionL, .contractionRV)
        }
    )

    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+$|\s*[\r\n]|\s+(?!\S)|\s`
    static let cl100k = Self(
        .init { rules in
            rules.addCL100K()
            rules.addNumbersOfThree()
            rules.takeAllAtEnd(.lined)
        }
    )

    /// cl100k's with `\p{N}` for numbers and without `\s+$`.
    static let qwen = Self(
        .init { rules in
            rules.addCL100K()
            rules.on(.start, [.number], .endBehind)
        }
    )

    /// Words are `[^\r\n\p{L}\p{N}]?` and then `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` or, where that
    /// does not match, `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, each with
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`; else `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
    static let o200k = Self(
        .init { rules in
            rules.addO200K()
            rules.addNumbersOfThree()
            rules.addContractionsBehindWords()
        }
    )

    /// o200k's without contractions and with `\p{N}` for numbers.
    static let tekken = Self(
        .init { rules in
            rules.addO200K()
            rules.on(.start, [.number], .endBehind)
        }
    )

    /// Three splits, one after the other, each of all the pieces before it: `\p{N}{1,3}`, then U+3040 to U+30FF and U+4E00 to U+9FA5
    /// in runs, then ``[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+``
    /// and `|\s+(?!\S)|\s+`. What matches none of them is a piece too.
    static let deepSeek = Self(
        .init { rules in
            rules.addDeepSeek()
            rules.addNumbersOfThree()
        }
    )
}

extension PieceRules {
    init(_ build: (inout Self) -> Void) {
        self.init()
        build(&self)
    }

    /// `\s+(?!\S)|\s`, and with line ends apart `\s*[\r\n]+` before it.
    fileprivate mutating func addWhitespace(lineEndsAreApart: Bool) {
        self.on(.start, Class.spaces, .to(.oneWhite))
        self.on(.start, [.space], .to(.space))
        for state in [PieceState.space, .oneWhite, .white] { self.on(state, Class.spaces, .markBefore(.white)) }
        self.endAtMark(.white)
        self.takeAllAtEnd(.white)
        guard lineEndsAreApart else { return }
        for state in [PieceState.start, .space, .oneWhite, .white] { self.on(state, [.newline], .markBehind(.lined)) }
        self.on(.lined, Class.spaces, .to(.lined))
        self.on(.lined, [.newline], .markBehind(.lined))
        self.endAtMark(.lined)
    }

    /// `\p{N}{1,3}`
    fileprivate mutating func addNumbersOfThree() {
        self.on(.start, [.number], .to(.oneDigit))
        self.on(.oneDigit, [.number], .to(.twoDigits))
        self.on(.twoDigits, [.number], .endBehind)
    }

    fileprivate mutating func addCL100K() {
        self.addWhitespace(lineEndsAreApart: true)
        self.on(.start, Class.others, .to(.prefix))
        self.on(.start, [.apostrophe], .to(.apostrophe))
        self.addPunctuation(Class.others, tail: [.newline])
        let beforeLetters: [PieceState] = [
            .start, .space, .oneWhite, .prefix, .apostrophe, .apostropheL, .apostropheRV, .word,
        ]
        for state in beforeLetters { self.on(state, Class.letters, .to(.word)) }
        self.addContraction(.apostrophe, .apostropheL, .apostropheRV)
    }

    /// ` ?` and characters of `members` and then of `tail`, if a prefix was no prefix.
    fileprivate mutating func addPunctuation(_ members: Set<CharacterClass>, tail: Set<CharacterClass>) {
        for state in [PieceState.prefix, .apostrophe, .punctuation] {
            self.on(state, [.newline], .to(.tail))
            self.on(state, members, .to(.punctuation))
        }
        self.on(.space, members, .to(.punctuation))
        self.on(.tail, tail, .to(.tail))
    }

    /// `(?i:s|t|m|d|ll|ve|re)` behind an apostrophe.
    fileprivate mutating func addContraction(_ state: PieceState, _ stateL: PieceState, _ stateRV: PieceState) {
        self.on(state, [.lowerSTMD, .upperSTMD, .longS], .endBehind)
        self.on(state, [.lowerL, .upperL], .to(stateL))
        self.on(stateL, [.lowerL, .upperL], .endBehind)
        self.on(state, [.lowerVR, .upperVR], .to(stateRV))
        self.on(stateRV, [.lowerE, .upperE], .endBehind)
    }

    fileprivate mutating func addContractionsBehindWords() {
        for state in [PieceState.smalls, .capitals, .caseless] {
            self.on(state, [.apostrophe], .markBefore(.contraction))
        }
        self.addContraction(.contraction, .contractionL, .contractionRV)
        self.endAtMark(.contraction, .contractionL, .contractionRV)
    }

    fileprivate mutating func addO200K() {
        self.addWhitespace(lineEndsAreApart: true)
        self.on(.start, Class.others, .to(.prefix))
        self.addPunctuation(Class.others, tail: [.newline, .slash])
        // Letters of neither case, and marks, match both halves of a word.
        let both = Class.marks.union([.letter, .cjkLetter])
        for state in [PieceState.start, .space, .oneWhite, .prefix, .capitals, .caseless, .caselessThenCapitals] {
            self.on(state, both, .to(.caseless))
            self.on(state, Class.lowers, .to(.smalls))
            self.on(state, Class.uppers, .to(.capitals))
        }
        self.on(.smalls, both.union(Class.lowers), .to(.smalls))
        self.on(.caseless, Class.uppers, .markBefore(.caselessThenCapitals))
        self.on(.caselessThenCapitals, Class.uppers, .to(.caselessThenCapitals))
        self.endAtMark(.caselessThenCapitals)
    }

    fileprivate mutating func addDeepSeek() {
        let symbols: Set<CharacterClass> = [.apostrophe, .slash, .asciiPunctuation, .punctuation, .symbol]
        let words = Class.letters.subtracting(Class.cjk).union([.mark])
        self.addWhitespace(lineEndsAreApart: true)
        // The first two splits end the text that the third one sees: there is nothing behind the whitespace.
        self.on(.white, Class.cjk.union([.number]), .endBefore)
        self.addCJKRuns()
        self.addPunctuation(symbols, tail: [.newline])
        self.on(.start, [.punctuation, .symbol], .to(.punctuation))
        self.on(.start, [.apostrophe, .slash, .asciiPunctuation], .to(.prefix))
        for state in [PieceState.prefix, .asciiWord] { self.on(state, Class.asciiLetters, .to(.asciiWord)) }
        for state in [PieceState.start, .space, .oneWhite, .oneGap, .word] { self.on(state, words, .to(.word)) }
        self.on(.start, [.other], .to(.oneGap))
        for state in [PieceState.oneGap, .gap] { self.on(state, [.other], .markBefore(.gap)) }
        self.on(.gap, words, .endAtMark)
    }

    /// The third split cuts the runs that the second one found as it cuts the rest.
    private mutating func addCJKRuns() {
        let (words, symbols): (Set<CharacterClass>, Set<CharacterClass>) = (
            [.cjkLetter, .cjkMark], [.cjkPunctuation, .cjkSymbol]
        )
        for state in [PieceState.start, .cjk, .oneCJKGap] { self.on(state, words, .to(.cjk)) }
        for state in [PieceState.start, .cjkSymbols] { self.on(state, symbols, .to(.cjkSymbols)) }
        self.on(.start, [.cjkOther], .to(.oneCJKGap))
        for state in [PieceState.oneCJKGap, .cjkGap] { self.on(state, [.cjkOther], .markBefore(.cjkGap)) }
        self.on(.cjkGap, words, .endAtMark)
    }
}
