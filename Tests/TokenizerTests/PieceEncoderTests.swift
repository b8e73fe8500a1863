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
        #expect(encoder.ranks.reduce(0) { $0 + index.length(of: $1) } == text.count)
    }
}
