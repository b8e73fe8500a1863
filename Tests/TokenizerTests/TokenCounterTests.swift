import Testing

@testable import Tokenizer

struct TokenCounterTests {
    @Test(arguments: Vocabulary.allCases)
    func countsSlicesAsTheWhole(_ vocabulary: Vocabulary) {
        let tokenizer = Tokenizer.of(vocabulary)
        for (at, text) in Texts.random(count: 100, seed: 3).enumerated() {
            var counter = TokenCounter(tokenizer)
            let size = at % 7 + 1
            for start in stride(from: 0, to: text.count, by: size) {
                counter.add(Array(text[start..<min(start + size, text.count)]))
            }
            #expect(counter.finish() == tokenizer.count(text))
        }
    }

    /// What is hardest to put in slices: one piece that does not end, and one whose end is known late.
    @Test(arguments: [("", "a"), ("", " "), ("", "-="), ("\n", " "), ("漢", "A"), ("", "\u{FF}"), ("", "漢")])
    func worksInBoundedSteps(_ start: String, _ repeated: String) {
        let text = Array(start.utf8) + Array(String(repeating: repeated, count: 8000).utf8)
        for vocabulary in [Vocabulary.cl100kBase, .o200kBase] {
            let tokenizer = Tokenizer.of(vocabulary)
            var counter = TokenCounter(tokenizer)
            for start in stride(from: 0, to: text.count, by: 1024) {
                counter.add(Array(text[start..<min(start + 1024, text.count)]))
            }
            var steps = 0
            var count: Int?
            while count == nil, steps < 10_000 {
                count = counter.settle(work: 100)
                steps += 1
            }
            #expect(count == tokenizer.count(text))
        }
    }

    @Test func countsNothingInNothing() {
        var counter = TokenCounter(Tokenizer.of(.o200kBase))
        counter.add([])
        #expect(counter.finish() == 0)
        #expect(counter.settle(work: 1) == 0)
    }
}
