// AWS Signature Version 4 (IAM user guide, "Create a signed AWS API request"):
//
//     authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX
//     canonical request: method, path (each segment encoded once more), query (sorted), signed headers, their names,
//         hash of the body; joined by LF
//     string to sign: AWS4-HMAC-SHA256, time, scope, hash of the canonical request; joined by LF
//     key: HMAC of `aws4_request` under HMAC of the service under HMAC of the region under HMAC of the date under
//         `AWS4` + secret

import Crypto
import Foundation
import HTTPTypes

/// The signature that a request carries, taken apart.
struct AWSSignature: Sendable {
    private static let algorithm = "AWS4-HMAC-SHA256"
    /// How far a request's clock may be from ours.
    private static let tolerance = 300.0

    private let accessKeyID: String
    private let date: String
    private let region: String
    private let service: String
    private let signedHeaders: [String]
    private let signature: String

    /// Nil where the request has a bearer token; throws where it has neither, or a signature that cannot be read.
    init?(_ call: Call) throws {
        guard let value = call.headers[.authorization], !value.isEmpty else {
            throw APIError.unauthenticated(.bedrock, isMissing: true)
        }
        guard !value.lowercased().hasPrefix("bearer ") else { return nil }
        guard value.hasPrefix(Self.algorithm + " ") else { throw Self.incomplete("Unsupported algorithm: '\(value)'.") }
        let fields = Self.fields(value.dropFirst(Self.algorithm.count))
        for name in ["Credential", "SignedHeaders", "Signature"] where fields[name]?.isEmpty ?? true {
            throw Self.incomplete("Authorization header requires '\(name)' parameter. Authorization=\(value)")
        }
        let scope = (fields["Credential"] ?? "").split(separator: "/", omittingEmptySubsequences: false).map {
            String($0)
        }
        guard scope.count == 5, scope[4] == "aws4_request" else {
            throw Self.incomplete("Credential must have exactly 5 slash-delimited elements.")
        }
        (self.accessKeyID, self.date, self.region, self.service) = (scope[0], scope[1], scope[2], scope[3])
        self.signedHeaders = (fields["SignedHeaders"] ?? "").split(separator: ";").map { String($0) }
        self.signature = fields["Signature"] ?? ""
    }

    /// Refuses a request whose signature is not the one of this credential over what arrived, or whose time is not now.
    func verify(_ call: Call, _ credential: AWSCredential, now: Date) throws {
        guard self.accessKeyID == credential.accessKeyID else { throw APIError.awsUnknownToken }
        guard self.service == "bedrock" else {
            throw Self.invalid("Credential should be scoped to correct service: 'bedrock'.")
        }
        let time = Self.header("x-amz-date", call) ?? ""
        try self.checkTime(time, now)
        guard self.signedHeaders.contains("host"), self.signedHeaders == self.signedHeaders.sorted() else {
            throw Self.invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        }
        let bodyHash = Self.hex(SHA256.hash(data: call.body))
        if let stated = Self.header("x-amz-content-sha256", call), stated != "UNSIGNED-PAYLOAD", stated != bodyHash {
            throw Self.invalid("The value passed in as x-amz-content-sha256 does not match the hash of the body.")
        }
        let scope = "\(self.date)/\(self.region)/\(self.service)/aws4_request"
        let request = Self.hex(SHA256.hash(data: Data(self.canonicalRequest(call, bodyHash).utf8)))
        let text = [Self.algorithm, time, scope, request].joined(separator: "\n")
        guard self.sign(text, credential) == self.signature else {
            throw Self.invalid(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                    + "Access Key and signing method. Consult the service documentation for details."
            )
        }
    }

    private func checkTime(_ time: String, _ now: Date) throws {
        let format = Self.format
        guard time.count == 16, let sent = try? Date(time, strategy: format) else {
            throw Self.incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            )
        }
        guard time.hasPrefix(self.date) else {
            throw Self.invalid(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
            )
        }
        let (earliest, latest) = (now - Self.tolerance, now + Self.tolerance)
        if sent < earliest {
            throw Self.invalid(
                "Signature expired: \(time) is now earlier than \(earliest.formatted(format)) "
                    + "(\(now.formatted(format)) - 5 min.)"
            )
        }
        if sent > latest {
            throw Self.invalid(
                "Signature not yet current: \(time) is still later than \(latest.formatted(format)) "
                    + "(\(now.formatted(format)) + 5 min.)"
            )
        }
    }

    private func sign(_ text: String, _ credential: AWSCredential) -> String {
        let parts = [self.date, self.region, self.service, "aws4_request", text]
        let key = parts.reduce(Data("AWS4\(credential.secretAccessKey)".utf8)) { key, part in
            Data(HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: SymmetricKey(data: key)))
        }
        return Self.hex(key)
    }

    private func canonicalRequest(_ call: Call, _ bodyHash: String) -> String {
        let target = (call.head.path ?? "/").split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = target[0].split(separator: "/", omittingEmptySubsequences: false).map { Self.encode($0) }
        let query = (target.count > 1 ? target[1] : "").split(separator: "&").map { pair in
            pair.contains("=") ? String(pair) : "\(pair)="
        }
        let headers = self.signedHeaders.map { "\($0):\(Self.header($0, call) ?? "")\n" }
        return [
            call.head.method.rawValue, path.joined(separator: "/"), query.sorted().joined(separator: "&"),
            headers.joined(), self.signedHeaders.joined(separator: ";"), bodyHash,
        ].joined(separator: "\n")
    }

    /// A header's values as they are signed: trimmed, with single spaces, joined by commas.
    private static func header(_ name: String, _ call: Call) -> String? {
        if name == "host" { return call.head.authority }
        let values = call.headers.filter { $0.name.canonicalName == name }.map { field in
            field.value.split(separator: " ").joined(separator: " ")
        }
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    private static func encode(_ segment: Substring) -> String {
        segment.utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
    }

    private static func fields(_ text: Substring) -> [String: String] {
        let pairs = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        return Dictionary(
            pairs.compactMap { pair in
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }

    private static func invalid(_ message: String) -> APIError { .aws("InvalidSignatureException", message) }
    private static func incomplete(_ message: String) -> APIError { .aws("IncompleteSignatureException", message) }

    /// `20261125T093000Z`.
    private static var format: Date.ISO8601FormatStyle {
        Date.ISO8601FormatStyle(dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted)
    }
}
