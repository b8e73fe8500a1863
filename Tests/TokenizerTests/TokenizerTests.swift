import Testing

@testable import Tokenizer

struct TokenizerTests {
    @Test(arguments: Golden.all)
    func givesTheIDsOfTheReference(_ golden: Golden) throws {
        let tokenizer = Tokenizer.of(golden.vocabulary)
        let text = Array(golden.text.utf8)
        #expect(try tokenizer.encode(text) == golden.ids)
        #expect(tokenizer.count(text) == golden.ids.count)
    }

    @Test(arguments: Vocabulary.allCases)
    func decodesToWhatItEncoded(_ vocabulary: Vocabulary) throws {
        let tokenizer = Tokenizer.of(vocabulary)
        for text in Texts.random(count: 120, seed: 1) {
            let ids = try tokenizer.encode(text)
            #expect(try tokenizer.decode(ids) == text)
            #expect(tokenizer.count(text) == ids.count)
        }
    }

    /// The encoder works from the left; this is the definition: the pair of the lowest rank first.
    @Test(arguments: Vocabulary.allCases)
    func encodesPiecesAsMergingByRankDoes(_ vocabulary: Vocabulary) throws {
        let tokenizer = Tokenizer.of(vocabulary)
        for text in Texts.random(count: 120, seed: 2) {
            var scanner = PieceScanner(tokenizer.grammar, tokenizer.classes)
            var expected: [UInt32] = []
            var start = 0
            text.withUnsafeBufferPointer { bytes in
                guard let first = bytes.baseAddress else { return }
                while let end = scanner.next(in: first, bytes.count, isWhole: true) {
                    expected += self.mergedByRank(Array(text[start..<end]), tokenizer.index)
                    start = end
                }
            }
            #expect(start == text.count)
            #expect(try tokenizer.encode(text) == expected.map { $0 + vocabulary.firstID })
        }
    }

    private func mergedByRank(_ piece: [UInt8], _ index: TokenIndex) -> [UInt32] {
        func rank(_ bytes: [UInt8]) -> UInt32? {
            bytes.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.flatMap { index.find($0, buffer.count, readable: buffer.count) }
            }
        }
        var parts = piece.map { [$0] }
        while true {
            let pairs = zip(parts, parts.dropFirst()).map { rank($0 + $1) ?? .max }
            guard let lowest = pairs.min(), lowest != .max, let at = pairs.firstIndex(of: lowest) else { break }
            parts.replaceSubrange(at...(at + 1), with: [parts[at] + parts[at + 1]])
        }
        return parts.compactMap(rank)
    }

    @Test(arguments: Vocabulary.allCases)
    func holdsEveryTokenUnderItsBytes(_ vocabulary: Vocabulary) {
        let index = Tokenizer.of(vocabulary).index
        for rank in 0..<UInt32(index.count) where index.length(of: rank) > 0 {
            let bytes = Array(index.bytes(of: rank))
            let found = bytes.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.flatMap { index.find($0, buffer.count, readable: buffer.count) }
            }
            if found != rank { Issue.record("token \(rank) is found as \(String(describing: found))") }
        }
    }

    @Test func refusesIDsThatNoTokenHas() {
        #expect(throws: TokenizerError.unknownID(100_256)) { try Tokenizer.of(.cl100kBase).decode([100_256]) }
        #expect(throws: TokenizerError.unknownID(999)) { try Tokenizer.of(.tekken).decode([999]) }
        #expect(throws: TokenizerError.unknownID(.max)) { try Tokenizer.of(.qwen).bytes(of: .max) }
        #expect(throws: TokenizerError.unknownID(50_281)) { try Tokenizer.of(.p50kBase).decode([50_281]) }
    }

    @Test func knowsWhichVocabularyAModelCountsWith() {
        let cases: [(String, Vocabulary?, Bool)] = [
            ("gpt-4o-mini", .o200kBase, true), ("openai/gpt-4.1", .o200kBase, true), ("GPT-4", .cl100kBase, true),
            ("gpt-4-turbo", .cl100kBase, true), ("o3-mini", .o200kBase, true), ("o30", nil, false),
            ("claude-2.1", .claude, true), ("claude-sonnet-4-5", .claude, false), ("qwen2.5-7b", .qwen, true),
            ("qwen3-max", .qwen, false), ("deepseek-chat", .deepSeek, false), ("mistral-large-latest", .tekken, false),
            ("open-mistral-nemo", .tekken, true), ("llama-3", nil, false), ("", nil, false),
        ]
        for (name, vocabulary, isExact) in cases {
            let found = Vocabulary.forModel(name)
            #expect(found?.vocabulary == vocabulary, "\(name)")
            #expect(found?.isExact ?? false == isExact, "\(name)")
        }
    }
}
