/// What the operator says that models cost: beats the prices that the gateway brings.
package struct Price: Sendable, Equatable {
    package var name: String
    /// The upstreams at which it holds.
    package var upstreams: [NamePattern]
    /// Names by which the upstreams know the models. Never empty.
    package var models: [NamePattern]
    package var terms: PriceTerms

    package init(name: String, upstreams: [NamePattern] = [.any], models: [NamePattern], terms: PriceTerms) {
        self.name = name
        self.upstreams = upstreams
        self.models = models
        self.terms = terms
    }
}
