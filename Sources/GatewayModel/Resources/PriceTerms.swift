/// What a model costs at some time: rates, and other rates for long inputs and other tiers of service.
package struct PriceTerms: Sendable, Equatable {
    /// ISO 4217.
    package var currency: String
    /// Seconds since 1970; nil has no begin or end.
    package var from: Int64?
    package var to: Int64?
    /// Minutes of the day in UTC within which the terms hold; over midnight when the end is before the begin. Nil: all day.
    package var hours: (from: Int, to: Int)?
    package var rates: Rates
    /// By ascending length. The last one that the input is longer than replaces the rates that it names, for all tokens of
    /// the call: so Anthropic and Google charge long prompts.
    package var tiers: [Tier]
    /// What replaces rates for calls of that tier of service.
    package var services: [Service: Rates]

    package init(currency: String, rates: Rates) {
        self.currency = currency
        self.rates = rates
        self.tiers = []
        self.services = [:]
    }

    package struct Tier: Sendable, Equatable {
        /// Tokens of input of all kinds that the call must exceed.
        package var above: UInt64
        package var rates: Rates

        package init(above: UInt64, rates: Rates) {
            self.above = above
            self.rates = rates
        }
    }

    /// A tier of service that is charged otherwise than the standard one.
    package enum Service: String, Sendable, CaseIterable {
        case batch, priority
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.currency == right.currency && left.from == right.from && left.to == right.to
            && left.hours?.from == right.hours?.from && left.hours?.to == right.hours?.to && left.rates == right.rates
            && left.tiers == right.tiers && left.services == right.services
    }

    /// Whether the terms hold at a time, in seconds since 1970.
    package func hold(at seconds: Int64) -> Bool {
        if let from = self.from, seconds < from { return false }
        if let to = self.to, seconds >= to { return false }
        guard let hours = self.hours else { return true }
        let minute = Int(seconds % 86_400 / 60)
        return hours.from <= hours.to
            ? (hours.from..<hours.to).contains(minute) : minute >= hours.from || minute < hours.to
    }

    /// Picounits of the currency for a million tokens; for `request`, for a thousand requests.
    package struct Rates: Sendable, Equatable {
        package enum Kind: String, Sendable, CaseIterable {
            case input, cachedInput, cacheWrite, cacheWrite1h, output, reasoning, audioInput, audioOutput, imageInput,
                imageOutput
            case request

            /// The kind whose rate holds where this one has none.
            package var fallback: Kind? {
                switch self {
                case .cacheWrite1h: .cacheWrite
                case .cachedInput, .cacheWrite, .audioInput, .imageInput: .input
                case .reasoning, .audioOutput, .imageOutput: .output
                case .input, .output, .request: nil
                }
            }
        }

        private var values: [Kind: Int128]

        package init(_ values: [Kind: Int128] = [:]) { self.values = values }

        package subscript(kind: Kind) -> Int128? {
            get { self.values[kind] }
            set { self.values[kind] = newValue }
        }

        package var isEmpty: Bool { self.values.isEmpty }

        /// These, replaced by what `others` names.
        package func replaced(by others: Rates) -> Rates {
            Rates(self.values.merging(others.values) { $1 })
        }

        /// The rate of a kind, or of the one whose rate holds in its place.
        package func rate(of kind: Kind) -> Int128? { self.values[kind] ?? kind.fallback.flatMap(self.rate) }
    }
}
