import Dialects
import Testing
import Tokenizer

@testable import TokenService

struct PromptRulesTests {
    /// A token per word, so that sums can be checked by hand.
    static func words(_ text: String) -> Int { text.split { $0 == " " || $0 == ":" }.count }

    static func prompt(_ body: String, _ format: WireFormat = .openAIChat) throws -> PromptParts {
        try PromptParts(reading: Array(body.utf8), as: format)
    }

    @Test func everyMessageHasItsFrameAndTheAnswerItsBeginning() throws {
        let prompt = try Self.prompt(
            #"{"model":"gpt-4o","messages":[{"role":"system","content":"be brief"},{"role":"user","name":"ann","content":"hello"}]}"#
        )
        // 3 for the answer; 3 + role + 2 words; 3 + role + 1 word + name and its 1.
        let (tokens, isExact) = PromptRules.openAI("gpt-4o").count(prompt, Self.words)
        #expect(tokens == 3 + 6 + 7 && isExact)
    }

    @Test func toolsAreEstimatedByTheCookbooksNumbers() throws {
        let prompt = try Self.prompt(
            #"""
            {"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],"tools":[{"type":"function","function":{
             "name":"weather","description":"current weather.","parameters":{"type":"object","properties":{
             "unit":{"type":"string","description":"the unit","enum":["c","f"]}}}}}]}
            """#
        )
        let (tokens, isExact) = PromptRules.openAI("gpt-4o").count(prompt, Self.words)
        // The end 12, a function 7, its line 3, properties 3, one 3, its line 4, two values 3 - 3 + 3 + 2.
        #expect(tokens == 3 + 5 + 12 + 7 + 3 + 3 + 3 + 4 + 5 && !isExact)
    }

    @Test(
        arguments: [
            ("gpt-4o", 1024, 1024, nil, 765), ("gpt-4o", 4096, 8192, nil, 1105), ("gpt-4o", 4096, 8192, "low", 85),
            ("gpt-4.1-mini", 1024, 1024, nil, 1658), ("claude", 1000, 1000, nil, 1334), ("claude", 200, 200, nil, 54),
            ("gemini", 384, 384, nil, 258), ("gemini", 960, 540, nil, 516),
        ] as [(String, Int, Int, String?, Int)]
    )
    func picturesCostWhatTheProvidersPagesSay(
        _ model: String,
        _ width: Int,
        _ height: Int,
        _ detail: String?,
        _ tokens: Int
    ) throws {
        var prompt = try Self.prompt(#"{"model":"m","messages":[{"role":"user","content":""}]}"#)
        let family = try #require(ModelFamily(model: model))
        let without = family.rules.count(prompt, Self.words).tokens
        prompt.images = [.init(width: width, height: height, detail: detail)]
        #expect(family.rules.count(prompt, Self.words).tokens - without == tokens)
    }

    @Test(arguments: [
        ("gpt-4o-mini", Vocabulary.o200kBase, true), ("openai/gpt-4-turbo", .cl100kBase, true),
        ("anthropic.claude-sonnet-4-5-v1:0", .claude, false), ("gemini-2.5-pro", .o200kBase, false),
    ])
    func theNameSaysTheVocabulary(_ model: String, _ vocabulary: Vocabulary, _ isExact: Bool) throws {
        let family = try #require(ModelFamily(model: model))
        #expect(family.vocabulary == vocabulary && family.hasVocabulary == isExact)
    }

    @Test func aNameThatSaysNothingHasNoFamily() { #expect(ModelFamily(model: "our-own") == nil) }
}
