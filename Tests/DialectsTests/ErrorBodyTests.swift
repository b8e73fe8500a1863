import Foundation
import GatewayModel
import Testing

@testable import Dialects

struct ErrorBodyTests {
    /// A detail and an id that would break a body that is put together carelessly.
    static let detail = "Asked for `\"},{\\\n\u{0}é`."
    static let id = "req_\"\\1"

    static func object(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test(arguments: ErrorCode.allCases) func isAnErrorOfTheOpenAIDialect(_ code: ErrorCode) throws {
        for dialect in [Dialect.openAI, .simulator] {
            let body = try Self.object(ErrorBody.json(code, detail: Self.detail, requestID: Self.id, in: dialect))
            let error = try #require(body["error"] as? [String: Any])
            #expect(body.count == 1)
            #expect(error["code"] as? String == code.rawValue)
            #expect(error["message"] as? String == "\(code.entry.message) \(Self.detail)")
            #expect(error["hint"] as? String == code.entry.hint)
            #expect(error["request_id"] as? String == Self.id)
            #expect(error["param"] is NSNull && error["type"] is String)
        }
    }

    @Test(arguments: ErrorCode.allCases) func isAnErrorOfTheAnthropicDialect(_ code: ErrorCode) throws {
        let body = try Self.object(ErrorBody.json(code, detail: nil, requestID: Self.id, in: .anthropic))
        let error = try #require(body["error"] as? [String: Any])
        #expect(body["type"] as? String == "error" && body["request_id"] as? String == Self.id)
        #expect(error["code"] as? String == code.rawValue)
        #expect(error["message"] as? String == code.entry.message && error["hint"] as? String == code.entry.hint)
        #expect(error["type"] is String)
    }

    @Test(arguments: [
        (ErrorCode.invalidKey, "authentication_error", "authentication_error"),
        (.modelNotAllowed, "permission_error", "permission_error"),
        (.modelNotFound, "invalid_request_error", "not_found_error"),
        (.bodyTooLarge, "invalid_request_error", "request_too_large"),
        (.rateLimited, "rate_limit_error", "rate_limit_error"),
        (.invalidJSON, "invalid_request_error", "invalid_request_error"),
        (.upstreamBroken, "server_error", "api_error"), (.notReady, "server_error", "overloaded_error"),
        (.upstreamTimeout, "server_error", "timeout_error"),
    ])
    func usesTheDialectsOwnTypes(_ code: ErrorCode, _ openAI: String, _ anthropic: String) throws {
        for (dialect, type) in [(Dialect.openAI, openAI), (.anthropic, anthropic)] {
            let body = try Self.object(ErrorBody.json(code, detail: nil, requestID: "", in: dialect))
            #expect((body["error"] as? [String: Any])?["type"] as? String == type)
        }
    }

    @Test(arguments: [WireFormat.openAIChat, .openAIPlain, .openAIResponses, .anthropicMessages])
    func endsAStreamWithOneEvent(_ format: WireFormat) throws {
        for code in ErrorCode.allCases {
            let event = ErrorBody.event(code, requestID: Self.id, in: format)
            var searched = 0
            #expect(SSEScanner.eventEnd(event.span, from: 0, searched: &searched) == event.count)
            let range = SSEScanner.data(event.span, in: 0..<event.count)
            let data = try #require(range)
            let body = try Self.object(Array(event[data]))
            let inner = body["error"] as? [String: Any] ?? body
            #expect(inner["code"] as? String == code.rawValue)
            var watch = StreamWatch(format, hidesUsageEvent: true)
            #expect(watch.see(event.span, event: 0..<event.count) == .forward && watch.hasFailed)
        }
    }
}
