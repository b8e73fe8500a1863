import GatewayModel
import HTTPWire
import Testing

@testable import GatewayCore

struct CallReaderTests {
    static func read(_ text: String) throws -> (call: Call, model: String, user: String) {
        let reader = CallReader()
        var record = ExchangeRecord()
        let bytes = Array(text.utf8)
        let call = try reader.read(bytes.span, into: &record)
        return (call, record.modelAsked.text, record.endUser.text)
    }

    static func code(_ text: String) -> ErrorCode? {
        do { _ = try Self.read(text) } catch { return (error as? Refusal)?.code }
        return nil
    }

    @Test func readsWhatACallAsksFor() throws {
        let text =
            #"{"model":"g\u0070t","stream":true,"store":false,"user":"u1","previous_response_id":"resp_1","n":1}"#
        let (call, model, user) = try Self.read(text)
        #expect(model == "gpt" && call.isModelEscaped && call.isStream && call.store == false)
        #expect(user == "u1" && !call.asksForUsage)
        let previous = try #require(call.previousObject)
        #expect(Array(text.utf8)[previous.lower..<previous.upper].elementsEqual("resp_1".utf8))
    }

    @Test(arguments: [
        (#"{"stream_options":{"include_usage":true}}"#, true), (#"{"stream_options":{"include_usage":false}}"#, false),
        (#"{"stream_options":{"a":{"include_usage":true}}}"#, false), (#"{"stream_options":null}"#, false),
        (#"{"stream_options":{"include_usage":"true"}}"#, false), (#"{}"#, false),
    ])
    func seesWhetherTheClientAsksForUsage(_ text: String, _ asks: Bool) throws {
        #expect(try Self.read(text).call.asksForUsage == asks)
    }

    @Test(arguments: [
        ("", ErrorCode.invalidJSON), ("[]", .invalidJSON), (#"{"model":"a"}x"#, .invalidJSON),
        (#"{"model":5}"#, .missingModel),
        (#"{"model":null}"#, .missingModel), (#"{"model":"\ud8"}"#, .invalidJSON),
        (#"{"stream":"true"}"#, .invalidJSON),
        (#"{"stream":1}"#, .invalidJSON), (#"{"store":"no"}"#, .invalidJSON),
        (#"{"model":"a","model":"b"}"#, .ambiguousJSON),
        (#"{"Model":"a"}"#, .ambiguousJSON), (#"{"stream":true,"Stream":false}"#, .ambiguousJSON),
        (#"{"stream_options":{"include_usage":true,"include_usage":false}}"#, .ambiguousJSON),
        (#"{"stream_options":{"include_usage":tru}}"#, .invalidJSON),
    ])
    func refusesWhatIsNotOneCall(_ text: String, _ code: ErrorCode) {
        #expect(Self.code(text) == code)
    }

    @Test func cutsTheEndUser() throws {
        #expect(try Self.read(#"{"user":"\#(String(repeating: "u", count: 500))"}"#).user.count == 128)
        #expect(try Self.read(#"{"user":5}"#).user.isEmpty)
    }

    @Test(arguments: [
        ("{}", #"{"include_usage":true}"#), ("{ }", #"{"include_usage":true }"#),
        (#"{"include_usage":false}"#, #"{"include_usage":true}"#),
        (#"{"a":1}"#, #"{"include_usage":true,"a":1}"#),
        (
            #"{"a":{"include_usage":false},"include_usage" : null ,"b":2}"#,
            #"{"a":{"include_usage":false},"include_usage" : true ,"b":2}"#
        ),
    ])
    func setsIncludeUsageAndKeepsTheRest(_ options: String, _ expected: String) {
        #expect(String(decoding: StreamOptions.includingUsage(Array(options.utf8)), as: UTF8.self) == expected)
    }
}

struct MultipartReaderTests {
    static func boundary(_ type: String) -> String? {
        let bytes = Array(type.utf8)
        return MultipartReader.boundary(ByteRange(0, bytes.count), bytes.span).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test(
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data;BOUNDARY=\"a b\"", "a b"),
            ("multipart/form-data; charset=utf-8; boundary=abc", "abc"), ("multipart/mixed; boundary=abc", nil),
            ("multipart/form-data", nil), ("multipart/form-data; boundary=", nil), ("application/json", nil),
            ("multipart/form-data; boundary=a; boundary=b", nil),
            ("multipart/form-data; boundary=\(String(repeating: "x", count: 71))", nil),
        ] as [(String, String?)]
    )
    func readsTheBoundary(_ type: String, _ boundary: String?) {
        #expect(Self.boundary(type) == boundary)
    }

    static func part(_ headers: String, _ content: String) -> String { "--b\r\n\(headers)\r\n\r\n\(content)\r\n" }
    static let model = part("Content-Disposition: form-data; name=\"model\"", "whisper")
    static let file = part(
        "Content-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: audio/wav",
        "RIFF\r\n\r\n--\r\n-b\r\nname=\"model\""
    )

    /// The model in a body; "refused" when it is refused.
    static func read(_ body: String) -> String? {
        let bytes = Array(body.utf8)
        do {
            var reader = MultipartReader(boundary: Array("b".utf8))
            try reader.take(bytes.span)
            try reader.finish()
            return reader.modelRange.map { String(decoding: bytes[$0], as: UTF8.self) }
        } catch { return error.code == .invalidMultipart ? "refused" : "\(error.code)" }
    }

    @Test(
        arguments: [
            (model + "--b--\r\n", "whisper"), (file + model + "--b--", "whisper"),
            (model + file + "--b--\r\nepilogue", "refused"),
            (file + "--b--", nil), ("preamble\r\n" + model + "--b--", "whisper"), ("--b--", nil),
            (part("content-disposition:form-data;name=model", "m") + "--b--", "m"),
            (part("Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"model\"", "m") + "--b--", "m"),
            (part("Content-Disposition: form-data; name=\"models\"", "m") + "--b--", nil),
            (part("Content-Disposition: form-data; name=\"model\"", "") + "--b--", ""),
            // broken
            ("", "refused"), ("no boundary", "refused"), ("x--b\r\n", "refused"), (model, "refused"),
            (model + "--bx\r\n", "refused"),
            ("--b\r\nContent-Disposition: form-data; name=\"model\"\r\nwhisper\r\n--b--", "refused"),
            (part("A: \(String(repeating: "x", count: 9000))", "m") + "--b--", "refused"),
            // two readers, two models
            (model + model + "--b--", "refused"),
            (model + part("Content-Disposition: form-data; NAME=model", "m") + "--b--", "refused"),
            (model + part("Content-Disposition: form-data; name = \"model\"", "other") + "--b--", "refused"),
            (model + part("Content-Disposition : form-data; name=\"model\"", "other") + "--b--", "refused"),
            (model + part("Content-Disposition: form-data; name*=utf-8''model", "other") + "--b--", "refused"),
            (model + part("Content-Disposition: form-data;\r\n name=\"model\"", "other") + "--b--", "refused"),
            (model + part("Content-Disposition: form-data; name=\"mod\\el\"", "other") + "--b--", "refused"),
            (model + part("Content-Disposition: form-data; name=\"x\"; name=\"model\"", "other") + "--b--", "refused"),
            (model + part("Content-Disposition: form-data; name=\"model\"\u{301}", "other") + "--b--", "refused"),
            (model + part("X: y", "other") + "--b--", "refused"), (model + part("", "other") + "--b--", "refused"),
            (model + part("X: y\nContent-Disposition: form-data; name=\"model\"", "other") + "--b--", "refused"),
            (
                model
                    + part(
                        "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\"",
                        "o"
                    ) + "--b--",
                "refused"
            ),
            (
                model + part("Content-Disposition: form-data; name=\"model\"; filename=\"a\"", "other") + "--b--",
                "refused"
            ),
        ] as [(String, String?)]
    )
    func findsTheModelOrRefuses(_ body: String, _ model: String?) {
        #expect(Self.read(body) == model)
    }
}
