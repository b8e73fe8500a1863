import GatewayModel
import Testing

@testable import Pricing

struct CostTests {
    static func usage(_ counts: [TokenUsage.Kind: UInt64], audioOutput: UInt64 = 0) -> TokenUsage {
        var usage = TokenUsage()
        for (kind, count) in counts { usage[kind] = count }
        usage.audioOutput = audioOutput
        usage.source = .provider
        return usage
    }

    /// What a million or so tokens cost by the prices that the providers publish, worked out by hand.
    @Test(
        arguments: [
            // $2.50 in, $1.25 cached, $10 out.
            ("openai", "gpt-4o", [.input: 1_000_000, .cachedInput: 1_000_000, .output: 1_000_000], "13.75"),
            // Reasoning is charged as output, and not beside it: $0.55 cached, $4.40 out for o3-mini.
            ("openai", "o3-mini", [.input: 1000, .reasoning: 500, .output: 500], "0.0055"),
            // $3 in, $3.75 to write the cache, $0.30 to read it, $15 out.
            (
                "anthropic", "claude-3-5-sonnet-20241022",
                [.input: 1000, .cacheWrite: 1000, .cachedInput: 1000, .output: 1000],
                "0.02205"
            ),
        ] as [(String, String, [TokenUsage.Kind: UInt64], String)]
    )
    func chargesEachTokenOnce(_ provider: String, _ model: String, _ counts: [TokenUsage.Kind: UInt64], _ cost: String)
        throws
    {
        let found = try #require(PriceBook.find(provider: provider, model: model, at: 1_790_000_000))
        #expect(Cost(of: Self.usage(counts), by: found.terms)?.total.decimal == cost)
    }

    static func terms(_ rates: [PriceTerms.Rates.Kind: Int128]) -> PriceTerms {
        PriceTerms(currency: "USD", rates: .init(rates))
    }

    @Test func audioThatTheModelMadeHasItsOwnRate() {
        let terms = Self.terms([
            .input: 1_000_000, .output: 2_000_000, .audioInput: 10_000_000, .audioOutput: 20_000_000,
        ])
        let cost = Cost(of: Self.usage([.input: 1, .audio: 5], audioOutput: 2), by: terms)
        #expect(cost?.total.picounits == 71)
    }

    /// Claude Sonnet 4.5: $3 in, $3.75 for what is cached for five minutes, $6 for what is for an hour.
    @Test(arguments: ["anthropic", "aws", "google"])
    func whatIsCachedForAnHourCostsTwiceTheInput(_ provider: String) throws {
        let model =
            provider == "aws" ? "global.anthropic.claude-sonnet-4-5-20250929-v1:0" : "claude-3-7-sonnet-20250219"
        let found = try #require(PriceBook.find(provider: provider, model: model, at: 1_790_000_000))
        var usage = Self.usage([.cacheWrite: 1_000_000])
        #expect(Cost(of: usage, by: found.terms)?.total.decimal == "3.75")
        usage.cacheWrite1h = 400_000
        #expect(Cost(of: usage, by: found.terms)?.total.decimal == "4.65")
        let parent = Self.terms([.input: 1_000_000, .cacheWrite: 2_000_000])
        #expect(
            Cost(of: usage, by: parent)?.total.decimal
                == Cost(of: Self.usage([.cacheWrite: 1_000_000]), by: parent)?.total.decimal
        )
    }

    @Test func aRateThatIsMissingIsThatOfItsParentOrNone() {
        let terms = Self.terms([.input: 1_000_000])
        let cached = Cost(of: Self.usage([.cachedInput: 3, .cacheWrite: 4, .image: 5]), by: terms)
        #expect(cached?.total.picounits == 12)
        #expect(Cost(of: Self.usage([.output: 1]), by: terms) == nil, "what has no rate is not free")
    }

    @Test func aLongInputIsChargedByItsTierAsAWhole() {
        var terms = Self.terms([.input: 1_000_000, .output: 2_000_000])
        terms.tiers = [.init(above: 100, rates: .init([.input: 3_000_000]))]
        #expect(Cost(of: Self.usage([.input: 60, .cachedInput: 40, .output: 1]), by: terms)?.total.picounits == 102)
        // All kinds of input count, and the rates that the tier does not name stay.
        #expect(Cost(of: Self.usage([.input: 60, .cachedInput: 41, .output: 1]), by: terms)?.total.picounits == 305)
    }

    @Test func servicesReplaceTheRatesThatTheyName() {
        var terms = Self.terms([.input: 4_000_000, .output: 8_000_000])
        terms.services[.batch] = .init([.input: 2_000_000])
        let usage = Self.usage([.input: 1, .output: 1])
        #expect(Cost(of: usage, by: terms, service: .batch)?.total.picounits == 10)
        #expect(Cost(of: usage, by: terms, service: .priority)?.total.picounits == 12)
    }

    @Test func requestsAreChargedByTheThousand() {
        let cost = Cost(
            of: Self.usage([.input: 1]),
            by: Self.terms([.input: 0, .request: 12 * Money.picounitsPerUnit])
        )
        #expect(cost?.total.decimal == "0.012")
    }

    @Test(
        arguments: [(0, 0), (499_999, 0), (500_000, 0), (500_001, 1), (1_500_000, 2), (2_500_000, 2)]
            as [(Int128, Int128)]
    )
    func roundsHalfToEven(_ value: Int128, _ rounded: Int128) {
        #expect(Cost.rounded(value, by: 1_000_000) == rounded)
    }

    @Test func whatOverflowsHasNoPrice() {
        let terms = Self.terms([.input: Int128.max / 4])
        #expect(Cost(of: Self.usage([.input: .max]), by: terms) == nil)
    }

    /// Random books and records against fractions of whole numbers, worked out in another way: digit by digit.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func equalsRationalArithmetic(_ seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        var rates: [PriceTerms.Rates.Kind: (text: String, places: Int, digits: Int128)] = [:]
        for kind in PriceTerms.Rates.Kind.allCases where kind != .request {
            let places = Int.random(in: 0...12, using: &random)
            let digits = Int128.random(in: 0...999_999_999, using: &random)
            let padded = String(repeating: "0", count: max(0, places + 1 - String(digits).count)) + String(digits)
            let text = places == 0 ? padded : "\(padded.dropLast(places)).\(padded.suffix(places))"
            rates[kind] = (text, places, digits)
        }
        let picounits = try rates.mapValues { try #require(Money.picounits($0.text)) }
        // Over the common denominator 10¹⁸ (twelve places, a million tokens): the numerators add up.
        var numerator: Int128 = 0
        var counts: [PriceTerms.Rates.Kind: UInt64] = [:]
        for kind in PriceTerms.Rates.Kind.allCases where kind != .request {
            let rate = try #require(rates[kind])
            let count = UInt64.random(
                in: 0...([0, 9, 9999, 2_000_000].randomElement(using: &random) ?? 0),
                using: &random
            )
            counts[kind] = count
            var scaled = rate.digits
            for _ in rate.places..<12 { scaled *= 10 }
            numerator += Int128(count) * scaled
        }
        let usage = Self.usage(charged: counts)
        #expect(usage.total == counts.values.reduce(0, +), "each token is counted once")
        let cost = try #require(Cost(of: usage, by: Self.terms(picounits)))
        let off = cost.total.picounits * 1_000_000 - numerator
        #expect(abs(off) <= 500_000, "more than half a picounit away")
        #expect(abs(off) < 500_000 || cost.total.picounits % 2 == 0, "a tie goes to the even one")
    }

    /// The usage of which so many tokens are to be charged by each rate.
    private static func usage(charged counts: [PriceTerms.Rates.Kind: UInt64]) -> TokenUsage {
        let count = { (kind: PriceTerms.Rates.Kind) in counts[kind] ?? 0 }
        var usage = TokenUsage()
        (usage.input, usage.cachedInput) = (count(.input), count(.cachedInput))
        (usage.cacheWrite, usage.cacheWrite1h) = (count(.cacheWrite) + count(.cacheWrite1h), count(.cacheWrite1h))
        (usage.output, usage.reasoning) = (count(.output), count(.reasoning))
        (usage.audio, usage.audioOutput) = (count(.audioInput) + count(.audioOutput), count(.audioOutput))
        (usage.image, usage.imageOutput) = (count(.imageInput) + count(.imageOutput), count(.imageOutput))
        return usage
    }
}

/// splitmix64 (public domain, prng.di.unimi.it): the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
