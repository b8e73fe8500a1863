import JSONScan

/// Google's error object (google.aip.dev/193; ai.google.dev/gemini-api/docs/troubleshooting).
extension ProviderError {
    /// The inside of `{"error":{code, message, status, details}}`. `status` is nil within a stream.
    init(gemini error: JSON, status: Int?) {
        let word = error["status"]?.string
        let numeric = status ?? error["code"]?.int.flatMap { (400..<600).contains($0) ? $0 : nil }
        self.init(
            kind: word.flatMap(Self.kind(gemini:)) ?? Kind(status: numeric ?? 500),
            status: numeric,
            message: error["message"]?.string ?? "The upstream reported an error without words.",
            code: word
        )
    }

    private static func kind(gemini status: String) -> Kind? {
        switch status {
        case "INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE": .invalidRequest
        case "UNAUTHENTICATED": .authentication
        case "PERMISSION_DENIED": .permission
        case "NOT_FOUND": .notFound
        case "RESOURCE_EXHAUSTED": .rateLimit
        case "UNAVAILABLE": .overloaded
        case "DEADLINE_EXCEEDED", "CANCELLED": .timeout
        case "INTERNAL", "UNKNOWN": .server
        default: nil
        }
    }

    /// The whole body.
    var gemini: JSON {
        [
            "error": [
                "code": .int(self.status), "message": .string(self.message),
                "status": .string(Self.geminiStatus(self.status)),
            ]
        ]
    }

    /// Google's word for a status (google.rpc.Code).
    static func geminiStatus(_ status: Int) -> String {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 402, 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 409: "ABORTED"
        case 429: "RESOURCE_EXHAUSTED"
        case 499: "CANCELLED"
        case 501: "UNIMPLEMENTED"
        case 503, 529: "UNAVAILABLE"
        case 504, 408: "DEADLINE_EXCEEDED"
        case 400..<500: "INVALID_ARGUMENT"
        default: "INTERNAL"
        }
    }
}
