import HTTPTypes

/// One endpoint of a provider: what it is asked by, and what answers it.
struct Endpoint: Sendable {
    let method: HTTPRequest.Method
    /// The path; `{id}` stands for an identifier, `{model}` for the name of a model.
    let path: String
    var dialect = ProviderDialect.openAI
    let answer: @Sendable (Call, Provider) throws -> Answer

    /// Every endpoint.
    static let all: [Endpoint] =
        ChatCompletions.endpoints + StoredCompletions.endpoints + Completions.endpoints + Embeddings.endpoints
        + Responses.endpoints + Models.endpoints + Moderations.endpoints + Images.endpoints + Audio.endpoints
        + Files.endpoints + Batches.endpoints + Messages.endpoints + GenerateContent.endpoints
        + GeminiModels.endpoints + GeminiEmbeddings.endpoints + Converse.endpoints + Azure.endpoints
}

/// What endpoints share.
struct Provider: Sendable {
    let options: SimulatorOptions
    let store: ObjectStore
    let numbers: NumberSource

    init(_ options: SimulatorOptions, start: UInt64) {
        self.options = options
        self.store = ObjectStore(maximumBytes: options.storedBytes)
        self.numbers = NumberSource(start: start)
    }

    /// An identifier that no other object has: the one that `x-sim-id` asks for, else a new one.
    func newID(_ prefix: String, _ call: Call) -> String {
        if let name = HTTPField.Name("x-sim-id"), let id = call.headers[name] { return id }
        return Text.identifier(prefix, self.numbers.next())
    }

    /// The stored object that a call names; where unknown objects are answered, `example` with that id.
    func object(
        _ kind: StoredObject.Kind,
        _ call: Call,
        example: (Call) throws -> StoredObject
    ) throws -> StoredObject {
        if let object = self.store.get(kind, call.id) { return object }
        guard self.options.acceptsPlaceholders else {
            throw APIError.notFound("No \(kind.rawValue) with id '\(call.id)'.")
        }
        return try example(call)
    }

    /// Forgets the stored object that a call names.
    func remove(_ kind: StoredObject.Kind, _ call: Call) throws {
        guard self.store.remove(kind, call.id) || self.options.acceptsPlaceholders else {
            throw APIError.notFound("No \(kind.rawValue) with id '\(call.id)'.")
        }
    }

    /// Refuses a model that does not exist.
    func checkModel(_ model: String) throws {
        guard let models = self.options.models, !models.contains(model), !model.hasPrefix("sim-") else { return }
        throw APIError.notFound(
            "The model `\(model)` does not exist or you do not have access to it.",
            code: "model_not_found"
        )
    }
}
