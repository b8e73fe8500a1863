import HTTPTypes
import JSONScan

// How each provider writes an error:
//
//     OpenAI     {"error":{"message","type","param","code"}}
//     Azure      the same for what the model's API refuses; {"error":{"code":"404","message"}} for what stands before it
//     Anthropic  {"type":"error","error":{"type","message"},"request_id"}
//     Gemini     {"error":{"code":400,"message","status":"INVALID_ARGUMENT","details":[…]}}
//     Bedrock    {"message"} and the header `x-amzn-errortype: ValidationException:http://…`

extension APIError {
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
        case .azure: self.azureBody
        case .anthropic:
            [
                "type": "error",
                "error": ["type": .string(self.anthropicType), "message": .string(self.message)],
                "request_id": "req_simulated",
            ]
        case .gemini: self.geminiBody
        case .geminiArray: [self.geminiBody]
        case .bedrock: ["message": .string(self.message)]
        }
    }

    /// The headers that go with the body.
    func headers(_ dialect: ProviderDialect) -> HTTPFields {
        var headers: HTTPFields = [.contentType: dialect == .bedrock ? "application/json" : dialect.jsonType]
        if let seconds = self.retryAfter {
            headers[.retryAfter] = String(seconds)
            if dialect == .azure, let name = HTTPField.Name("retry-after-ms") { headers[name] = "\(seconds * 1000)" }
        }
        if dialect == .bedrock, let name = HTTPField.Name("x-amzn-errortype") {
            headers[name] = "\(self.exception):http://internal.amazon.com/coral/com.amazon.bedrock/"
        }
        return headers
    }

    /// The event that ends a stream with this error; `isFirst` where nothing has been sent.
    func event(_ dialect: ProviderDialect, isFirst: Bool) -> [UInt8] {
        let text = self.body(dialect == .geminiArray ? .gemini : dialect).text
        switch dialect {
        case .openAI, .azure: return Array("data: \(text)\n\n".utf8)
        case .anthropic:
            let overloaded = APIError(status: 529, type: self.type, message: self.message)
            return Array("event: error\ndata: \(overloaded.body(.anthropic).text)\n\n".utf8)
        case .gemini: return Array("data: \(text)\r\n\r\n".utf8)
        case .geminiArray: return Array("\(isFirst ? "[" : ",\r\n")\(text)\n]".utf8)
        case .bedrock:
            let name = self.exception.prefix(1).lowercased() + self.exception.dropFirst()
            return EventStream.exception(name, self.body(.bedrock))
        }
    }

    /// The refusal of a request without a valid credential, which providers differ in.
    static func unauthenticated(_ dialect: ProviderDialect, isMissing: Bool) -> APIError {
        switch dialect {
        case .gemini, .geminiArray: isMissing ? Self.geminiUnregistered : Self.geminiInvalidKey
        case .bedrock: isMissing ? Self.awsMissingToken : Self.awsUnknownToken
        case .azure: Self.azureDenied
        case .openAI, .anthropic:
            APIError(
                status: 401,
                type: "invalid_request_error",
                message: isMissing ? "You didn't provide an API key." : "Incorrect API key provided.",
                code: isMissing ? nil : "invalid_api_key"
            )
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

extension ProviderDialect {
    fileprivate var jsonType: String {
        switch self {
        case .gemini, .geminiArray: "application/json; charset=UTF-8"
        case .openAI, .anthropic, .bedrock, .azure: "application/json"
        }
    }
}

// MARK: - Google

extension APIError {
    private var geminiBody: JSON {
        var details = self.details
        if self.status == 429, let seconds = self.retryAfter {
            details.append([
                "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": .string("\(seconds)s"),
            ])
        }
        var error: JSON = [
            "code": .int(self.status), "message": .string(self.message), "status": .string(self.googleStatus),
        ]
        if !details.isEmpty { error = error.setting("details", .array(details)) }
        return ["error": error]
    }

    private var googleStatus: String {
        switch self.status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 409: "ABORTED"
        case 429: "RESOURCE_EXHAUSTED"
        case 499: "CANCELLED"
        case 503: "UNAVAILABLE"
        case 504: "DEADLINE_EXCEEDED"
        case 400..<500: "INVALID_ARGUMENT"
        default: "INTERNAL"
        }
    }

    // A wrong key is no 401 there, but a bad argument whose reason stands in the details.
    private static let geminiInvalidKey = APIError(
        status: 400,
        type: "",
        message: "API key not valid. Please pass a valid API key.",
        details: [
            [
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                "domain": "googleapis.com", "metadata": ["service": "generativelanguage.googleapis.com"],
            ]
        ]
    )

    private static let geminiUnregistered = APIError(
        status: 403,
        type: "",
        message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key "
            + "or other form of API consumer identity to call this API."
    )
}

// MARK: - AWS

extension APIError {
    /// AWS's name of this error.
    private var exception: String {
        if let code = self.code, code.hasSuffix("Exception") { return code }
        return switch self.status {
        case 401, 403: "AccessDeniedException"
        case 404: "ResourceNotFoundException"
        case 408: "ModelTimeoutException"
        case 424: "ModelErrorException"
        case 429: "ThrottlingException"
        case 503: "ServiceUnavailableException"
        case 400..<500: "ValidationException"
        default: "InternalServerException"
        }
    }

    /// A refusal of AWS's front, before the service sees the request.
    static func aws(_ exception: String, _ message: String) -> APIError {
        APIError(status: 403, type: "", message: message, code: exception)
    }

    static let awsUnknownToken = Self.aws(
        "UnrecognizedClientException",
        "The security token included in the request is invalid."
    )
    private static let awsMissingToken = Self.aws("MissingAuthenticationTokenException", "Missing Authentication Token")
}

// MARK: - Azure

extension APIError {
    private var azureBody: JSON {
        if let inner = self.inner {
            return [
                "error": [
                    "message": .string(self.message), "type": nil, "param": .optional(self.parameter),
                    "code": .optional(self.code), "status": .int(self.status), "innererror": inner,
                ]
            ]
        }
        if self.status == 400 { return self.body(.openAI) }
        // Names in lower case are OpenAI's; Azure's front has its own, or repeats the status.
        let name = self.code.flatMap { $0.first?.isLowercase == true ? nil : $0 } ?? String(self.status)
        return ["error": ["code": .string(name), "message": .string(self.message)]]
    }

    private static let azureDenied = APIError(
        status: 401,
        type: "",
        message:
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
            + "for an active subscription and use a correct regional API endpoint for your resource.",
        code: "401"
    )
}
