import GatewayModel
import Testing

@testable import Pricing

struct PriceBookTests {
    static func upstream(_ name: String, _ url: String) throws -> Upstream {
        let log = ProblemLog()
        let value: DocumentValue = ["name": .string(name), "dialect": "openai", "baseURL": .string(url)]
        let draft = UpstreamDraft(reading: FieldReader(value, at: "", log: log))
        try log.throwIfAny()
        return draft.resolved(keeping: nil, at: "", log: log)
    }

    static func price(_ document: DocumentValue) throws -> Price {
        let log = ProblemLog()
        let price = Price(reading: FieldReader(document, at: "", log: log))
        try log.throwIfAny()
        return price
    }

    static func book(_ prices: [DocumentValue] = []) throws -> PriceBook {
        var snapshot = Snapshot(version: 7, keyPepper: Secret([]))
        snapshot.upstreams = [
            try Self.upstream("main", "https://api.openai.com/v1"), try Self.upstream("local", "http://127.0.0.1:9/v1"),
            try Self.upstream("azure", "https://acme.openai.azure.com/openai"),
        ]
        snapshot.prices = try prices.map(Self.price)
        return PriceBook(snapshot)
    }

    @Test func theProviderIsKnownByTheUpstreamsHost() throws {
        let book = try Self.book()
        let found = try #require(book.find(upstream: "main", model: "gpt-4o", at: 1_790_000_000))
        #expect(found.version.hasSuffix("/openai/gpt-4o") && found.version.hasPrefix("built-in "))
        #expect(book.find(upstream: "local", model: "gpt-4o", at: 1_790_000_000) == nil, "a name alone has no price")
        #expect(book.find(upstream: "main", model: "no-such-model", at: 1_790_000_000) == nil)
        // Azure serves OpenAI's models, at OpenAI's prices where it lists none of its own.
        #expect(book.find(upstream: "azure", model: "gpt-4o", at: 1_790_000_000) != nil)
    }

    @Test func theOperatorsPricesComeFirstAndTheNewestOfThem() throws {
        let rates = { (text: String) -> DocumentValue in ["input": .string(text)] }
        let book = try Self.book([
            ["name": "old", "models": ["gpt-*"], "rates": rates("1")],
            ["name": "new", "models": ["gpt-*"], "from": "2026-06-01", "rates": rates("2")],
            ["name": "cny", "upstreams": ["local"], "models": ["qwen"], "currency": "CNY", "rates": rates("0.5")],
        ])
        #expect(book.find(upstream: "main", model: "gpt-4o", at: 1_700_000_000)?.version == "config 7/old")
        #expect(book.find(upstream: "main", model: "gpt-4o", at: 1_790_000_000)?.version == "config 7/new")
        #expect(book.find(upstream: "local", model: "qwen", at: 0)?.terms.currency == "CNY")
        #expect(book.find(upstream: "main", model: "qwen", at: 0) == nil)
    }

    /// Records of one batch, on either side of a price's begin and of different models.
    @Test func eachRecordHasThePriceOfItsTimeAndModel() throws {
        let book = try Self.book([
            ["name": "old", "models": ["gpt-x"], "rates": ["input": "1"]],
            ["name": "new", "models": ["gpt-x"], "from": "2026-06-01", "rates": ["input": "2"]],
        ])
        let begin: UInt64 = 1_780_272_000
        let record = { (nanoseconds: UInt64, model: String) in
            var record = UsageRecord(id: RecordID(process: 1, count: 1), startedAt: nanoseconds)
            (record.upstream, record.modelAsked) = ("main", model)
            record.usage.input = 1
            return record
        }
        let records = [
            record(begin * 1_000_000_000 - 1, "gpt-x"), record(begin * 1_000_000_000, "gpt-x"),
            record(begin * 1_000_000_000, "unknown"), record(begin * 1_000_000_000 + 999_999_999, "gpt-x"),
            record(begin * 1_000_000_000, "unknown"), record(0, "gpt-x"),
        ]
        let costs = book.costs(of: records)
        #expect(costs.map { $0?.cost.decimal } == ["0.000001", "0.000002", nil, "0.000002", nil, "0.000001"])
        #expect(costs[0]?.version == "config 7/old" && costs[1]?.version == "config 7/new")
    }

    @Test func termsHoldFromBeginToEndAndAtTheirHours() throws {
        var terms = PriceTerms(currency: "USD", rates: .init([.input: 1]))
        (terms.from, terms.to) = (86_400, 2 * 86_400)
        #expect([86_399, 86_400, 172_799, 172_800].map { terms.hold(at: $0) } == [false, true, true, false])
        terms.hours = (from: 22 * 60, to: 60)
        #expect([21, 22, 23].map { terms.hold(at: 86_400 + $0 * 3600) } == [false, true, true])
        #expect([0, 1].map { terms.hold(at: 86_400 + $0 * 3600) } == [true, false])
    }

    @Test(arguments: [
        ("=gpt-4o", "gpt-4o", true), ("=GPT-4o", "gpt-4o", true), ("=gpt-4o", "gpt-4o-mini", false),
        ("^gpt-", "gpt-4o", true), ("~stral", "ministral-8b", true), ("$-latest", "grok-latest", true),
        ("#grok-4.3-########$", "grok-4.3-20260101", true), ("#grok-4.3-########$", "grok-4.3-2026010", false),
        ("#grok-4.3-########$", "grok-4.3-202601011", false), ("#gemini-3.5-flash-#", "gemini-3.5-flash-1x", true),
        ("#gemini-3.5-flash-#", "gemini-3.5-flash-x", false),
    ])
    func clausesMatchNames(_ clause: String, _ name: String, _ isMatch: Bool) throws {
        #expect(try #require(Clause(clause)).matches(name) == isMatch)
    }

    @Test func everyBuiltInPriceCanBeReadAndFound() throws {
        let built = BuiltInPrices.shared
        #expect(built.providers.count >= 30)
        for provider in built.providers {
            for model in provider.models {
                #expect(!model.clauses.isEmpty && !model.terms.isEmpty, "\(provider.id) \(model.id)")
            }
        }
    }

    @Test(
        arguments: [
            ("rates", ["input": "1e3"], "rates.input"), ("rates", ["input": "-1"], "rates.input"),
            ("rates", ["inputs": "1"], "rates.inputs"), ("rates", [:], "rates"), ("currency", "usd", "currency"),
            ("from", "soon", "from"), ("hours", ["25:00", "1:00"], "hours[0]"), ("models", [], "models"),
            ("tiers", [["above": 0, "rates": ["input": "1"]]], "tiers[0].above"),
            ("rates", ["input": .double(1.5)], "rates.input"),
            ("colour", "red", "colour"),
        ] as [(String, DocumentValue, String)]
    )
    func whatIsWrongIsNamed(_ field: String, _ value: DocumentValue, _ path: String) {
        var object = DocumentObject([("name", "p"), ("models", ["m"]), ("rates", ["input": "1"])])
        object.set(field, value)
        let log = ProblemLog()
        _ = Price(reading: FieldReader(.object(object), at: "", log: log))
        #expect(log.problems.map(\.path).contains(path), "\(log.problems)")
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let document: DocumentValue = [
            "name": "all", "upstreams": ["a", "b*"], "models": ["m"], "currency": "EUR", "from": "2026-01-01T00:00:00Z",
            "to": "2027-01-01T00:00:00Z", "hours": ["00:30", "16:30"],
            "rates": ["input": "2.5", "output": "10", "request": "0.000000000001"],
            "tiers": [["above": 200000, "rates": ["input": "5"]]], "batch": ["input": "1.25"],
        ]
        let price = try Self.price(document)
        #expect(price.document == document)
        #expect(try Self.price(price.document) == price)
    }
}
