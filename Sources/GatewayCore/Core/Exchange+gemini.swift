import Dialects
import GatewayModel
import HTTPWire
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
        self.record.modelAsked.removeAll(keepingCapacity: true)
        self.record.modelAsked.append(contentsOf: decoded)
        try self.loop.callReader.check(body.readableBytesUInt8Span)
        self.call = Call()
        self.call.isStream = self.endpoint?.format == .geminiArray
    }

    /// The upstream's name for the model in the place of the asked one, and the query without the caller's key.
    func writeGeminiPath(_ bytes: borrowing Span<UInt8>, into out: inout ByteWriter) {
        let served = PercentEncoding.path(self.record.modelServed)
        // A name with a slash says itself what kind of resource it is (`tunedModels/…`).
        out.write(self.record.modelServed.contains(UInt8(ascii: "/")) ? "/" : "/models/")
        out.write(served)
        out.write(bytes.extracting(self.object.upper..<self.subpath.upper))
        var sign: StaticString = "?"
        GeminiQuery.eachParameter(self.request.query, bytes) { parameter, bytes in
            if GeminiQuery.isKey(parameter, bytes) { return }
            out.write(sign)
            out.write(bytes.extracting(parameter.lower..<parameter.upper))
            sign = "&"
        }
    }

    /// Google's clients send their key in a field of its own, or call under `/v1beta`.
    var isGoogleClient: Bool {
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        if self.record.path.starts(with: "/v1beta/".utf8) { return true }
        return self.request.fields.contains { $0.known == .xGoogAPIKey }
            || GeminiQuery.key(self.request.query, bytes) != nil
    }

    /// Google answers a wrong key with 400, as it does a wrong request (`API_KEY_INVALID` in the error's details).
    func mayTellOfKey(_ table: RoutingTable) -> Bool {
        self.response.status == 400 && table.upstreams[self.record.upstream].dialect == .gemini
    }

    static func tellsOfKey(_ body: [UInt8]) -> Bool {
        String(decoding: body, as: UTF8.self).contains("API_KEY_INVALID")
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

    static func isKey(_ parameter: ByteRange, _ bytes: borrowing Span<UInt8>) -> Bool {
        parameter.begins(bytes, "key=") || parameter.begins(bytes, "$key=") || parameter.begins(bytes, "access_token=")
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
