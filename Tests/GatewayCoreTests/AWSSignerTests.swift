import GatewayModel
import Testing

@testable import GatewayCore

/// The signatures are those of AWS's own test suite for signature version 4 (docs.aws.amazon.com, "Signature Version 4 Test
/// Suite": `get-vanilla`, `post-vanilla`).
struct AWSSignerTests {
    static func credential(token: String? = nil) -> Upstream.Credential.AWS {
        .init(
            accessKey: "AKIDEXAMPLE",
            secretKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            sessionToken: token.map { Secret($0) },
            region: "us-east-1"
        )
    }

    static func lines(_ signer: AWSSigner, _ method: String, _ path: String, _ body: String = "") -> [String] {
        let request = AWSSigner.Request(
            method: method,
            path: path,
            host: "example.amazonaws.com",
            body: Array(body.utf8)
        )
        let lines = String(decoding: signer.lines(for: request, at: 1_440_938_160), as: UTF8.self)
        return lines.split(separator: "\r\n").map(String.init)
    }

    @Test(
        arguments: [
            ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ]
    )
    func signsAsTheProviderDoes(_ method: String, _ signature: String) {
        let lines = Self.lines(AWSSigner(Self.credential(), service: "service"), method, "/")
        #expect(
            lines == [
                "x-amz-date: 20150830T123600Z",
                "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                    + "SignedHeaders=host;x-amz-date, Signature=\(signature)",
            ]
        )
    }

    /// Everything that is signed decides the signature.
    @Test func differsWithWhatIsSigned() {
        let signer = AWSSigner(Self.credential())
        let signed = [
            Self.lines(signer, "POST", "/model/a%3A0/converse", "{}"),
            Self.lines(signer, "POST", "/model/a:0/converse", "{}"),
            Self.lines(signer, "POST", "/model/a%3A0/converse", "{ }"),
            Self.lines(AWSSigner(Self.credential(token: "t")), "POST", "/model/a%3A0/converse", "{}"),
        ]
        #expect(Set(signed.compactMap(\.last)).count == signed.count)
        #expect(signed[3].contains("x-amz-security-token: t"))
        #expect(signed[3].last?.contains("SignedHeaders=host;x-amz-date;x-amz-security-token") == true)
    }
}
