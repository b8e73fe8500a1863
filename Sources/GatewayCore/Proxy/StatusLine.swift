/// The first line of an answer, with the reason phrase of RFC 9110 §15.
enum StatusLine {
    static func write(_ status: Int, into out: inout ByteWriter) {
        if status == 200 {
            out.write("HTTP/1.1 200 OK\r\n")
            return
        }
        out.write("HTTP/1.1 ")
        out.write(status)
        out.write(" ")
        out.write(Self.reason(status))
        out.write("\r\n")
    }

    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
