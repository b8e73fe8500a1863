package import GatewayModel
package import HTTPTypes
package import Hummingbird

/// What a service knows about a request beside its bytes.
package struct ServiceContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The peer's address without port; `local` when there is none.
    package let origin: String

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.origin = source.channel.remoteAddress?.ipAddress ?? "local"
    }
}

/// A request that was admitted: its caller is proved, its body read.
package struct ServiceRequest: Sendable {
    package let request: Request
    package let context: ServiceContext
    /// Nil only for endpoints whose access is `open`.
    package let authenticated: Caller?
    package let body: [UInt8]

    /// The caller, or an anonymous one where everyone is admitted.
    package var caller: Caller {
        self.authenticated ?? Caller(name: "anonymous", role: .viewer, origin: self.context.origin)
    }

    /// A part of the path, percent-decoded: names may contain `/` and `*`.
    package func parameter(_ name: String) throws -> String {
        guard let raw = self.context.parameters.get(name), let text = Self.percentDecoded(raw), !text.isEmpty else {
            throw ServiceProblem(.malformedRequest, "The path has no readable `\(name)`.")
        }
        return text
    }

    package func query(_ name: String) -> String? {
        self.request.uri.queryParameters[name[...]].map { String($0) }
    }

    /// The body as JSON, which may be YAML where the content type says so.
    package func document() throws -> DocumentValue {
        let type = self.request.headers[.contentType] ?? "application/json"
        if type.lowercased().contains("yaml") {
            guard let text = String(validating: self.body, as: UTF8.self) else {
                throw DocumentSyntaxError(line: 0, message: "invalid UTF-8")
            }
            return try DocumentValue(yaml: text)
        }
        return try DocumentValue(json: self.body)
    }

    private static func percentDecoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let pair = Hex.bytes(String(decoding: rest.prefix(2), as: UTF8.self)) else {
                return nil
            }
            bytes += pair
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A part of a list: at most `limit` entries, after the one called `after`.
package struct PageRequest: Sendable {
    package static let defaultLimit = 100
    package static let maximumLimit = 1000

    package let limit: Int
    package let after: String?

    package init(_ request: ServiceRequest) throws {
        self.after = request.query("after")
        guard let text = request.query("limit") else {
            self.limit = Self.defaultLimit
            return
        }
        guard let limit = Int(text), (1...Self.maximumLimit).contains(limit) else {
            throw ServiceProblem(.malformedRequest, "`limit` must be a number from 1 to \(Self.maximumLimit).")
        }
        self.limit = limit
    }

    /// `after` as the number that it must be, for lists that are ordered by one.
    package func number() throws -> UInt64? {
        guard let after = self.after else { return nil }
        guard let number = UInt64(after) else {
            throw ServiceProblem(.malformedRequest, "`after` must be a number here.")
        }
        return number
    }

    /// The answer: the entries, and what to ask `after` for the next ones; null when this was the last page.
    package func page(_ items: [DocumentValue], next: String?) -> DocumentValue {
        ["items": .array(items), "next": items.count < self.limit ? .null : next.map { .string($0) } ?? .null]
    }
}

/// What an `If-Match` header asks for.
package enum IfMatch: Sendable, Equatable {
    case missing
    case any
    case tags([String])

    package init(_ request: ServiceRequest) {
        guard let text = request.request.headers[.ifMatch] else {
            self = .missing
            return
        }
        let tags = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        self = tags == ["*"] ? .any : .tags(tags)
    }

    /// Refuses when the version is not among those that the caller has seen.
    package func check(_ version: Int64, required: Bool) throws {
        switch self {
        case .missing where required:
            throw ServiceProblem(
                .preconditionRequired,
                "Send `If-Match` with the ETag that you have read, or with `*`."
            )
        case .tags(let tags) where !tags.contains(Self.tag(version)):
            throw ServiceProblem(.changedMeanwhile, "It is at \(Self.tag(version)) now. Read it again, then change it.")
        case .missing, .any, .tags: break
        }
    }

    package static func tag(_ version: Int64) -> String { "\"\(version)\"" }
}

extension Response {
    package static func json(
        _ value: DocumentValue,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.json()))
        )
    }

    package static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
