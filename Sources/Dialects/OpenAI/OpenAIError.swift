import JSONScan

/// OpenAI's error object (platform.openai.com/docs/guides/error-codes).
extension ProviderError {
    /// The inside of `{"error":{message, type, param, code}}`. `status` is nil within a stream.
    init(openAI error: JSON, status: Int?) {
        let type = error["type"]?.string
        let code = error["code"]?.string ?? error["code"]?.int.map { String($0) }
        let numeric = status ?? code.flatMap { Int($0) }.flatMap { (400..<600).contains($0) ? $0 : nil }
        let kind = numeric.map(Kind.init(status:)) ?? Self.kind(openAI: type ?? code)
        self.init(
            kind: code == "insufficient_quota" ? .billing : kind,
            status: numeric,
            message: error["message"]?.string ?? error.string ?? "The upstream reported an error without words.",
            code: code ?? type,
            param: error["param"]?.string
        )
    }

    private static func kind(openAI type: String?) -> Kind {
        switch type {
        case "invalid_request_error", "context_length_exceeded": .invalidRequest
        case "authentication_error", "invalid_api_key": .authentication
        case "permission_error": .permission
        case "not_found_error", "model_not_found": .notFound
        case "rate_limit_error", "rate_limit_exceeded", "tokens", "requests": .rateLimit
        case "insufficient_quota": .billing
        case "overloaded_error": .overloaded
        default: .server
        }
    }

    /// `{"error":{…}}`.
    var openAI: JSON {
        [
            "error": [
                "message": .string(self.message), "type": .string(self.openAIType), "param": .optional(self.param),
                "code": .optional(self.code),
            ]
        ]
    }

    var openAIType: String {
        switch self.kind {
        case .invalidRequest, .tooLarge, .notFound: "invalid_request_error"
        case .authentication: "authentication_error"
        case .permission: "permission_error"
        case .billing: "insufficient_quota"
        case .rateLimit: "rate_limit_error"
        case .overloaded, .timeout, .server: "server_error"
        }
    }
}
