import JSONScan

/// A refusal, as a provider would word it.
struct APIError: Error {
    let status: Int
    /// OpenAI's `type`; the names of other providers follow from the status.
    let type: String
    let message: String
    /// OpenAI's and Azure's `code`; AWS's name of the exception where the status does not say it.
    var code: String?
    var parameter: String?
    var retryAfter: Int?
    /// Google's `details`.
    var details: [JSON] = []
    /// Azure's `innererror`.
    var inner: JSON?

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
}
