import HTTPTypes
import JSONScan

/// What an endpoint answers, before the dials are applied to it.
struct Answer: Sendable {
    /// A body as a whole, or produced event by event.
    enum Body: Sendable {
        case whole([UInt8])
        case events(@Sendable (Outlet) async throws -> Void)
    }

    var status = HTTPResponse.Status.ok
    var headers: HTTPFields
    let body: Body
    /// The tokens that an unstreamed answer took to produce.
    var tokens = 0

    static func json(_ json: JSON, tokens: Int = 0) -> Answer {
        Answer(headers: [.contentType: "application/json"], body: .whole(json.bytes), tokens: tokens)
    }

    static func bytes(_ bytes: [UInt8], type: String) -> Answer {
        Answer(headers: [.contentType: type], body: .whole(bytes))
    }

    static func events(_ produce: @escaping @Sendable (Outlet) async throws -> Void) -> Answer {
        Answer(
            headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
            body: .events(produce)
        )
    }

    static func error(_ error: APIError, _ dialect: ProviderDialect) -> Answer {
        var answer = Answer.json(error.body(dialect))
        answer.status = HTTPResponse.Status(code: error.status)
        answer.headers = error.headers(dialect)
        return answer
    }
}
