@testable import Tokenizer

/// The first byte chooses the vocabulary.
enum TokensCheck {
    static func run(_ input: [UInt8]) {
        let vocabularies = Vocabulary.allCases
        let tokenizer = Tokenizer.of(vocabularies[Int(input.first ?? 0) % vocabularies.count])
        let input = SplitInput(Array(input.dropFirst()))
        let text = input.bytes
        for treatment in [SpecialTokenTreatment.asText, .allowed] {
            guard let ids = try? tokenizer.encode(text, special: treatment) else {
                return expect(false, "a text is refused")
            }
            expect((try? tokenizer.decode(ids)) == text, "\(treatment): decodes to another text")
            if case .asText = treatment { self.checkCounts(tokenizer, input, ids.count) }
        }
        self.checkWays(tokenizer.index, text)
    }

    private static func checkCounts(_ tokenizer: Tokenizer, _ input: SplitInput, _ count: Int) {
        expect(tokenizer.count(input.bytes) == count, "counts \(tokenizer.count(input.bytes)), not \(count)")
        var counter = TokenCounter(tokenizer)
        for piece in input.pieces { counter.add(piece) }
        var steps = 0
        while true {
            if let found = counter.settle(work: 64) {
                return expect(found == count, "\(found) in slices, not \(count)")
            }
            steps += 1
            expect(steps < 100 + 10 * input.bytes.count, "counting in slices does not end")
        }
    }

    /// Merging and taking from the left come to the same.
    private static func checkWays(_ index: TokenIndex, _ text: [UInt8]) {
        var merged: [UInt32] = []
        var taken: [UInt32] = []
        let isShort = text.withUnsafeBufferPointer { bytes -> Bool in
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return false }
            var encoder = PieceEncoder()
            encoder.encode(index, start, bytes.count, readable: bytes.count)
            encoder.ranks.forEachRank { taken.append($0) }
            return PieceMerger.forEachToken(index, start, bytes.count) { merged.append($0) }
        }
        if isShort { expect(merged == taken, "merged \(merged), taken from the left \(taken)") }
    }
}
