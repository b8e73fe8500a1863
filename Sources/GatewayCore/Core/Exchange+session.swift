import Crypto
import Dialects
package import GatewayModel
import HTTPWire
import NIOCore

// A session is a call whose answer is a WebSocket (RFC 6455): the head is judged and sent like any other, and from the upstream's
// 101 on frames go both ways until one side closes. The model stands in the query, because there is no body.
extension Exchange {
    /// What the client's handshake asks for, beside the model.
    struct Session {
        /// The client's `sec-websocket-key`; ours to answer.
        var clientKey: [UInt8] = []
        /// What we send in its place, and the upstream must answer.
        var upstreamKey: [UInt8] = []
        /// The subprotocols that the client offers, without those that carry a credential.
        var protocols: [[UInt8]] = []
        /// The query's parameters other than `model`.
        var parameters: [[UInt8]] = []
    }

    /// The form in which browsers send a key, because they cannot set header fields.
    private static let keyProtocol = Array("openai-insecure-api-key.".utf8)

    /// Whether the call is a session's; known after `open`.
    package var isSession: Bool { self.session != nil }

    // MARK: the client's handshake

    /// RFC 6455 §4.2.1. Everything that decides must be there once and mean one thing.
    func readHandshake(_ bytes: borrowing Span<UInt8>) throws(Refusal) {
        let facts = self.request.facts
        guard !self.request.isVersion10, facts.upgrade.equals(bytes, "websocket") else {
            throw Refusal(.upgradeRequired, "WebSockets are opened over HTTP/1.1, with `upgrade: websocket`.")
        }
        var session = Session()
        var versions = 0
        for field in self.request.fields where field.known == .other {
            if field.name.equals(bytes, "sec-websocket-key") {
                guard session.clientKey.isEmpty else { throw Refusal(.malformedRequest, "There are two keys.") }
                Self.copy(bytes, field.value, into: &session.clientKey)
            } else if field.name.equals(bytes, "sec-websocket-version") {
                versions += 1
                guard field.value.equals(bytes, "13") else {
                    throw Refusal(.upgradeRequired, "The version is 13.")
                }
            } else if field.name.equals(bytes, "sec-websocket-protocol") {
                session.protocols += Self.list(bytes, field.value)
            }
        }
        guard versions == 1, Self.connectionHasUpgrade(self.request, bytes) else {
            throw Refusal(.malformedRequest, "It lacks `connection: upgrade` or `sec-websocket-version: 13`.")
        }
        // 16 bytes in Base64.
        guard session.clientKey.count == 24, session.clientKey.hasSuffix("==") else {
            throw Refusal(.malformedRequest, "`sec-websocket-key` is not 16 bytes in Base64.")
        }
        guard !self.request.hasBody else { throw Refusal(.malformedRequest, "A handshake has no body.") }
        session.protocols.removeAll { $0.starts(with: Self.keyProtocol) }
        session.upstreamKey = WebSocketKey.random()
        self.session = session
    }

    /// The key that stands among the subprotocols, as a range of the head.
    static func keyAmongProtocols(_ head: RequestHead, _ bytes: borrowing Span<UInt8>) -> [ByteRange] {
        var found: [ByteRange] = []
        for field in head.fields where field.known == .other && field.name.equals(bytes, "sec-websocket-protocol") {
            for element in Self.elements(bytes, field.value) where element.begins(bytes, "openai-insecure-api-key.") {
                found.append(ByteRange(element.lower + Self.keyProtocol.count, element.upper))
            }
        }
        return found
    }

    private static func connectionHasUpgrade(_ head: RequestHead, _ bytes: borrowing Span<UInt8>) -> Bool {
        for field in head.fields where field.known == .connection {
            for element in Self.elements(bytes, field.value) where element.equals(bytes, "upgrade") {
                return true
            }
        }
        return false
    }

    /// The elements of a list (RFC 9110 §5.6.1), without the blanks around them.
    private static func elements(_ bytes: borrowing Span<UInt8>, _ value: ByteRange) -> [ByteRange] {
        var elements: [ByteRange] = []
        var start = value.lower
        for index in value.lower...value.upper where index == value.upper || bytes[index] == UInt8(ascii: ",") {
            var (lower, upper) = (start, index)
            while lower < upper, bytes[lower] == 0x20 || bytes[lower] == 0x09 { lower += 1 }
            while upper > lower, bytes[upper - 1] == 0x20 || bytes[upper - 1] == 0x09 { upper -= 1 }
            if lower < upper { elements.append(ByteRange(lower, upper)) }
            start = index + 1
        }
        return elements
    }

    private static func list(_ bytes: borrowing Span<UInt8>, _ value: ByteRange) -> [[UInt8]] {
        var list: [[UInt8]] = []
        for element in Self.elements(bytes, value) {
            var text: [UInt8] = []
            Self.copy(bytes, element, into: &text)
            list.append(text)
        }
        return list
    }

    /// The model is the one parameter of this name, however it is escaped; two could be read as either.
    func readSessionCall() throws(Refusal) {
        var query: [UInt8] = []
        let head = self.head
        Self.copy(head.readableBytesUInt8Span, self.request.query, into: &query)
        var models: [[UInt8]] = []
        for parameter in query.split(separator: UInt8(ascii: "&")) {
            let parts = parameter.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            if PercentEncoding.decode(Array(parts[0])) == Array("model".utf8) {
                models.append(PercentEncoding.decode(parts.count > 1 ? Array(parts[1]) : []))
            } else {
                self.session?.parameters.append(Array(parameter))
            }
        }
        guard models.count <= 1 else { throw Refusal(.malformedRequest, "The query names `model` twice.") }
        self.record.modelAsked.set(models.first ?? [])
        self.call.isStream = true
    }

    // MARK: the upstream's handshake

    /// Writes the request that asks the upstream for a WebSocket: what the client sent, with our key, the target's model, and
    /// without extensions, because frames must be readable.
    func writeHandshake(
        _ session: Session,
        to upstream: CompiledUpstream,
        _ credential: [UInt8],
        into out: inout ByteBuffer
    ) {
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        out.writeStaticString("GET ")
        out.writeBytes(upstream.basePath)
        bytes.extracting(self.subpath.lower..<self.subpath.upper).withUnsafeBytes { _ = out.writeBytes($0) }
        out.writeStaticString("?model=")
        out.writeBytes(PercentEncoding.encode(self.record.modelServed.array))
        for parameter in session.parameters {
            out.writeStaticString("&")
            out.writeBytes(parameter)
        }
        out.writeStaticString(" HTTP/1.1\r\nhost: ")
        out.writeBytes(upstream.authority)
        out.writeStaticString("\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n")
        out.writeStaticString("sec-websocket-key: ")
        out.writeBytes(session.upstreamKey)
        out.writeStaticString("\r\n")
        if !session.protocols.isEmpty {
            out.writeStaticString("sec-websocket-protocol: ")
            out.writeBytes(session.protocols.joined(separator: Array(", ".utf8)))
            out.writeStaticString("\r\n")
        }
        out.writeBytes(credential)
        let credentialFields = upstream.credentialFields
        ByteWriter.append(to: &out, atMost: self.request.length + 256) { out in
            HeadWriter.copyFields(
                self.request.fields,
                of: bytes,
                headEnd: self.request.length,
                namedByConnection: self.request.facts.namesFields,
                into: &out
            ) { field, bytes in
                !field.known.isHopByHop && !field.known.isForGateway && field.known != .xRequestID
                    && field.known != .acceptEncoding
                    && !field.name.begins(bytes, "sec-websocket-")
                    && (credentialFields.isEmpty || !HeadWriter.isAny(field, bytes, of: credentialFields))
            }
            self.writeRequestID(into: &out)
            out.write("\r\n")
        }
    }

    /// Judges the upstream's answer to a handshake (RFC 6455 §4.1); nil when it is an ordinary answer, to be relayed.
    func receiveSessionHead(_ source: ByteBuffer, into out: inout ByteBuffer) -> HeadVerdict? {
        guard let session = self.session else { return nil }
        let status = self.response.status
        guard status == 101 else {
            guard (200..<400).contains(status) else { return nil }
            return .discard(Refusal(.upstreamBroken, "It answered \(status) instead of opening a WebSocket."))
        }
        let bytes = source.readableBytesUInt8Span
        var accept: [UInt8] = []
        var chosen: [UInt8] = []
        for field in self.response.fields where field.known == .other {
            if field.name.equals(bytes, "sec-websocket-accept") { Self.copy(bytes, field.value, into: &accept) }
            if field.name.equals(bytes, "sec-websocket-protocol") { Self.copy(bytes, field.value, into: &chosen) }
            if field.name.equals(bytes, "sec-websocket-extensions") {
                return .discard(Refusal(.upstreamBroken, "It uses an extension that nobody asked for."))
            }
        }
        guard self.response.facts.upgrade.equals(bytes, "websocket"),
            accept == WebSocketKey.accept(session.upstreamKey)
        else { return .discard(Refusal(.upstreamBroken, "Its WebSocket handshake is not the answer to ours.")) }
        guard chosen.isEmpty || session.protocols.contains(chosen) else {
            return .discard(Refusal(.upstreamBroken, "It chose a subprotocol that nobody offered."))
        }
        self.record.status = 101
        self.writeSwitch(session, chosen, into: &out)
        self.releaseRequest()
        self.releaseHeads()
        return .switchProtocols
    }

    private func writeSwitch(_ session: Session, _ chosen: [UInt8], into out: inout ByteBuffer) {
        out.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n")
        out.writeStaticString("sec-websocket-accept: ")
        out.writeBytes(WebSocketKey.accept(session.clientKey))
        out.writeStaticString("\r\n")
        if !chosen.isEmpty {
            out.writeStaticString("sec-websocket-protocol: ")
            out.writeBytes(chosen)
            out.writeStaticString("\r\n")
        }
        ByteWriter.append(to: &out, atMost: self.gatewayFieldsRoom(self.table) + 512) { out in
            self.writeGatewayFields(self.table, into: &out)
            out.write("\r\n")
        }
    }

    // MARK: the end

    /// What went through a session.
    package struct SessionTotals {
        package var received: UInt64 = 0
        package var sent: UInt64 = 0
        package var usage = TokenUsage()

        package init() {}
    }

    /// Ends the exchange of a session. `code` is nil when one side closed it in good order.
    package func endSession(_ totals: SessionTotals, _ code: ErrorCode?, now: UInt64) {
        self.record.requestBytes = totals.received
        self.record.responseBytes = totals.sent
        self.record.usage = totals.usage
        let outcome: Outcome =
            switch code {
            case nil: .complete
            case .clientGone, .clientStalled, .malformedRequest, .sessionIdle: .clientGone
            default: .upstreamCut
            }
        self.close(outcome, code, now: now)
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ text: StaticString) -> Bool {
        self.suffix(text.utf8CodeUnitCount).elementsEqual(text.withUTF8Buffer { Array($0) })
    }
}

/// The keys of RFC 6455 §1.3, which show that both ends mean a WebSocket.
enum WebSocketKey {
    static func random() -> [UInt8] {
        let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        return Array(Base64.text(bytes).utf8)
    }

    static func accept(_ key: [UInt8]) -> [UInt8] {
        let text = key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
        return Array(Base64.text(Array(Insecure.SHA1.hash(data: text))).utf8)
    }
}
