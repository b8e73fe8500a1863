/// What an answer needs to know of its call.
package struct AnswerContext: Sendable {
    /// The model as the client named it, which is the one that it is told.
    package var model: String
    /// An id for answers of upstreams that give none: letters and digits, unique.
    package var id: String
    /// Seconds since 1970, for upstreams that do not say.
    package var created: Int
    /// The client asked for the usage at the end of a stream. Only OpenAI's chat asks.
    package var includesUsage: Bool
    /// Names the exchange in errors.
    package var requestID: String

    package init(model: String, id: String, created: Int, includesUsage: Bool, requestID: String) {
        self.model = model
        self.id = id
        self.created = created
        self.includesUsage = includesUsage
        self.requestID = requestID
    }
}
