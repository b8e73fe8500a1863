import Dialects
import GatewayModel
import HTTPWire
import JSONScan
import NIOCore

// Google's API names the model and the method in the path (`/v1beta/models/NAME:METHOD`, ai.google.dev/api), says in the query
// whether a stream comes as events (`alt=sse`) or as an array, and takes the key there too (`key=…`).
extension Exchange {
    /// The call is Google's: its model stands in the path, and nothing in its body decides anything here.
    func readGeminiCall(_ body: ByteBuffer) throws(Refusal) {
        var name: [UInt8] = []
        let head = self.head
        Self.copy(head.readableBytesUInt8Span, self.object, into: &name)
        let decoded = PercentEncoding.decode(name)
        guard decoded.count <= 1024, String(validating: decoded, as: UTF8.self) != nil,
            !decoded.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { throw Refusal(.modelNotFound) }
        self.record.modelAsked.set(decoded)
        let bytes = body.readableBytesUInt8Span
        try self.loop.callReader.check(bytes)
        try Self.checkReferences(bytes)
        self.call = Call()
        self.call.isStream = self.endpoint?.format == .geminiArray
    }

    /// Files and caches that Google keeps are made elsewhere than through the gateway, so nobody here owns one.
    private static func checkReferences(_ bytes: borrowing Span<UInt8>) throws(Refusal) {
        let caches = ReferenceScan.strings(named: ["cachedContent", "cached_content"], in: bytes)
        let files = ReferenceScan.strings(named: ["fileUri", "file_uri"], in: bytes)
            .contains { file in
                let text = String(decoding: file, as: UTF8.self)
                return text.hasPrefix("files/") || text.contains("generativelanguage.googleapis.com")
            }
        guard caches.isEmpty, !files else { throw Refusal(.objectNotFound) }
    }

    /// The upstream's name for the model in the place of the asked one, and the query without the caller's key.
    func writeGeminiPath(_ bytes: borrowing Span<UInt8>, into out: inout ByteWriter) {
        out.write("/")
        out.write(Array(GeminiResource.path(self.record.modelServed.text).utf8))
        out.write(bytes.extracting(self.object.upper..<self.subpath.upper))
        var sign: StaticString = "?"
        GeminiQuery.eachParameter(self.request.query, bytes) { parameter, bytes in
            guard GeminiQuery.isPassedOn(parameter, bytes) else { return }
            out.write(sign)
            out.write(bytes.extracting(parameter.lower..<parameter.upper))
            sign = "&"
        }
    }

    /// Google's clients send their key in a field of its own, or call under `/v1beta`.
    var isGoogleClient: Bool {
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        if self.record.path.bytes.starts(with: "/v1beta/".utf8) { return true }
        return self.request.fields.contains { $0.known == .xGoogAPIKey }
            || GeminiQuery.key(self.request.query, bytes) != nil
    }

    /// Google answers a wrong key with 400, as it does a wrong request (`API_KEY_INVALID` in the error's details).
    func mayTellOfKey(_ table: RoutingTable) -> Bool {
        self.response.status == 400 && table.upstreams[self.record.upstream].dialect == .gemini
    }

    static func tellsOfKey(_ body: [UInt8]) -> Bool {
        guard let error = try? JSON(parsing: body)["error"] else { return false }
        return (error["details"]?.array ?? []).contains { $0["reason"]?.string == "API_KEY_INVALID" }
    }

    /// What a translated body is.
    func writeTranslatedType(into out: inout ByteWriter) {
        let isEvents = self.relay.isTranslating && self.relayedFormat != .geminiArray
        out.write(isEvents ? "content-type: text/event-stream\r\n" : "content-type: application/json\r\n")
    }
}

/// The query of Google's calls.
enum GeminiQuery {
    /// Each `name=value`, as it stands.
    @inline(__always)
    static func eachParameter(
        _ query: ByteRange,
        _ bytes: borrowing Span<UInt8>,
        _ body: (ByteRange, borrowing Span<UInt8>) -> Void
    ) {
        var start = query.lower
        for index in query.lower..<query.upper + 1 where index == query.upper || bytes[index] == UInt8(ascii: "&") {
            if index > start { body(ByteRange(start, index), bytes) }
            start = index + 1
        }
    }

    /// How the answer is written. Other parameters are the caller's credential, or take the usage out of the answer.
    static func isPassedOn(_ parameter: ByteRange, _ bytes: borrowing Span<UInt8>) -> Bool {
        parameter.equals(bytes, "alt=sse") || parameter.equals(bytes, "$alt=sse") || parameter.equals(bytes, "alt=json")
            || parameter.equals(bytes, "$alt=json") || parameter.beginsExactly(bytes, "prettyPrint=")
    }

    /// The value of `key`.
    static func key(_ query: ByteRange, _ bytes: borrowing Span<UInt8>) -> ByteRange? {
        var found: ByteRange?
        guard !query.isEmpty else { return nil }
        Self.eachParameter(query, bytes) { parameter, bytes in
            if parameter.begins(bytes, "key="), parameter.count > 4 {
                found = ByteRange(parameter.lower + 4, parameter.upper)
            }
        }
        return found
    }

    static func asksForEvents(_ query: ByteRange, _ bytes: borrowing Span<UInt8>) -> Bool {
        var asks = false
        guard !query.isEmpty else { return false }
        Self.eachParameter(query, bytes) { parameter, bytes in
            if parameter.begins(bytes, "alt=") || parameter.begins(bytes, "$alt=") {
                asks = parameter.equals(bytes, "alt=sse") || parameter.equals(bytes, "$alt=sse")
            }
        }
        return asks
    }
}
