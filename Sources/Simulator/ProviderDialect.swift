import HTTPTypes

/// The families of providers that the simulator speaks like.
enum ProviderDialect: Sendable {
    case openAI, anthropic, gemini, bedrock, azure
    /// Gemini's streams that were not asked for as events: one JSON array, errors included.
    case geminiArray

    /// How a request expects to be answered.
    init(of head: HTTPRequest, _ endpoint: Endpoint) {
        func has(_ header: String) -> Bool { head.headerFields.contains { $0.name.canonicalName == header } }
        let path = head.path ?? ""
        if endpoint.dialect == .openAI, has("anthropic-version") {
            self = .anthropic
        } else if endpoint.dialect == .openAI, has("x-goog-api-key") {
            self = .gemini
        } else if endpoint.dialect == .gemini, path.contains(":streamGenerateContent"), !path.contains("alt=sse") {
            self = .geminiArray
        } else {
            self = endpoint.dialect
        }
    }

    /// Whose path this is, where no endpoint has it.
    init(ofPath path: String) {
        self =
            if path.hasPrefix("/v1beta/") || path.hasPrefix("/v1alpha/") {
                .gemini
            } else if path.hasPrefix("/model/") {
                .bedrock
            } else if path.hasPrefix("/openai/") {
                .azure
            } else {
                .openAI
            }
    }

    /// The headers in which the provider names a request.
    var requestIDHeaders: [HTTPField.Name] {
        let names =
            switch self {
            case .openAI: ["x-request-id"]
            case .anthropic: ["x-request-id", "request-id"]
            case .gemini, .geminiArray: ["x-request-id"]
            case .bedrock: ["x-request-id", "x-amzn-requestid"]
            case .azure: ["x-request-id", "apim-request-id"]
            }
        return names.compactMap { HTTPField.Name($0) }
    }
}

extension Call {
    /// The credential that a request presents; of a signature, all of its header.
    var credential: String {
        let value = self.headers[.authorization] ?? ""
        if value.lowercased().hasPrefix("bearer ") { return String(value.dropFirst(7)) }
        if self.dialect == .bedrock { return value }
        let names = ["x-api-key", "api-key", "x-goog-api-key"].compactMap { HTTPField.Name($0) }
        let isGoogle = self.dialect == .gemini || self.dialect == .geminiArray
        return names.compactMap { self.headers[$0] }.first ?? (isGoogle ? self.query["key"] : nil) ?? ""
    }
}
