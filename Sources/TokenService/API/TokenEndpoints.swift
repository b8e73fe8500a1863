internal import Dialects
internal import GatewayModel
internal import Hummingbird
internal import ServiceKit
internal import Tokenizer

/// Tokens of texts and of whole calls, without calling anybody.
struct TokenEndpoints {
    static let bodyLimit = 8 << 20
    private static let batchLimit = 1000
    private static let callers = Access.roles([.admin, .editor, .viewer, .auditor, .gateway])

    var endpoints: [Endpoint] {
        [
            Endpoint(
                .post,
                "/v1/tokenize",
                access: Self.callers,
                operation: "tokenize",
                summary: "The ids of a text, or of each of a list, with the bytes of each token and where they stand.",
                body: .init("TokenizeQuestion", limit: Self.bodyLimit),
                answer: .init(.ok, "Tokens")
            ) { try Self.tokenize($0) },
            Endpoint(
                .post,
                "/v1/count",
                access: Self.callers,
                operation: "countTokens",
                summary: "How many tokens a text is, each of a list, or the body of a call in any client's dialect.",
                body: .init("CountQuestion", limit: Self.bodyLimit),
                answer: .init(.ok, "TokenCount")
            ) { try Self.count($0) },
        ]
    }

    // MARK: tokenize

    private static func tokenize(_ request: ServiceRequest) throws -> Response {
        let log = ProblemLog()
        let fields = FieldReader(try request.document(), at: "", log: log)
        let family = Self.family(fields)
        let texts = Self.texts(fields)
        let special = fields.choice("special", default: SpecialTokens.text)
        fields.finish()
        try log.throwIfAny()
        let tokenizer = Tokenizer.of(family.vocabulary)
        let answers = try texts.values.map { try Self.tokens(of: $0, tokenizer, special) }
        let frame = { (answer: DocumentValue) -> DocumentValue in
            var object = answer.object ?? DocumentObject()
            object.set("encoding", .string(family.vocabulary.rawValue))
            object.set("exact", .bool(family.hasVocabulary))
            return .object(object)
        }
        return .json(texts.isList ? .array(answers.map(frame)) : frame(answers[0]))
    }

    /// What becomes of names of special tokens in a text.
    enum SpecialTokens: String, CaseIterable {
        case text, refuse, allow

        var treatment: SpecialTokenTreatment {
            switch self {
            case .text: .asText
            case .refuse: .refused
            case .allow: .allowed
            }
        }
    }

    private static func tokens(of text: String, _ tokenizer: Tokenizer, _ special: SpecialTokens) throws
        -> DocumentValue
    {
        let bytes = Array(text.utf8)
        let ids: [UInt32]
        do throws(TokenizerError) { ids = try tokenizer.encode(bytes, special: special.treatment) } catch {
            guard case .specialToken(let name) = error else { throw error }
            throw ServiceProblem(
                .malformedRequest,
                "The text holds the special token `\(name)`, which `special` refuses."
            )
        }
        var (pieces, offsets): ([DocumentValue], [DocumentValue]) = ([], [])
        var offset = 0
        for id in ids {
            let piece = try tokenizer.bytes(of: id)
            // A token may be a part of a character: then its piece is not a text, and says its bytes.
            let text = String(validating: piece, as: UTF8.self).map { DocumentValue.string($0) }
            pieces.append(text ?? .array(piece.map { .int(Int64($0)) }))
            offsets.append(.int(Int64(offset)))
            offset += piece.count
        }
        return [
            "ids": .array(ids.map { .int(Int64($0)) }), "count": .int(Int64(ids.count)), "pieces": .array(pieces),
            "offsets": .array(offsets),
        ]
    }

    // MARK: count

    private static func count(_ request: ServiceRequest) throws -> Response {
        let document = try request.document()
        // The body of a call may come as it is; a question says `input` or `body` and nothing of a call.
        if let format = PromptParts.format(of: request.body), document["encoding"] == nil, document["body"] == nil,
            format != .openAIResponses || document["input"]?.string == nil
        {
            return .json(try Self.count(call: request.body, format, model: nil))
        }
        let log = ProblemLog()
        let fields = FieldReader(document, at: "", log: log)
        guard let body = fields.value("body") else { return try Self.count(texts: fields) }
        let model = fields.string("model")
        let dialect = fields.has("dialect") ? fields.choice("dialect", default: CallDialect.openAI) : nil
        fields.finish()
        let bytes = body.json()
        guard let format = dialect?.format(of: bytes) ?? PromptParts.format(of: bytes) else {
            throw ServiceProblem(.malformedRequest, "`body` is the body of no call; name its `dialect`.")
        }
        try log.throwIfAny()
        return .json(try Self.count(call: bytes, format, model: model))
    }

    /// The dialects by whose names a caller may say what a body is in.
    enum CallDialect: String, CaseIterable {
        case openAI = "openai"
        case anthropic, gemini

        func format(of body: [UInt8]) -> WireFormat {
            switch self {
            case .anthropic: .anthropicMessages
            case .gemini: .geminiGenerate
            case .openAI:
                switch PromptParts.format(of: body) {
                case .openAIResponses: .openAIResponses
                case .openAIPlain: .openAIPlain
                default: .openAIChat
                }
            }
        }
    }

    private static func count(call body: [UInt8], _ format: WireFormat, model: String?) throws -> DocumentValue {
        let prompt: PromptParts
        do throws(TranslationFailure) { prompt = try PromptParts(reading: body, as: format) } catch {
            throw ServiceProblem(.malformedRequest, "The call cannot be read: \(error).")
        }
        let name = model ?? prompt.model
        let family = ModelFamily(model: name) ?? .unknown
        let tokenizer = Tokenizer.of(family.vocabulary)
        let (tokens, isExact) = family.rules.count(prompt) { text in tokenizer.count(Array(text.utf8)) }
        return Self.answer(tokens, family, isExact: isExact && family.hasVocabulary, opaqueParts: prompt.opaqueParts)
    }

    private static func count(texts fields: FieldReader) throws -> Response {
        let family = Self.family(fields)
        let texts = Self.texts(fields)
        fields.finish()
        try fields.log.throwIfAny()
        let tokenizer = Tokenizer.of(family.vocabulary)
        let answers = texts.values.map { text in
            Self.answer(tokenizer.count(Array(text.utf8)), family, isExact: family.hasVocabulary, opaqueParts: 0)
        }
        return .json(texts.isList ? .array(answers) : answers[0])
    }

    private static func answer(_ tokens: Int, _ family: ModelFamily, isExact: Bool, opaqueParts: Int) -> DocumentValue {
        [
            "count": .int(Int64(tokens)), "source": .string(isExact ? "exact" : "estimated"),
            "encoding": .string(family.vocabulary.rawValue), "uncounted_parts": .int(Int64(opaqueParts)),
        ]
    }

    // MARK: what questions have in common

    /// By `encoding`, or by `model`, of which one must be there.
    private static func family(_ fields: FieldReader) -> ModelFamily {
        let model = fields.string("model")
        guard fields.has("encoding") else {
            if model == nil { fields.problem("encoding", "or `model` is required", allowed: Self.encodings) }
            return model.flatMap { ModelFamily(model: $0) } ?? .unknown
        }
        return ModelFamily(encoding: fields.choice("encoding", default: Vocabulary.o200kBase))
    }

    private static let encodings = Vocabulary.allCases.map(\.rawValue)

    private static func texts(_ fields: FieldReader) -> (values: [String], isList: Bool) {
        guard let input = fields.value("input") else {
            fields.problem("input", "is required: a text, or a list of texts")
            return ([""], false)
        }
        if let text = input.string { return ([text], false) }
        let texts = input.array?.compactMap(\.string) ?? []
        if texts.isEmpty || texts.count != input.array?.count || texts.count > Self.batchLimit {
            fields.problem("input", "must be a text, or a list of 1 to \(Self.batchLimit) texts")
        }
        return (texts, true)
    }
}
