package import GatewayModel
import JSONScan

/// An error of the gateway's in the words of the client's dialect.
///
/// OpenAI: `{"error":{"message","type","param","code"}}`; Anthropic: `{"type":"error","error":{"type","message"}}`
/// (docs.anthropic.com, "Errors"); Google: `{"error":{"code","message","status","details"}}` (google.aip.dev/193). All carry our
/// `code`, and our `hint`, which their clients ignore.
package enum ErrorBody {
    /// The JSON body. `detail` says more than the code's own message: which field, which value is allowed.
    package static func json(_ code: ErrorCode, detail: String?, requestID: String, in dialect: Dialect) -> [UInt8] {
        let entry = code.entry
        let message = detail.map { "\(entry.message) \($0)" } ?? entry.message
        var body: [UInt8] = []
        body.reserveCapacity(512)
        switch dialect {
        case .openAI, .azureOpenAI, .bedrock, .simulator:
            body.append("{\"error\":{\"message\":", message)
            body.append(",\"type\":", Self.openAIType(entry.status))
            body.append(raw: ",\"param\":null")
            body.append(",\"code\":", code.rawValue)
            body.append(",\"hint\":", entry.hint)
            body.append(",\"request_id\":", requestID)
            body.append(raw: "}}")
        case .gemini:
            body.append(raw: "{\"error\":{\"code\":")
            body += String(entry.status).utf8
            body.append(",\"message\":", message)
            body.append(",\"status\":", ProviderError.geminiStatus(entry.status))
            body.append(raw: ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\"")
            body.append(",\"reason\":", code.rawValue)
            body.append(",\"domain\":\"ai-gateway\",\"metadata\":{\"hint\":", entry.hint)
            body.append(",\"request_id\":", requestID)
            body.append(raw: "}}]}}")
        case .anthropic:
            body.append("{\"type\":\"error\",\"error\":{\"type\":", Self.anthropicType(entry.status))
            body.append(",\"message\":", message)
            body.append(",\"code\":", code.rawValue)
            body.append(",\"hint\":", entry.hint)
            body.append("},\"request_id\":", requestID)
            body.append(raw: "}")
        }
        return body
    }

    /// The one event that ends a stream which cannot be completed.
    package static func event(_ code: ErrorCode, requestID: String, in format: WireFormat) -> [UInt8] {
        let entry = code.entry
        var event: [UInt8] = []
        switch format {
        case .openAIChat, .openAIPlain:
            event.append(raw: "data: ")
            event += self.json(code, detail: nil, requestID: requestID, in: .openAI)
        case .anthropicMessages:
            event.append(raw: "event: error\ndata: ")
            event += self.json(code, detail: nil, requestID: requestID, in: .anthropic)
        case .geminiGenerate, .geminiPlain:
            event.append(raw: "data: ")
            event += self.json(code, detail: nil, requestID: requestID, in: .gemini)
        case .geminiArray:
            // The last element; what stands before it is there already.
            return self.json(code, detail: nil, requestID: requestID, in: .gemini) + [UInt8(ascii: "]")]
        case .openAIResponses:
            event.append("event: error\ndata: {\"type\":\"error\",\"code\":", code.rawValue)
            event.append(",\"message\":", entry.message)
            event.append(",\"param\":null,\"hint\":", entry.hint)
            event.append(",\"request_id\":", requestID)
            event.append(raw: "}")
        }
        event.append(raw: "\n\n")
        return event
    }

    private static func openAIType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case 400..<500: "invalid_request_error"
        default: "server_error"
        }
    }

    private static func anthropicType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 400..<500: "invalid_request_error"
        case 503: "overloaded_error"
        case 504: "timeout_error"
        default: "api_error"
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(raw text: StaticString) {
        text.withUTF8Buffer { self.append(contentsOf: $0) }
    }

    /// Appends `prefix` as it is, and `text` as a JSON string.
    fileprivate mutating func append(_ prefix: StaticString, _ text: String) {
        self.append(raw: prefix)
        self.append(UInt8(ascii: "\""))
        JSONText.encode(Array(text.utf8), into: &self)
        self.append(UInt8(ascii: "\""))
    }
}
