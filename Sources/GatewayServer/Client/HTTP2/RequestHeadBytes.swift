import HTTPWire
import NIOCore
import NIOHPACK

// RFC 9113 §8.3: `:method`, `:scheme`, `:path` and `:authority` say what the request line and the host field say in HTTP/1.1.
// §8.2: names are in lower case, values hold neither CR, LF nor NUL and do not begin or end with white space; fields that
// speak of a connection do not occur.

/// Writes a request's HEADERS as the head of an HTTP/1.1 message, so that one parser judges both. Refused here is what that
/// parser could not see: bytes that would end a line, and what HTTP/2 forbids beyond it.
struct RequestHeadBytes {
    private var method = ""
    private var path = ""
    private var scheme = ""
    private var authority: String?
    private var host: String?
    private var cookies = ""
    private(set) var hasContentLength = false

    /// Appends the head to `out`. `hasBody`: DATA follows.
    mutating func write(_ headers: HPACKHeaders, hasBody: Bool, into out: inout ByteBuffer) throws(WireError) {
        for (name, value, _) in headers where name.utf8.first == UInt8(ascii: ":") { try self.take(name, value) }
        try self.checkTarget()
        out.writeString("\(self.method) \(self.path) HTTP/1.1\r\n")
        for (name, value, _) in headers where name.utf8.first != UInt8(ascii: ":") {
            try self.writeField(name, value, into: &out)
        }
        // An authority must come with every request; that the host field says the same is the sender's business to see to.
        if let authority = self.authority, let host = self.host, host.lowercased() != authority.lowercased() {
            throw .badHost
        }
        if let host = self.authority ?? self.host { out.writeString("host: \(host)\r\n") }
        // RFC 9113 §8.2.3: crumbs of one cookie field.
        if !self.cookies.isEmpty { out.writeString("cookie: \(self.cookies)\r\n") }
        if hasBody, !self.hasContentLength { out.writeStaticString("transfer-encoding: chunked\r\n") }
        out.writeStaticString("\r\n")
    }

    private mutating func take(_ name: String, _ value: String) throws(WireError) {
        switch name {
        case ":method" where self.method.isEmpty: self.method = value
        case ":path" where self.path.isEmpty: self.path = value
        case ":scheme" where self.scheme.isEmpty: self.scheme = value
        case ":authority" where self.authority == nil: self.authority = value
        default: throw .badPseudoField
        }
    }

    /// CONNECT has no path and no scheme; its request line is refused by the parser like that of any other proxy request.
    private mutating func checkTarget() throws(WireError) {
        if self.method == "CONNECT", self.path.isEmpty { self.path = self.authority ?? "" }
        guard !self.method.isEmpty, !self.path.isEmpty else { throw .badPseudoField }
        let isScheme = self.scheme == "https" || self.scheme == "http" || self.method == "CONNECT"
        guard isScheme else { throw .badPseudoField }
        guard Self.isVisible(self.method), Self.isVisible(self.path) else { throw .badTarget }
        guard Self.isVisible(self.authority ?? "-") else { throw .badHost }
    }

    private mutating func writeField(_ name: String, _ value: String, into out: inout ByteBuffer) throws(WireError) {
        guard Self.isName(name) else { throw .badFieldName }
        guard Self.isValue(value) else { throw .badFieldValue }
        switch name {
        case "host":
            guard self.host == nil, Self.isVisible(value) else { throw .badHost }
            self.host = value
            return
        case "cookie":
            self.cookies += self.cookies.isEmpty ? value : "; \(value)"
            return
        case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": throw .badFieldName
        case "te" where value != "trailers": throw .badFieldValue
        case "content-length": self.hasContentLength = true
        default: break
        }
        out.writeString(name)
        out.writeStaticString(": ")
        out.writeString(value)
        out.writeStaticString("\r\n")
    }

    private static func isVisible(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ":")
                    && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            }
    }

    private static func isValue(_ value: String) -> Bool {
        let bytes = value.utf8
        if let first = bytes.first, first == 0x20 || first == 0x09 { return false }
        if let last = bytes.last, last == 0x20 || last == 0x09 { return false }
        return bytes.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
    }
}
