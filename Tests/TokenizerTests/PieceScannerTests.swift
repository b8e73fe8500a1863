import Testing

@testable import Tokenizer

/// The pieces that the regular expressions cut, as the engine of Python's package `regex` finds them.
struct PieceScannerTests {
    @Test(arguments: [
        (Vocabulary.cl100kBase, ["x", "'\u{17F}", "y", "'LL", "a", "'lx", " '", "s"]),
        (.cl100kBase, ["a", "\n\n", " ", " b", "\t\n", "  ", " c", "12", "\t", "1", "  \n "]),
        (.cl100kBase, ["!!\r\n\n", "?\u{301}", "a", " \u{301}", "a", "123", "4"]),
        (.o200kBase, ["x'\u{17F}", "y'LL", "ABcd", "CD漢", "A", "'rx", "!!\n/", "\u{301}a", " \n", "  "]),
        (.p50kBase, ["x", "'s", "y", "'", "LL", "'", "lx", " '", "S", "\n", "\n", "a", " 1234", "  "]),
        (.qwen, ["1", "2", "a", "\n", "  "]),
        (.tekken, ["x", "'s", "1", "2", "?/\n"]),
        (
            .deepSeek,
            [
                "!abc", "é", "漢字", "123", "4", "  ", "漢", "\u{0}", "\u{0}a", "\u{0}\u{0}", " ", "12", "?!", "abc", "フ",
                "゜・", "カ\u{3099}", "\u{3040}", "\u{3040}か",
            ]
        ),
    ])
    func cutsAsThePatternDoes(_ vocabulary: Vocabulary, _ pieces: [String]) {
        let tokenizer = Tokenizer.of(vocabulary)
        var scanner = PieceScanner(tokenizer.grammar, tokenizer.classes)
        let text = Array(pieces.joined().utf8)
        let ends = text.withUnsafeBufferPointer { bytes -> [Int] in
            var ends: [Int] = []
            while let start = bytes.baseAddress, let end = scanner.next(in: start, bytes.count, isWhole: true) {
                ends.append(end)
            }
            return ends
        }
        let found = zip([0] + ends, ends).map { String(decoding: text[$0..<$1], as: UTF8.self) }
        #expect(found.map { Array($0.unicodeScalars) } == pieces.map { Array($0.unicodeScalars) })
    }
}
