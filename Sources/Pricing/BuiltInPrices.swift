internal import CPriceData
internal import GatewayModel

/// The prices that the executable brings: read once, on first use.
struct BuiltInPrices: Sendable {
    /// A provider with its models, in the order in which they are tried.
    struct Provider: Sendable {
        let id: String
        /// Patterns of the hosts that are this provider's, with `*`.
        let hosts: [NamePattern]
        /// Providers whose prices hold for models that this one does not list.
        let fallback: [String]
        let models: [Model]
        /// The places of models by a name that is theirs exactly.
        let exact: [String: Int]
        /// The places of the models that have other clauses.
        let patterned: [Int]
    }

    struct Model: Sendable {
        let id: String
        let clauses: [Clause]
        /// Of those that hold at a time, the last one counts.
        let terms: [PriceTerms]
    }

    /// The version of the data, part of every record's price version.
    let version: String
    let providers: [Provider]

    static let shared = Self(reading: Array(UnsafeBufferPointer(start: price_data(), count: price_data_count())))

    /// The data is made and tested together with the code: what cannot be read of it is a defect of the build.
    init(reading json: [UInt8]) {
        guard let document = try? DocumentValue(json: json), let providers = document["providers"]?.array else {
            preconditionFailure("the built-in prices cannot be read")
        }
        self.version = document["version"]?.string ?? ""
        self.providers = providers.map(Provider.init)
    }

    /// The provider whose host an upstream's is; nil when it is nobody's that is known.
    func provider(ofHost host: String) -> String? {
        let host = host.lowercased()
        return self.providers.first { $0.hosts.contains { $0.matches(host) } }?.id
    }

    /// The model of a provider that a name means, whoever of the provider's fallbacks lists it.
    func find(provider id: String, model name: String) -> (provider: String, model: Model)? {
        guard let provider = self.providers.first(where: { $0.id == id }) else { return nil }
        let name = name.lowercased()
        if let model = provider.find(name) { return (provider.id, model) }
        for fallback in provider.fallback {
            if let other = self.providers.first(where: { $0.id == fallback }), let model = other.find(name) {
                return (other.id, model)
            }
        }
        return nil
    }
}

extension BuiltInPrices.Provider {
    fileprivate init(_ value: DocumentValue) {
        self.id = value["provider"]?.string ?? ""
        self.hosts = (value["hosts"]?.array ?? []).compactMap(\.string).map { NamePattern($0) }
        self.fallback = (value["fallback"]?.array ?? []).compactMap(\.string)
        self.models = (value["models"]?.array ?? []).map(BuiltInPrices.Model.init)
        var exact: [String: Int] = [:]
        var patterned: [Int] = []
        for (place, model) in self.models.enumerated() {
            for case .equals(let name) in model.clauses where exact[name] == nil { exact[name] = place }
            if model.clauses.contains(where: { !$0.isExact }) { patterned.append(place) }
        }
        self.exact = exact
        self.patterned = patterned
    }

    /// The first model that has a clause which the name, in lower case, meets.
    fileprivate func find(_ name: String) -> BuiltInPrices.Model? {
        let exact = self.exact[name]
        let other = self.patterned.first { place in
            place < exact ?? .max && self.models[place].clauses.contains { $0.matches(name) }
        }
        return (other ?? exact).map { self.models[$0] }
    }
}

extension BuiltInPrices.Model {
    fileprivate init(_ value: DocumentValue) {
        let id = value["model"]?.string ?? ""
        self.id = id
        self.clauses = (value["match"]?.array ?? []).compactMap(\.string).compactMap(Clause.init)
        let log = ProblemLog()
        self.terms = (value["terms"]?.array ?? []).map { terms in
            PriceTerms(reading: FieldReader(terms, at: id, log: log))
        }
        precondition(log.problems.isEmpty, "built-in price: \(log.problems.first?.description ?? "")")
    }

    /// The terms that hold at a time, in seconds since 1970.
    func terms(at seconds: Int64) -> PriceTerms? { self.terms.last { $0.hold(at: seconds) } }
}

/// One way in which a name is a model's. Names are compared in lower case.
enum Clause: Sendable, Equatable {
    case equals(String)
    case starts(String)
    case ends(String)
    case contains(String)
    /// Text, then this many digits, and, when it is whole, nothing more.
    case digits(after: String, count: Int, isWhole: Bool)

    /// As `scripts/make-price-data` writes it.
    init?(_ text: String) {
        let rest = text.dropFirst().lowercased()
        switch text.first {
        case "=": self = .equals(rest)
        case "^": self = .starts(rest)
        case "$": self = .ends(rest)
        case "~": self = .contains(rest)
        case "#":
            let isWhole = rest.hasSuffix("$")
            let body = isWhole ? String(rest.dropLast()) : rest
            let begin = body.prefix { $0 != "#" }
            self = .digits(after: String(begin), count: body.count - begin.count, isWhole: isWhole)
        default: return nil
        }
    }

    var isExact: Bool {
        if case .equals = self { return true }
        return false
    }

    func matches(_ name: String) -> Bool {
        switch self {
        case .equals(let text): return name == text
        case .starts(let text): return name.hasPrefix(text)
        case .ends(let text): return name.hasSuffix(text)
        case .contains(let text): return name.utf8.count >= text.utf8.count && name.contains(text)
        case .digits(let begin, let count, let isWhole):
            guard name.hasPrefix(begin) else { return false }
            let rest = name.utf8.dropFirst(begin.utf8.count)
            return rest.count >= count && rest.prefix(count).allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
                && (!isWhole || rest.count == count)
        }
    }
}
