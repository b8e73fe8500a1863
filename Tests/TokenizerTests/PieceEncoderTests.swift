import Testing

@testable import Tokenizer

struct PieceEncoderTests {
    /// Work is counted in tokens tried, so that the bound holds on any machine.
    @Test(arguments: ["a", " ", "-=", "漢", "A", "0", "ab", "\u{0}", "é", "\r\n", "---="], Vocabulary.allCases)
    func triesFewTokensPerByte(_ repeated: String, _ vocabulary: Vocabulary) {
        let index = Tokenizer.of(vocabulary).index
        let text = Array(String(repeating: repeated, count: 3000).utf8)
        var encoder = PieceEncoder()
        var work = 3 * text.count
        let isDone = text.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map {
                encoder.advance(index, $0, bytes.count, readable: bytes.count, isWhole: true, work: &work)
            }
        }
        #expect(isDone == true)
        #expect(encoder.ranks.ranks.reduce(0) { $0 + index.length(of: $1) } == text.count)
    }

    /// Neither is told where words end, so that merges across any two characters are met.
    @Test(arguments: Vocabulary.allCases)
    func findsWhatMergingFinds(_ vocabulary: Vocabulary) {
        let index = Tokenizer.of(vocabulary).index
        var compared = 0
        for text in Texts.random(count: 2000, seed: 3) where !text.isEmpty {
            var merged: [UInt32] = []
            var encoder = PieceEncoder()
            let isShort = text.withUnsafeBufferPointer { bytes in
                bytes.baseAddress.map {
                    encoder.encode(index, $0, bytes.count, readable: bytes.count)
                    return PieceMerger.forEachToken(index, $0, bytes.count) { merged.append($0) }
                } ?? false
            }
            guard isShort else {
                #expect(merged.isEmpty)
                continue
            }
            compared += 1
            #expect(encoder.ranks.ranks == merged)
        }
        #expect(compared > 500)
    }

    @Test func keepsTokensBeyondAChunk() {
        var stack = RankStack()
        let ranks = (0..<20_000).map { UInt32($0) }
        for rank in ranks { stack.push(rank) }
        #expect(stack.count == ranks.count)
        var popped: [UInt32] = []
        while stack.count > 3000, let last = stack.last, stack.pop() == last { popped.append(last) }
        #expect(popped.reversed() == Array(ranks[3000...]))
        #expect(stack.ranks == Array(ranks.prefix(3000)))
        stack.removeAll()
        #expect(stack.count == 0 && stack.last == nil)
    }
}

extension RankStack {
    fileprivate var ranks: [UInt32] {
        var ranks: [UInt32] = []
        self.forEachRank { ranks.append($0) }
        return ranks
    }
}
