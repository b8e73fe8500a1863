import JSONScan

/// Anthropic's error object (docs.anthropic.com, "Errors").
extension ProviderError {
    /// The inside of `{"type":"error","error":{type, message}}`. `status` is nil within a stream.
    init(anthropic error: JSON, status: Int?) {
        let type = error["type"]?.string
        self.init(
            kind: type.map(Self.kind(anthropic:)) ?? Kind(status: status ?? 500),
            status: status,
            message: error["message"]?.string ?? "The upstream reported an error without words.",
            code: type
        )
    }

    private static func kind(anthropic type: String) -> Kind {
        switch type {
        case "invalid_request_error": .invalidRequest
        case "authentication_error": .authentication
        case "billing_error": .billing
        case "permission_error": .permission
        case "not_found_error": .notFound
        case "request_too_large": .tooLarge
        case "rate_limit_error": .rateLimit
        case "timeout_error": .timeout
        case "overloaded_error": .overloaded
        default: .server
        }
    }

    /// The whole body or event.
    func anthropic(requestID: String?) -> JSON {
        let body: JSON = [
            "type": "error", "error": ["type": .string(self.anthropicType), "message": .string(self.message)],
        ]
        return requestID.map { body.setting("request_id", .string($0)) } ?? body
    }

    private var anthropicType: String {
        switch self.kind {
        case .invalidRequest: "invalid_request_error"
        case .authentication: "authentication_error"
        case .billing: "billing_error"
        case .permission: "permission_error"
        case .notFound: "not_found_error"
        case .tooLarge: "request_too_large"
        case .rateLimit: "rate_limit_error"
        case .overloaded: "overloaded_error"
        case .timeout: "timeout_error"
        case .server: "api_error"
        }
    }
}
