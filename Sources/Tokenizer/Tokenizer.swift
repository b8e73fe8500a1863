/// What becomes of the names of special tokens, such as `<|endoftext|>`, in a text.
package enum SpecialTokenTreatment: Sendable {
    /// They are text like any other: what a client wrote must not become control.
    case asText
    /// A text that contains one is refused.
    case refused
    /// They become the special tokens that they name.
    case allowed
}

/// Why a text or a list of ids is refused.
package enum TokenizerError: Error, Equatable {
    /// The text contains the name of a special token.
    case specialToken(name: String)
    /// The vocabulary has no token of this id.
    case unknownID(UInt32)
}

/// Turns text into the ids of one vocabulary and back.
///
/// Text is bytes, UTF-8 as a rule; bytes that are not are kept and come back from `decode`. The time is linear in the length
/// of the text, whatever it contains.
package struct Tokenizer: Sendable {
    package let vocabulary: Vocabulary
    let index: TokenIndex
    let grammar: PieceGrammar
    let classes: CharacterClasses
    let specials: SpecialTokens

    /// The tokenizer of a vocabulary. The first call for each builds its indexes (under 20 ms, 3 to 11 MB), later ones
    /// are free. Any thread may call it.
    package static func of(_ vocabulary: Vocabulary) -> Tokenizer {
        switch vocabulary {
        case .cl100kBase: Self.cl100kBase
        case .o200kBase: Self.o200kBase
        case .p50kBase: Self.p50kBase
        case .claude: Self.claude
        case .qwen: Self.qwen
        case .deepSeek: Self.deepSeek
        case .tekken: Self.tekken
        }
    }

    private static let cl100kBase = Tokenizer(.cl100kBase)
    private static let o200kBase = Tokenizer(.o200kBase)
    private static let p50kBase = Tokenizer(.p50kBase)
    private static let claude = Tokenizer(.claude)
    private static let qwen = Tokenizer(.qwen)
    private static let deepSeek = Tokenizer(.deepSeek)
    private static let tekken = Tokenizer(.tekken)

    private init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        self.index = TokenIndex(vocabulary.table)
        self.grammar = vocabulary.grammar
        self.classes = CharacterClasses(vocabulary.engine)
        self.specials = SpecialTokens(self.index.specialTokens())
    }
}

extension Tokenizer {
    /// The ids of a text. Throws `TokenizerError.specialToken` only where special tokens are refused.
    package func encode(
        _ text: UnsafeBufferPointer<UInt8>,
        special: SpecialTokenTreatment = .asText
    ) throws(TokenizerError) -> [UInt32] {
        var ids: [UInt32] = []
        ids.reserveCapacity(text.count / 4 + 1)
        guard special != .asText else {
            self.appendOrdinary(text, to: &ids)
            return ids
        }
        var rest = text[...]
        while let found = self.specials.first(in: rest) {
            if special == .refused { throw .specialToken(name: found.name) }
            self.appendOrdinary(UnsafeBufferPointer(rebasing: rest[..<found.range.lowerBound]), to: &ids)
            ids.append(found.id)
            rest = rest[found.range.upperBound...]
        }
        self.appendOrdinary(UnsafeBufferPointer(rebasing: rest), to: &ids)
        return ids
    }

    /// The ids of a text.
    package func encode(
        _ text: [UInt8],
        special: SpecialTokenTreatment = .asText
    ) throws(TokenizerError) -> [UInt32] {
        let result = text.withUnsafeBufferPointer { bytes in
            Result { () throws(TokenizerError) in try self.encode(bytes, special: special) }
        }
        return try result.get()
    }

    /// How many tokens a text is, special tokens being text. Makes no list of ids.
    package func count(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        self.forEachToken(text) { _ in count &+= 1 }
        return count
    }

    /// How many tokens a text is, special tokens being text.
    package func count(_ text: [UInt8]) -> Int { text.withUnsafeBufferPointer { self.count($0) } }

    private func appendOrdinary(_ text: UnsafeBufferPointer<UInt8>, to ids: inout [UInt32]) {
        let firstID = self.vocabulary.firstID
        self.forEachToken(text) { rank in ids.append(rank &+ firstID) }
    }

    @inline(__always)
    private func forEachToken(_ text: UnsafeBufferPointer<UInt8>, _ body: (UInt32) -> Void) {
        guard let bytes = text.baseAddress else { return }
        var scanner = PieceScanner(self.grammar, self.classes)
        var encoder = PieceEncoder()
        withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.batch) { ends in
            var start = 0
            while true {
                let known = self.findPieces(bytes, text.count, from: start, &scanner, ends)
                guard known > 0 else { return }
                for at in 0..<known {
                    let end = ends[at]
                    self.encodePiece(bytes + start, end &- start, readable: text.count &- start, &encoder, body)
                    start = end
                }
            }
        }
    }

    @inline(__always)
    private func findPieces(
        _ bytes: UnsafePointer<UInt8>,
        _ count: Int,
        from start: Int,
        _ scanner: inout PieceScanner,
        _ ends: UnsafeMutableBufferPointer<Int>
    ) -> Int {
        var known = 0
        var start = start
        while known < ends.count, let end = scanner.next(in: bytes, count, isWhole: true) {
            self.index.prefetch(bytes + start, end &- start, readable: count &- start)
            ends[known] = end
            known &+= 1
            start = end
        }
        return known
    }

    /// Most pieces are a token as a whole and need no merging.
    @inline(__always)
    private func encodePiece(
        _ piece: UnsafePointer<UInt8>,
        _ count: Int,
        readable: Int,
        _ encoder: inout PieceEncoder,
        _ body: (UInt32) -> Void
    ) {
        if let rank = self.index.find(piece, count, readable: readable) {
            body(rank)
        } else if !PieceMerger.forEachToken(self.index, piece, count, body) {
            encoder.encode(self.index, piece, count, readable: readable)
            encoder.ranks.forEachRank(body)
            encoder.reset()
        }
    }

    /// How many pieces are found before they are looked up. Meanwhile the memory that will be looked at is on its way.
    private static let batch = 32
}

extension Tokenizer {
    /// The text that ids stand for: not always UTF-8, since a token may be a part of a character.
    package func decode(_ ids: some Sequence<UInt32>) throws(TokenizerError) -> [UInt8] {
        var text: [UInt8] = []
        for id in ids { text += try self.bytes(of: id) }
        return text
    }

    /// The bytes of one token; of a special one, its name.
    package func bytes(of id: UInt32) throws(TokenizerError) -> [UInt8] {
        if let name = self.specials.name(of: id) { return Array(name.utf8) }
        let first = self.vocabulary.firstID
        guard id >= first, Int(id - first) < self.index.count, self.index.length(of: id - first) > 0 else {
            throw .unknownID(id)
        }
        return Array(self.index.bytes(of: id - first))
    }
}
