import Dialects
import GatewayModel
import HTTPWire
import JSONScan
package import NIOCore

// The two messages that the gateway writes for others: the request to the upstream, the head of the answer to the client.
extension Exchange {
    /// Writes the request of the current attempt into `out`: the same call, with the upstream's own credential, host,
    /// path and name for the model. Its body is appended, spliced where it must differ.
    package func writeRequest(to upstream: CompiledUpstream, into out: inout ByteBuffer) {
        guard self.table != nil else { return }
        self.prepareSplices()
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        Self.copy(bytes, self.request.methodRange, to: &out)
        out.writeStaticString(" ")
        out.writeBytes(upstream.basePath)
        Self.copy(bytes, self.subpath, to: &out)
        if !self.request.query.isEmpty {
            out.writeStaticString("?")
            Self.copy(bytes, self.request.query, to: &out)
        }
        out.writeStaticString(" HTTP/1.1\r\nhost: ")
        out.writeBytes(upstream.authority)
        out.writeStaticString("\r\naccept-encoding: identity\r\n")
        if !upstream.credentials.isEmpty { out.writeBytes(self.credential(of: upstream)) }
        // An id of the caller's that was not taken over does not travel beside ours.
        let hasOwnID = self.record.requestID.isEmpty
        let credentialFields = upstream.credentialFields
        HeadWriter.copyFields(
            self.request.fields,
            of: head,
            headEnd: self.request.length,
            namedByConnection: self.request.facts.namesFields,
            into: &out
        ) { field, bytes in
            !field.known.isHopByHop && !field.known.isCredential && field.known != .acceptEncoding
                && !(hasOwnID && field.known == .xRequestID)
                && (credentialFields.isEmpty || !HeadWriter.isAny(field, bytes, of: credentialFields))
        }
        if self.record.requestID.isEmpty { self.writeRequestID(into: &out) }
        self.writeBody(into: &out)
    }

    private func credential(of upstream: CompiledUpstream) -> [UInt8] {
        let credentials = upstream.credentials
        guard credentials.count > 1 else { return credentials[0].lines }
        var draw = self.loop.random.below(credentials.reduce(0) { $0 + $1.weight })
        for credential in credentials {
            draw -= credential.weight
            if draw < 0 { return credential.lines }
        }
        return credentials[0].lines
    }

    // MARK: the body

    /// Where the forwarded body differs from the received one: the model's name, and the request for usage.
    private func prepareSplices() {
        self.splices.removeAll(keepingCapacity: true)
        if let range = self.call.modelRange, self.target >= 0 {
            let served = self.record.modelServed
            if served != self.record.modelAsked || self.call.isModelEscaped {
                let isForm = self.endpoint?.body == .multipart
                self.splices.append(Splice(range: range, replacement: isForm ? served : Self.quoted(served)))
            }
        }
        if self.endpoint?.format == .openAIChat, self.call.isStream, !self.call.asksForUsage {
            self.splices.append(self.usageSplice())
            if self.splices.count == 2, self.splices[0].range.lowerBound > self.splices[1].range.lowerBound {
                self.splices.swapAt(0, 1)
            }
        }
    }

    /// Makes the body ask for the usage event (`stream_options.include_usage`, OpenAI's API reference, "Create chat
    /// completion"), keeping the other options.
    private func usageSplice() -> Splice {
        guard let options = self.call.streamOptions else {
            let start = self.bodyObjectStart + 1
            return Splice(range: start..<start, replacement: Array("\"stream_options\":{\"include_usage\":true},".utf8))
        }
        guard options.kind == .object else {
            return Splice(range: options.range, replacement: Array("{\"include_usage\":true}".utf8))
        }
        let raw =
            self.body.getBytes(at: self.body.readerIndex + options.start, length: options.end - options.start) ?? []
        return Splice(range: options.range, replacement: StreamOptions.includingUsage(raw))
    }

    private var bodyObjectStart: Int {
        let body = self.body
        let bytes = body.readableBytesUInt8Span
        var index = 0
        while index < bytes.count, bytes[index] != UInt8(ascii: "{") { index += 1 }
        return index
    }

    private func writeBody(into out: inout ByteBuffer) {
        let body = self.body
        guard self.request.hasBody || self.request.method == .post else {
            out.writeStaticString("\r\n")
            return
        }
        var length = body.readableBytes
        for splice in self.splices { length += splice.replacement.count - splice.range.count }
        out.writeStaticString("content-length: ")
        HeadWriter.write(length, into: &out)
        out.writeStaticString("\r\n\r\n")
        let bytes = body.readableBytesUInt8Span
        var cursor = 0
        for index in self.splices.indices {
            let range = self.splices[index].range
            HeadWriter.copy(bytes.extracting(cursor..<range.lowerBound), into: &out)
            out.writeBytes(self.splices[index].replacement)
            cursor = range.upperBound
        }
        HeadWriter.copy(bytes.extracting(cursor..<bytes.count), into: &out)
    }

    // MARK: the answer's head

    /// Writes the head of an upstream's answer for the client: the status and fields of the upstream, our own beside
    /// them, framing made anew.
    func writeAnswerHead(
        _ source: ByteBuffer,
        _ table: RoutingTable,
        framing: BodyRelay.ClientFraming,
        length: UInt64,
        inflating: Bool,
        into out: inout ByteBuffer
    ) {
        StatusLine.write(self.response.status, into: &out)
        HeadWriter.copyFields(
            self.response.fields,
            of: source,
            headEnd: self.response.length,
            namedByConnection: self.response.facts.namesFields,
            into: &out
        ) { field, bytes in
            if field.known.isHopByHop || field.known == .xRequestID { return false }
            if inflating, field.known == .contentEncoding { return false }
            return field.known != .other || !Self.staysBehind(field, bytes)
        }
        self.writeGatewayFields(table, into: &out)
        switch framing {
        case .none where self.response.status == 204 || self.response.status == 304: break
        case .none: out.writeStaticString("content-length: 0\r\n")
        case .length:
            out.writeStaticString("content-length: ")
            HeadWriter.write(Int(length), into: &out)
            out.writeStaticString("\r\n")
        case .chunked: out.writeStaticString("transfer-encoding: chunked\r\n")
        case .untilClose: break
        }
        if !self.isClientReusable { out.writeStaticString("connection: close\r\n") }
        out.writeStaticString("\r\n")
    }

    /// A provider's cookies and quota are between it and the gateway: they say nothing true to this caller. What the
    /// gateway says itself cannot be said by an upstream.
    private static func staysBehind(_ field: HeadField, _ bytes: borrowing Span<UInt8>) -> Bool {
        switch bytes[field.name.lower] | 0x20 {
        case UInt8(ascii: "s"): Self.equals(bytes, field.name, "set-cookie")
        case UInt8(ascii: "x"):
            Self.hasPrefix(bytes, field.name, "x-ratelimit-") || Self.hasPrefix(bytes, field.name, "x-gateway-")
        case UInt8(ascii: "a"): Self.hasPrefix(bytes, field.name, "anthropic-ratelimit-")
        default: false
        }
    }

    /// `x-request-id`, `x-gateway-*` and `x-ratelimit-*`.
    func writeGatewayFields(_ table: RoutingTable?, into out: inout ByteBuffer) {
        self.writeRequestID(into: &out)
        guard let table else { return }
        if self.record.namespace >= 0 {
            out.writeStaticString("x-gateway-namespace: ")
            out.writeBytes(table.namespaces[self.record.namespace].name)
            out.writeStaticString("\r\n")
        }
        if self.record.upstream >= 0 {
            out.writeStaticString("x-gateway-upstream: ")
            out.writeBytes(table.upstreams[self.record.upstream].nameBytes)
            out.writeStaticString("\r\n")
            if !self.record.modelServed.isEmpty {
                out.writeStaticString("x-gateway-model: ")
                Self.writePlain(self.record.modelServed, into: &out)
                out.writeStaticString("\r\n")
            }
            out.writeStaticString("x-gateway-attempts: ")
            HeadWriter.write(self.record.attempts, into: &out)
            out.writeStaticString("\r\n")
        }
        if self.standing.isPresent { self.writeStanding(into: &out) }
    }

    /// In OpenAI's spelling (platform.openai.com/docs/guides/rate-limits, "Rate limits in headers").
    private func writeStanding(into out: inout ByteBuffer) {
        out.writeStaticString("x-ratelimit-limit-requests: ")
        HeadWriter.write(Int(self.standing.limit), into: &out)
        out.writeStaticString("\r\nx-ratelimit-remaining-requests: ")
        HeadWriter.write(Int(self.standing.remaining), into: &out)
        out.writeStaticString("\r\nx-ratelimit-reset-requests: ")
        HeadWriter.write(Int(self.standing.resetAfter / 1_000_000), into: &out)
        out.writeStaticString("ms\r\n")
    }

    private func writeRequestID(into out: inout ByteBuffer) {
        out.writeStaticString("x-request-id: ")
        if self.record.requestID.isEmpty {
            out.writeStaticString("req_")
            Self.writeHex(self.record.id.process, into: &out)
            Self.writeHex(self.record.id.count, into: &out)
        } else {
            out.writeBytes(self.record.requestID)
        }
        out.writeStaticString("\r\n")
    }

    private static func writeHex(_ word: UInt64, into out: inout ByteBuffer) {
        let digits: StaticString = "0123456789abcdef"
        for shift in stride(from: UInt64(60), through: 0, by: -4) {
            out.writeInteger(digits.utf8Start[Int(word >> shift & 15)])
        }
    }

    /// A model's name in a field's value: what no value may hold becomes `?`.
    private static func writePlain(_ bytes: [UInt8], into out: inout ByteBuffer) {
        for byte in bytes { out.writeInteger(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
    }

    private static func copy(_ bytes: borrowing Span<UInt8>, _ range: ByteRange, to out: inout ByteBuffer) {
        HeadWriter.copy(bytes.extracting(range.lower..<range.upper), into: &out)
    }

    private static func quoted(_ text: [UInt8]) -> [UInt8] { JSONQuote.quoted(text) }
}
