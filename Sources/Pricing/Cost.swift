package import GatewayModel

/// What one record cost, computed in whole numbers and rounded once.
///
/// Kinds of tokens are disjoint, so each token is charged once: at its own kind's rate, or at that of the kind whose rate
/// holds in its place (reasoning as output, cached as input). The sum over kinds of tokens × rate is exact in 10⁻¹⁸ of a
/// currency unit; it is rounded to picounits, half to even.
package struct Cost: Sendable, Equatable {
    package let total: Money

    /// Nil when tokens were used for which the terms have no rate.
    package init?(of usage: TokenUsage, requests: UInt64 = 1, by terms: PriceTerms, service: PriceTerms.Service? = nil)
    {
        let rates = Self.rates(terms, input: Self.input(usage), service)
        var sum: Int128 = 0
        for (kind, tokens) in Self.amounts(usage) where tokens > 0 {
            guard let rate = rates.rate(of: kind), let part = Self.product(tokens, rate) else { return nil }
            let (added, overflow) = sum.addingReportingOverflow(part)
            if overflow { return nil }
            sum = added
        }
        if let rate = rates[.request] {
            // A thousand requests, where the others are for a million tokens.
            guard let part = Self.product(requests, rate * 1000) else { return nil }
            sum += part
        }
        self.total = Money(picounits: Self.rounded(sum, by: 1_000_000), currency: terms.currency)
    }

    /// The rates that hold for a call: the standard ones, those of its length, those of its tier of service.
    private static func rates(
        _ terms: PriceTerms,
        input: UInt64,
        _ service: PriceTerms.Service?
    ) -> PriceTerms.Rates {
        var rates = terms.rates
        if let tier = terms.tiers.last(where: { input > $0.above }) { rates = rates.replaced(by: tier.rates) }
        if let service, let others = terms.services[service] { rates = rates.replaced(by: others) }
        return rates
    }

    /// All tokens that the model was given.
    private static func input(_ usage: TokenUsage) -> UInt64 {
        usage.input &+ usage.cachedInput &+ usage.cacheWrite &+ Self.rest(usage.audio, usage.audioOutput)
            &+ Self.rest(usage.image, usage.imageOutput)
    }

    /// What is left of a kind without a part of it.
    private static func rest(_ all: UInt64, _ part: UInt64) -> UInt64 { all > part ? all - part : 0 }

    private static func amounts(_ usage: TokenUsage) -> [(PriceTerms.Rates.Kind, UInt64)] {
        [
            (.input, usage.input), (.cachedInput, usage.cachedInput),
            (.cacheWrite, Self.rest(usage.cacheWrite, usage.cacheWrite1h)),
            (.cacheWrite1h, min(usage.cacheWrite, usage.cacheWrite1h)),
            (.output, usage.output), (.reasoning, usage.reasoning),
            (.audioInput, Self.rest(usage.audio, usage.audioOutput)),
            (.audioOutput, min(usage.audio, usage.audioOutput)),
            (.imageInput, Self.rest(usage.image, usage.imageOutput)),
            (.imageOutput, min(usage.image, usage.imageOutput)),
        ]
    }

    private static func product(_ count: UInt64, _ rate: Int128) -> Int128? {
        let (product, overflow) = Int128(count).multipliedReportingOverflow(by: rate)
        return overflow ? nil : product
    }

    /// `value / divisor` for values that are not negative, half to even.
    static func rounded(_ value: Int128, by divisor: Int128) -> Int128 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        let isUp = rest * 2 > divisor || rest * 2 == divisor && quotient % 2 == 1
        return isUp ? quotient + 1 : quotient
    }
}
