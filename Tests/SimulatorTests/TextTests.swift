import Testing

@testable import Simulator

struct TextTests {
    @Test(arguments: [("", 0), ("  ", 0), ("one", 1), ("two words", 2), (" a\tb\n c ", 3), ("déjà vu", 2)])
    func countsRunsOfNonSpace(_ text: String, _ tokens: Int) {
        #expect(Text.tokens(in: text) == tokens)
    }

    @Test(arguments: ["one", "two words", "{\"a\": \"b c\"}", "a  b\n\nc"])
    func hasOnePieceForEachToken(_ text: String) {
        let pieces = Text.pieces(of: text)
        #expect(pieces.count == Text.tokens(in: text))
        #expect(pieces.joined() == text)
    }

    @Test
    func seedsFollowFromTheTextAlone() {
        #expect(Text.seed("hello") == Text.seed("hello"))
        #expect(Text.seed("hello") != Text.seed("hellp"))
        #expect(Text.identifier("x-", 7).count == "x-".count + 16)
    }
}
