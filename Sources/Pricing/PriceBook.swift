package import GatewayModel

/// What calls cost: the operator's own prices first, then those that the executable brings.
package struct PriceBook: Sendable {
    /// The operator's prices, the newest begin first.
    private let prices: [Price]
    /// Of the configuration that the operator's prices are from.
    package let version: UInt64
    /// The provider whose host each upstream's is, by the upstream's name.
    private let providers: [String: String]

    /// A price with the version that records keep.
    package struct Found: Sendable, Equatable {
        package let terms: PriceTerms
        /// Which price of which book: `config 7/our-gpt`, `built-in 1b0e7fe4bfc0/openai/gpt-4o`.
        package let version: String
    }

    /// The book of a configuration.
    package init(_ snapshot: Snapshot) {
        self.version = snapshot.version
        self.prices = snapshot.prices.sorted { ($0.terms.from ?? .min, $1.name) > ($1.terms.from ?? .min, $0.name) }
        var providers: [String: String] = [:]
        for upstream in snapshot.upstreams {
            providers[upstream.name] = BuiltInPrices.shared.provider(ofHost: upstream.baseURL.host)
        }
        self.providers = providers
    }

    /// The terms for a model of an upstream at a time, in seconds since 1970; nil when there are none: what has no price is
    /// not free.
    package func find(upstream: String, model: String, at seconds: Int64) -> Found? {
        let own = self.prices.first { price in
            price.terms.hold(at: seconds) && price.upstreams.contains { $0.matches(upstream) }
                && price.models.contains { $0.matches(model) }
        }
        if let own { return Found(terms: own.terms, version: "config \(self.version)/\(own.name)") }
        return self.providers[upstream].flatMap { Self.find(provider: $0, model: model, at: seconds) }
    }

    /// The built-in terms of a provider: `openai`, `anthropic`, `google`, …
    package static func find(provider: String, model: String, at seconds: Int64) -> Found? {
        guard let (lister, model) = BuiltInPrices.shared.find(provider: provider, model: model),
            let terms = model.terms(at: seconds)
        else { return nil }
        return Found(terms: terms, version: "built-in \(BuiltInPrices.shared.version)/\(lister)/\(model.id)")
    }

    /// What each record cost, and by which price; nil when there is no price for all that it used. Terms are looked up once
    /// for the records of the same model in the same second.
    package func costs(of records: [UsageRecord]) -> [(cost: Money, version: String)?] {
        struct Question: Hashable {
            let upstream: String
            let model: String
            let seconds: Int64
        }
        var answers: [Question: Found?] = [:]
        return records.map { record in
            let model = record.modelServed.isEmpty ? record.modelAsked : record.modelServed
            let seconds = Int64(record.startedAt / 1_000_000_000)
            let question = Question(upstream: record.upstream, model: model, seconds: seconds)
            let found = answers[question] ?? self.find(upstream: record.upstream, model: model, at: seconds)
            answers[question] = .some(found)
            guard let found, let cost = Cost(of: record.usage, by: found.terms) else { return nil }
            return (cost.total, found.version)
        }
    }
}
