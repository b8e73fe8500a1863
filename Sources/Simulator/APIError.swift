import HTTPTypes
import JSONScan

/// The two families of providers that the simulator speaks like.
enum ProviderDialect: Sendable {
    case openAI, anthropic
}

/// A refusal, as a provider would word it.
struct APIError: Error {
    let status: Int
    /// OpenAI's `type`; Anthropic's follows from the status.
    let type: String
    let message: String
    var code: String?
    var parameter: String?
    var retryAfter: Int?

    /// The request is not one that the endpoint understands.
    static func invalid(_ message: String, parameter: String? = nil, code: String? = nil) -> APIError {
        APIError(status: 400, type: "invalid_request_error", message: message, code: code, parameter: parameter)
    }

    /// There is no such object.
    static func notFound(_ message: String, code: String? = nil) -> APIError {
        APIError(status: 404, type: "invalid_request_error", message: message, code: code)
    }

    /// The error that a dial asks for.
    static func injected(status: Int, retryAfter: Int?) -> APIError {
        let type =
            switch status {
            case 401: "authentication_error"
            case 403: "permission_error"
            case 429: "rate_limit_error"
            case 400..<500: "invalid_request_error"
            default: "server_error"
            }
        return APIError(
            status: status,
            type: type,
            message: "The simulator was asked to fail with status \(status).",
            code: status == 429 ? "rate_limit_exceeded" : nil,
            retryAfter: retryAfter
        )
    }

    /// The body that carries this error.
    func body(_ dialect: ProviderDialect) -> JSON {
        switch dialect {
        case .openAI:
            [
                "error": [
                    "message": .string(self.message), "type": .string(self.type), "param": .optional(self.parameter),
                    "code": .optional(self.code),
                ]
            ]
        case .anthropic:
            [
                "type": "error",
                "error": ["type": .string(self.anthropicType), "message": .string(self.message)],
                "request_id": "req_simulated",
            ]
        }
    }

    private var anthropicType: String {
        switch self.status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 529: "overloaded_error"
        case 400..<500: "invalid_request_error"
        default: "api_error"
        }
    }
}
