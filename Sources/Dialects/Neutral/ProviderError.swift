import JSONScan

/// An upstream's refusal in no provider's words.
struct ProviderError: Sendable, Equatable {
    enum Kind: Sendable, Equatable, CaseIterable {
        case invalidRequest, authentication, permission, billing, notFound, tooLarge, rateLimit, overloaded, timeout,
            server

        /// What an HTTP status says when the body does not.
        init(status: Int) {
            switch status {
            case 401: self = .authentication
            case 402: self = .billing
            case 403: self = .permission
            case 404: self = .notFound
            case 408, 504: self = .timeout
            case 413: self = .tooLarge
            case 429: self = .rateLimit
            case 503, 529: self = .overloaded
            case 400..<500: self = .invalidRequest
            default: self = .server
            }
        }

        /// The status that says it where a stream's error comes without one.
        var status: Int {
            switch self {
            case .invalidRequest: 400
            case .authentication: 401
            case .billing: 402
            case .permission: 403
            case .notFound: 404
            case .timeout: 504
            case .tooLarge: 413
            case .rateLimit: 429
            case .overloaded: 503
            case .server: 500
            }
        }
    }

    var kind: Kind
    var status: Int
    var message: String
    /// The provider's own word for it.
    var code: String?
    var param: String?

    init(kind: Kind, status: Int? = nil, message: String, code: String? = nil, param: String? = nil) {
        self.kind = kind
        self.status = status ?? kind.status
        self.message = message
        self.code = code
        self.param = param
    }

    /// The least that can be said of a body that is no error of the dialect's: its status, and the text if it is short.
    init(status: Int, unreadable body: [UInt8]) {
        let text = String(validating: body.prefix(500), as: UTF8.self)?.split(separator: "\n").first.map(String.init)
        let isText = text.map { !$0.hasPrefix("<") && !$0.hasPrefix("{") } ?? false
        self.init(
            kind: Kind(status: status),
            status: status,
            message: isText ? text ?? "" : "The upstream answered with status \(status)."
        )
    }
}
