import GatewayModel
import JSONScan
import Testing

@testable import Dialects

struct UsageTests {
    static func openAI(_ text: String) -> TokenUsage { TokenUsage(openAI: Array(text.utf8)) }
    static func anthropic(_ text: String) -> TokenUsage { TokenUsage(anthropic: Array(text.utf8)) }

    /// Kinds in the order of `TokenUsage.Kind`: input, cached, cache write, output, reasoning, audio, image.
    static func kinds(_ usage: TokenUsage) -> [UInt64] { TokenUsage.Kind.allCases.map { usage[$0] } }

    @Test(
        arguments: [
            (#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#, [10, 0, 0, 5, 0, 0, 0]),
            (#"{"input_tokens":10,"output_tokens":5}"#, [10, 0, 0, 5, 0, 0, 0]),
            (
                #"{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":7},"#
                    + #""completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":3,"accepted_prediction_tokens":4}}"#,
                [33, 60, 0, 27, 20, 10, 0]
            ),
            (
                #"{"input_tokens":50,"output_tokens":9,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"#
                    + #""output_tokens_details":{"reasoning_tokens":0,"image_tokens":8}}"#,
                [10, 0, 0, 1, 0, 0, 48]
            ),
            (
                #"{"input_tokens":4000,"output_tokens":9,"input_tokens_details":{"cached_tokens":700,"cache_write_tokens":3207},"#
                    + #""output_tokens_details":{"reasoning_tokens":4}}"#,
                [93, 700, 3207, 5, 4, 0, 0]
            ),
            (#"{"prompt_tokens":8,"total_tokens":8}"#, [8, 0, 0, 0, 0, 0, 0]),
            (#"{"prompt_tokens":8,"completion_tokens":0,"prompt_tokens_details":null}"#, [8, 0, 0, 0, 0, 0, 0]),
            ("{}", [0, 0, 0, 0, 0, 0, 0]),
        ] as [(String, [UInt64])]
    )
    func countsEachTokenOfOpenAIOnce(_ text: String, _ kinds: [UInt64]) {
        let usage = Self.openAI(text)
        #expect(Self.kinds(usage) == kinds && usage.total == kinds.reduce(0, +) && usage.source == .provider)
    }

    /// Whatever the details claim, the kinds together are the provider's total.
    @Test(arguments: 0..<4) func kindsSumToTheTotalWhateverTheDetailsSay(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        for _ in 0..<200 {
            let count = { (numbers: inout SeededNumbers) in
                [0, 1, 7, 100, 999_999_999_999].randomElement(using: &numbers)! as UInt64
            }
            let (input, output) = (count(&numbers), count(&numbers))
            let usage = Self.openAI(
                #"{"prompt_tokens":\#(input),"completion_tokens":\#(output),"#
                    + #""prompt_tokens_details":{"cached_tokens":\#(count(&numbers)),"audio_tokens":\#(count(&numbers)),"#
                    + #""image_tokens":\#(count(&numbers)),"cache_write_tokens":\#(count(&numbers))},"#
                    + #""completion_tokens_details":{"#
                    + #""reasoning_tokens":\#(count(&numbers)),"audio_tokens":\#(count(&numbers)),"#
                    + #""image_tokens":\#(count(&numbers))}}"#
            )
            #expect(usage.total == input + output)
        }
    }

    /// An upstream that sends nonsense must not bring the gateway down.
    @Test(arguments: ["18446744073709551615", "18446744073709551614", "9999999999999999999"])
    func survivesAbsurdCounts(_ count: String) {
        let details = #"{"audio_tokens":\#(count),"cached_tokens":\#(count),"image_tokens":\#(count)}"#
        let usage = Self.openAI(
            #"{"prompt_tokens":\#(count),"completion_tokens":\#(count),"prompt_tokens_details":\#(details),"#
                + #""completion_tokens_details":\#(details)}"#
        )
        #expect(usage.total == 0)
        let fields = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
        let claimed = fields.map { #""\#($0)":\#(count)"# }.joined(separator: ",")
        #expect(Self.anthropic("{\(claimed)}").total == 0)
    }

    @Test func anthropicsKindsAreDisjointAlready() {
        let usage = Self.anthropic(
            #"{"input_tokens":15,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,"output_tokens":5,"#
                + #""cache_creation":{"ephemeral_5m_input_tokens":20}}"#
        )
        #expect(Self.kinds(usage) == [15, 30, 20, 5, 0, 0, 0] && usage.total == 70 && usage.source == .provider)
        #expect(usage.cacheWrite1h == 0)
    }

    /// As a part of the writes, never more than they are, and in both readers.
    @Test(arguments: [(0, 20, 0), (8, 20, 8), (20, 20, 20), (21, 20, 20)] as [(UInt64, UInt64, UInt64)])
    func tellsWhatIsCachedForAnHour(_ long: UInt64, _ writes: UInt64, _ counted: UInt64) throws {
        let text =
            #"{"input_tokens":1,"cache_creation_input_tokens":\#(writes),"cache_creation":{"ephemeral_5m_input_tokens":3,"#
            + #""ephemeral_1h_input_tokens":\#(long)}}"#
        #expect(Self.anthropic(text).cacheWrite1h == counted && Self.anthropic(text).total == 1 + writes)
        var usage = AnswerUsage()
        usage.add(anthropic: try JSON(parsing: Array(text.utf8)))
        #expect(usage.tokens(.provider).cacheWrite1h == counted)
        let bedrock = AnswerUsage(
            converse: try JSON(
                parsing: Array(
                    #"{"cacheWriteInputTokens":\#(writes),"cacheDetails":[{"ttl":"5m","inputTokens":1},{"ttl":"1h","inputTokens":\#(long)}]}"#
                        .utf8
                )
            )
        )
        #expect(bedrock.cacheWrite == writes && bedrock.cacheWrite1h == counted)
    }

    @Test func anthropicsLaterCountsReplaceEarlierOnes() {
        var usage = Self.anthropic(#"{"input_tokens":15,"output_tokens":1,"cache_read_input_tokens":3}"#)
        usage.add(anthropic: Array(#"{"output_tokens":40,"input_tokens":null}"#.utf8))
        #expect(Self.kinds(usage) == [15, 3, 0, 40, 0, 0, 0])
    }

    @Test func theFormatSaysWhoseUsageItIs() {
        let bytes = Array(#"{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":4}"#.utf8)
        #expect(WireFormat.anthropicMessages.usage(bytes).total == 19)
        #expect(WireFormat.openAIResponses.usage(bytes).total == 15)
        #expect(WireFormat.openAIPlain.usage(bytes).total == 15)
    }
}
