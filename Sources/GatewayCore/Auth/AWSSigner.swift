import Crypto
import GatewayModel

// AWS Signature Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide, "Create a signed AWS API request"):
//
//     canonical = method LF path LF query LF (name ":" value LF)… LF names LF hex(SHA256(body))
//     text      = "AWS4-HMAC-SHA256" LF time LF scope LF hex(SHA256(canonical))
//     scope     = date "/" region "/" service "/aws4_request"
//     key       = HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")
//     signature = hex(HMAC(key, text))
//
// The path is percent-encoded once more than it is sent, as for all services but S3.

/// Signs one request after the other with one credential.
struct AWSSigner: Sendable {
    private let credential: Upstream.Credential.AWS
    private let service: String

    init(_ credential: Upstream.Credential.AWS, service: String = "bedrock") {
        self.credential = credential
        self.service = service
    }

    /// What is signed of a request.
    struct Request {
        let method: String
        /// As it stands in the request line, without the query.
        let path: String
        /// The value of the `host` field.
        let host: String
        let body: [UInt8]
    }

    /// The header lines that prove who sends `request` at `seconds` since 1970, CR LF included. Costs two passes of SHA-256
    /// over small texts, one over the body.
    func lines(for request: Request, at seconds: UInt64) -> [UInt8] {
        let time = Self.time(seconds)
        var fields = [("host", request.host), ("x-amz-date", time)]
        if let token = self.credential.sessionToken {
            fields.append(("x-amz-security-token", String(decoding: token.reveal(), as: UTF8.self)))
        }
        let names = fields.map(\.0).joined(separator: ";")
        let canonical = [
            request.method, Self.encoded(request.path), "",
            fields.map { "\($0.0):\($0.1)\n" }.joined(), names, Self.hex(SHA256.hash(data: request.body)),
        ]
        .joined(separator: "\n")
        let scope = "\(time.prefix(8))/\(self.credential.region)/\(self.service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(Self.hex(SHA256.hash(data: Array(canonical.utf8))))"
        let signature = Self.hex(Self.code(text, self.key(String(time.prefix(8)))))
        let proof =
            "AWS4-HMAC-SHA256 Credential=\(self.credential.accessKey)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(signature)"
        let lines = fields.dropFirst() + [("authorization", proof)]
        return Array(lines.map { "\($0.0): \($0.1)\r\n" }.joined().utf8)
    }

    private func key(_ date: String) -> SymmetricKey {
        let secret = SymmetricKey(data: Array("AWS4".utf8) + self.credential.secretKey.reveal())
        return [date, self.credential.region, self.service, "aws4_request"]
            .reduce(secret) { key, text in SymmetricKey(data: Array(Self.code(text, key))) }
    }

    private static func code(_ text: String, _ key: SymmetricKey) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
    }

    /// `20150830T123600Z`.
    private static func time(_ seconds: UInt64) -> String {
        var cache = TimestampCache()
        let text = cache.text(seconds * 1_000_000_000)
        let digits = text[..<19].filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }
        return String(decoding: digits, as: UTF8.self) + "Z"
    }

    private static func encoded(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { String(decoding: PercentEncoding.encode(Array($0.utf8)), as: UTF8.self) }
            .joined(separator: "/")
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
