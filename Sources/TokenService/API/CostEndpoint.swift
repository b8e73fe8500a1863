internal import GatewayModel
internal import Hummingbird
internal import Pricing
internal import ServiceKit

/// What a usage would cost, without storing anything.
struct CostEndpoint {
    let ledger: UsageLedger
    /// Seconds since 1970.
    let now: @Sendable () -> Int64

    private static let batchLimit = 1000

    var endpoint: Endpoint {
        Endpoint(
            .post,
            "/v1/cost",
            access: .roles([.admin, .editor, .viewer, .auditor, .gateway]),
            operation: "cost",
            summary: "What a usage costs at an upstream or provider; one question, or a list of them.",
            body: .init("CostQuestion"),
            answer: .init(.ok, "Cost"),
            handle: self.answer
        )
    }

    @Sendable private func answer(_ request: ServiceRequest) async throws -> Response {
        let book = try self.ledger.prices()
        let log = ProblemLog()
        let document = try request.document()
        let questions = document.array ?? [document]
        guard questions.count <= Self.batchLimit else {
            throw ServiceProblem(.malformedRequest, "At most \(Self.batchLimit) questions are answered at once.")
        }
        let isList = document.array != nil
        let answers = questions.enumerated().map { index, value in
            self.answer(FieldReader(value, at: isList ? "[\(index)]" : "", log: log), book)
        }
        try log.throwIfAny()
        return .json(isList ? .array(answers) : answers[0])
    }

    private func answer(_ fields: FieldReader, _ book: PriceBook) -> DocumentValue {
        let model = fields.required("model")
        let upstream = fields.string("upstream")
        let provider = fields.string("provider")
        if (upstream == nil) == (provider == nil) {
            fields.problem("upstream", "or `provider`: exactly one is required")
        }
        let at = fields.string("at") {
            Timestamp.seconds($0) == nil ? "must be a time such as 2026-11-26T08:00:00Z" : nil
        }
        let service = fields.has("service") ? fields.choice("service", default: PriceTerms.Service.batch) : nil
        let usage = fields.object("usage").map(Self.usage) ?? TokenUsage()
        if !fields.has("usage") { fields.problem("usage", "is required: numbers of tokens by kind") }
        fields.finish()
        let seconds = at.flatMap(Timestamp.seconds) ?? self.now()
        let found =
            upstream.flatMap { book.find(upstream: $0, model: model, at: seconds) }
            ?? provider.flatMap { PriceBook.find(provider: $0, model: model, at: seconds) }
        guard let found, let cost = Cost(of: usage, by: found.terms, service: service) else {
            return ["cost": .null, "currency": "", "price_version": .string(found?.version ?? "")]
        }
        return [
            "cost": .string(cost.total.decimal), "currency": .string(cost.total.currency),
            "price_version": .string(found.version), "terms": .object(DocumentObject(found.terms.fields)),
        ]
    }

    private static func usage(_ fields: FieldReader) -> TokenUsage {
        var usage = TokenUsage()
        let count = { (name: String) in UInt64(fields.int(name, default: 0, in: 0...1_000_000_000_000) ?? 0) }
        for kind in TokenUsage.Kind.allCases { usage[kind] = count(kind.fieldName) }
        for part in TokenUsage.Part.allCases { usage[part] = count(part.fieldName) }
        fields.finish()
        return usage
    }
}
