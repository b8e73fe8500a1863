import HTTPTypes
import JSONScan

/// One request, read.
struct Call: Sendable {
    /// The request's line and headers as they came.
    let head: HTTPRequest
    /// How the endpoint speaks.
    let dialect: ProviderDialect
    let parameters: [String: String]
    let query: [String: String]
    let body: [UInt8]
    /// The body when it is a JSON object; else `null`.
    var json: JSON
    /// The body when it is a form.
    let form: MultipartForm?
    let dials: Dials
    /// Where everything that is made up comes from: the same prompt gives the same seed.
    let seed: UInt64

    var headers: HTTPFields { self.head.headerFields }

    /// The name of the model: from the path where the path names one, else from the body's JSON or form.
    var model: String? { self.parameters["model"] ?? self.json["model"]?.string ?? self.form?.text("model") }

    /// A time that follows from the request.
    var created: Int { 1_700_000_000 + Int(self.seed % 1_000_000) }

    /// Whether the answer is to be a stream of events.
    var streams: Bool { self.json["stream"]?.bool ?? (self.form?.text("stream") == "true") }

    /// The identifier in the path.
    var id: String { self.parameters["id"] ?? "" }

    func requiredModel() throws(APIError) -> String {
        guard let model = self.model, !model.isEmpty else {
            throw .invalid("you must provide a model parameter", parameter: "model")
        }
        return model
    }

    func required(_ name: String) throws(APIError) -> JSON {
        guard let value = self.json[name] else {
            throw .invalid(
                "Missing required parameter: '\(name)'.",
                parameter: name,
                code: "missing_required_parameter"
            )
        }
        return value
    }
}

extension Call {
    /// The number that everything made up for a body follows from: its prompt, so that neither the model's name nor the
    /// way of delivery changes the text.
    static func seed(of json: JSON, body: [UInt8]) -> UInt64 {
        let prompt = ["system", "instructions", "messages", "input", "prompt", "contents"].compactMap { json[$0]?.text }
        return prompt.isEmpty ? Text.seed(body) : Text.seed(prompt.joined(separator: "\n"))
    }
}
