import Foundation
import HTTPTypes
import JSONScan
import Testing

@testable import Simulator

struct EventStreamTests {
    /// Worked out with botocore's own reader of the format.
    @Test
    func framesAnEvent() {
        let message = EventStream.message(headers: [("a", "bc")], payload: Array("{}".utf8))
        #expect(message.count == 12 + 7 + 2 + 4)
        #expect(Array(message[0..<8]) == [0, 0, 0, 25, 0, 0, 0, 7])
        #expect(Array(message[12..<20]) == [1, 0x61, 7, 0, 2, 0x62, 0x63, 0x7B])
        #expect(Array(message[8..<12]) == [0x96, 0xB6, 0xBF, 0x39])
        #expect(Array(message[20...]) == [0x7D, 0x08, 0x3B, 0x96, 0xD8])
    }
}

struct AWSSignatureTests {
    private static let credential = AWSCredential(
        accessKeyID: "AKIDEXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    )
    /// 2026-11-25 09:30:00 UTC.
    private static let now = Date(timeIntervalSince1970: 1_795_599_000)
    /// Signed by botocore: POST /model/a.b-v1%3A0/converse?z=1&a=2, body `{}`, region us-east-1.
    private static let signature = "e8e2c08864273ea606fc198c2aa6b9c66da3d2565b4e60fceb14d8c8f0172fc7"

    private func call(
        signature: String = Self.signature,
        path: String = "/model/a.b-v1%3A0/converse?z=1&a=2",
        body: String = "{}",
        type: String = "application/json"
    ) throws -> Call {
        let authorization =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261125/us-east-1/bedrock/aws4_request, "
            + "SignedHeaders=content-type;host;x-amz-date, Signature=\(signature)"
        var fields: HTTPFields = [.authorization: authorization, .contentType: type]
        fields[try #require(HTTPField.Name("x-amz-date"))] = "20261125T093000Z"
        let head = HTTPRequest(
            method: .post,
            scheme: "http",
            authority: "127.0.0.1:8089",
            path: path,
            headerFields: fields
        )
        return Call(
            head: head,
            dialect: .bedrock,
            parameters: [:],
            query: [:],
            body: Array(body.utf8),
            json: [:],
            form: nil,
            dials: Dials(),
            seed: 0
        )
    }

    private func verify(_ call: Call, after seconds: Double = 0) throws {
        let signature = try #require(try AWSSignature(call))
        try signature.verify(call, Self.credential, now: Self.now + seconds)
    }

    @Test
    func acceptsWhatTheKeySigned() throws {
        try self.verify(try self.call())
        try self.verify(try self.call(), after: 299)
        try self.verify(try self.call(type: "  application/json "))
    }

    @Test
    func refusesWhatWasAltered() throws {
        let altered = [
            try self.call(signature: String(repeating: "0", count: 64)), try self.call(body: "{ }"),
            try self.call(path: "/model/a.b-v1%3A0/converse-stream?z=1&a=2"),
            try self.call(path: "/model/a.b-v1%3A0/converse?z=1&a=3"), try self.call(type: "text/plain"),
        ]
        for call in altered {
            let error = try #require(throws: APIError.self) { try self.verify(call) }
            #expect(error.code == "InvalidSignatureException")
            #expect(error.status == 403)
        }
    }

    @Test(arguments: [(301.0, "Signature expired"), (-301.0, "Signature not yet current")])
    func refusesOtherTimes(_ seconds: Double, _ message: String) throws {
        let error = try #require(throws: APIError.self) { try self.verify(try self.call(), after: seconds) }
        #expect(error.message.hasPrefix(message))
    }

    @Test(arguments: [
        "Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, Signature=0",
    ])
    func refusesWhatIsNoSignature(_ authorization: String) throws {
        let call = try self.call()
        var head = call.head
        head.headerFields[.authorization] = authorization
        let torn = Call(
            head: head,
            dialect: .bedrock,
            parameters: [:],
            query: [:],
            body: [],
            json: [:],
            form: nil,
            dials: Dials(),
            seed: 0
        )
        let error = try #require(throws: APIError.self) { _ = try AWSSignature(torn) }
        #expect(error.code == "IncompleteSignatureException")
    }
}
