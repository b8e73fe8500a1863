import Testing

@testable import Tokenizer

struct SpecialTokenTests {
    private let text = Array("a<|endoftext|>b".utf8)

    @Test func areTextUnlessAskedFor() throws {
        let ids = try Tokenizer.of(.cl100kBase).encode(self.text)
        #expect(ids == [64, 27, 91, 8862, 728, 428, 91, 29, 65])
    }

    @Test func areRefusedByName() {
        #expect(throws: TokenizerError.specialToken(name: "<|endoftext|>")) {
            try Tokenizer.of(.o200kBase).encode(self.text, special: .refused)
        }
    }

    @Test func becomeTheirIDsWhenAllowed() throws {
        let tokenizer = Tokenizer.of(.cl100kBase)
        let ids = try tokenizer.encode(self.text, special: .allowed)
        #expect(ids == [64, 100_257, 65])
        #expect(try tokenizer.decode(ids) == self.text)
        #expect(try Tokenizer.of(.tekken).encode(Array("[INST]".utf8), special: .allowed) == [3])
        #expect(try Tokenizer.of(.deepSeek).encode(Array("<｜User｜>".utf8), special: .allowed) == [128_803])
    }

    @Test func partsOfNamesAreText() throws {
        let tokenizer = Tokenizer.of(.qwen)
        for text in ["<|<|im_", "<|im_start|", "im_start|>", "<", "<|extra_205|>"] {
            let bytes = Array(text.utf8)
            #expect(try tokenizer.encode(bytes, special: .refused) == tokenizer.encode(bytes))
        }
    }
}
