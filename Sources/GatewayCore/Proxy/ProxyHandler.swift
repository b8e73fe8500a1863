import Dialects
import GatewayModel
import HTTPWire
import JSONScan
package import NIOCore

// The two messages that the gateway writes for others: the request to the upstream, the head of the answer to the client.
extension Exchange {
    /// Writes the request of the current attempt into `out`: the same call, with the upstream's own credential, host,
    /// path and name for the model. Its body is appended, spliced where it must differ; of a large one, what is behind the
    /// last splice is not copied but returned, to be sent behind `out`.
    package func writeRequest(to upstream: CompiledUpstream, into out: inout ByteBuffer) -> ByteBuffer? {
        guard self.table != nil else { return nil }
        if let translated = self.translated {
            self.writeTranslated(translated, to: upstream, into: &out)
            return nil
        }
        self.prepareSplices()
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        let credential = self.credentialLines(of: upstream)
        if let session = self.session {
            self.writeHandshake(session, to: upstream, credential, into: &out)
            return nil
        }
        let room =
            self.request.length + upstream.basePath.count + upstream.authority.count + credential.count
            + 3 * self.record.modelServed.count + 320
        let credentialFields = upstream.credentialFields
        let isDecoded = self.coding != nil
        ByteWriter.append(to: &out, atMost: room) { out in
            self.writeRequestLine(upstream, bytes, into: &out)
            out.write(upstream.authority)
            out.write("\r\naccept-encoding: identity\r\n")
            out.write(credential)
            HeadWriter.copyFields(
                self.request.fields,
                of: bytes,
                headEnd: self.request.length,
                namedByConnection: self.request.facts.namesFields,
                into: &out
            ) { field, bytes in
                !field.known.isHopByHop && !field.known.isForGateway && field.known != .xRequestID
                    && field.known != .acceptEncoding
                    && !(isDecoded && field.known == .contentEncoding)
                    && (credentialFields.isEmpty || !HeadWriter.isAny(field, bytes, of: credentialFields))
            }
            self.writeRequestID(into: &out)
            if let framing = self.upload.framing {
                self.writeFraming(framing, into: &out)
            } else if self.hasForwardedBody {
                out.write("content-length: ")
                out.write(
                    self.splices.reduce(self.ownBody.readableBytes) { $0 + $1.replacement.count - $1.range.count }
                )
                out.write("\r\n")
            }
            out.write("\r\n")
        }
        return self.writeBody(into: &out)
    }

    /// The request line, and the host field up to its value.
    private func writeRequestLine(
        _ upstream: CompiledUpstream,
        _ bytes: borrowing Span<UInt8>,
        into out: inout ByteWriter
    ) {
        out.write(bytes.extracting(self.request.methodRange.lower..<self.request.methodRange.upper))
        out.write(" ")
        out.write(upstream.basePath)
        if let version = upstream.apiVersion {
            self.writeAzurePath(version, bytes, into: &out)
        } else if self.endpoint?.namesModelInPath == true {
            self.writeGeminiPath(bytes, into: &out)
        } else {
            out.write(bytes.extracting(self.subpath.lower..<self.subpath.upper))
            self.writeQuery("?", bytes, into: &out)
        }
        out.write(" HTTP/1.1\r\nhost: ")
    }

    /// Azure's versioned API names the deployment in the path of every call to a model, and the version in the query
    /// (learn.microsoft.com, "Azure OpenAI REST API reference").
    private func writeAzurePath(_ version: [UInt8], _ bytes: borrowing Span<UInt8>, into out: inout ByteWriter) {
        if self.endpoint?.isDeployed == true, !self.record.modelServed.isEmpty {
            out.write("/deployments/")
            out.write(PercentEncoding.encode(self.record.modelServed.array))
        }
        out.write(bytes.extracting(self.subpath.lower..<self.subpath.upper))
        out.write("?")
        out.write(version)
        self.writeQuery("&", bytes, into: &out)
    }

    private func writeQuery(_ sign: StaticString, _ bytes: borrowing Span<UInt8>, into out: inout ByteWriter) {
        guard !self.request.query.isEmpty else { return }
        out.write(sign)
        out.write(bytes.extracting(self.request.query.lower..<self.request.query.upper))
    }

    private var hasForwardedBody: Bool { self.request.hasBody || self.request.method == .post }

    private func credentialLines(of upstream: CompiledUpstream) -> [UInt8] {
        guard let place = self.credential(of: upstream) else { return [] }
        guard let token = upstream.credentials[place].token else { return upstream.credentials[place].lines }
        return upstream.credentials[place].lines + token.line
    }

    /// The place of the credential of this attempt, drawn by weight; nil when the upstream asks for none.
    func credential(of upstream: CompiledUpstream) -> Int? {
        let credentials = upstream.credentials
        guard credentials.count > 1 else { return credentials.isEmpty ? nil : 0 }
        var draw = self.loop.random.below(credentials.reduce(0) { $0 + $1.weight })
        for place in credentials.indices {
            draw -= credentials[place].weight
            if draw < 0 { return place }
        }
        return 0
    }

    // MARK: the body

    /// Where the forwarded body differs from the received one: the model's name, and the request for usage.
    private func prepareSplices() {
        if !self.splices.isEmpty { self.splices.removeAll(keepingCapacity: true) }
        let call = self.ownCall
        if let range = call.modelRange, self.target >= 0, let table = self.table {
            table.models.use(self.record.model) { self.spliceModel($0.targets[self.target], range, call) }
        }
        if self.endpoint?.format == .openAIChat, call.isStream, !call.asksForUsage {
            self.splices.append(self.usageSplice())
            if self.splices.count == 2, self.splices[0].range.lowerBound > self.splices[1].range.lowerBound {
                self.splices.swapAt(0, 1)
            }
        }
    }

    private func spliceModel(_ target: CompiledTarget, _ range: Range<Int>, _ call: Call) {
        guard target.model != nil || call.isModelEscaped else { return }
        if self.endpoint?.body == .multipart {
            self.splices.append(Splice(range: range, replacement: self.record.modelServed.array))
        } else {
            let quoted = target.quotedModel ?? JSONQuote.quoted(self.record.modelServed.array)
            self.splices.append(Splice(range: range, replacement: quoted))
        }
    }

    /// Makes the body ask for the usage event (`stream_options.include_usage`, OpenAI's API reference, "Create chat
    /// completion"), keeping the other options.
    private func usageSplice() -> Splice {
        guard let options = self.ownCall.streamOptions else {
            let start = self.bodyObjectStart + 1
            return Splice(range: start..<start, replacement: Array("\"stream_options\":{\"include_usage\":true},".utf8))
        }
        guard options.kind == .object else {
            return Splice(range: options.range, replacement: Array("{\"include_usage\":true}".utf8))
        }
        let body = self.ownBody
        let raw = body.getBytes(at: body.readerIndex + options.start, length: options.end - options.start) ?? []
        return Splice(range: options.range, replacement: StreamOptions.includingUsage(raw))
    }

    private var bodyObjectStart: Int {
        let body = self.ownBody
        let bytes = body.readableBytesUInt8Span
        var index = 0
        while index < bytes.count, bytes[index] != UInt8(ascii: "{") { index += 1 }
        return index
    }

    /// A second piece costs more than copying so much.
    private static let copiedBytes = 16 << 10

    /// Returns what is left to send of a large body.
    private func writeBody(into out: inout ByteBuffer) -> ByteBuffer? {
        guard self.hasForwardedBody, self.upload.framing == nil else { return nil }
        let body = self.ownBody
        let bytes = body.readableBytesUInt8Span
        var cursor = 0
        for index in self.splices.indices {
            let range = self.splices[index].range
            Self.copy(bytes.extracting(cursor..<range.lowerBound), into: &out)
            out.writeBytes(self.splices[index].replacement)
            cursor = range.upperBound
        }
        let rest = bytes.count - cursor
        if rest > Self.copiedBytes { return body.getSlice(at: body.readerIndex + cursor, length: rest) }
        Self.copy(bytes.extracting(cursor..<bytes.count), into: &out)
        return nil
    }

    private static func copy(_ bytes: borrowing Span<UInt8>, into out: inout ByteBuffer) {
        bytes.withUnsafeBytes { _ = out.writeBytes($0) }
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
        let bytes = source.readableBytesUInt8Span
        let isTranslated = self.translated != nil
        ByteWriter.append(to: &out, atMost: self.response.length + self.gatewayFieldsRoom(table) + 256) { out in
            StatusLine.write(self.response.status, into: &out)
            HeadWriter.copyFields(
                self.response.fields,
                of: bytes,
                headEnd: self.response.length,
                namedByConnection: self.response.facts.namesFields,
                into: &out
            ) { field, bytes in
                if field.known.isHopByHop || field.known == .xRequestID { return false }
                if inflating, field.known == .contentEncoding { return false }
                if isTranslated, Self.isOfDialect(answer: field, bytes) { return false }
                return field.known != .other || !Self.staysBehind(field, bytes)
            }
            if isTranslated { self.writeTranslatedType(into: &out) }
            self.writeGatewayFields(table, into: &out)
            self.writeFraming(framing, length, into: &out)
            if !self.isClientReusable { out.write("connection: close\r\n") }
            out.write("\r\n")
        }
    }

    private func writeFraming(_ framing: BodyRelay.ClientFraming, _ length: UInt64, into out: inout ByteWriter) {
        switch framing {
        case .none where self.response.status == 204 || self.response.status == 304: break
        case .none: out.write("content-length: 0\r\n")
        case .length:
            out.write("content-length: ")
            out.write(Int(length))
            out.write("\r\n")
        case .chunked: out.write("transfer-encoding: chunked\r\n")
        case .untilClose: break
        }
    }

    /// A provider's cookies and quota are between it and the gateway: they say nothing true to this caller. What the
    /// gateway says itself cannot be said by an upstream.
    private static func staysBehind(_ field: HeadField, _ bytes: borrowing Span<UInt8>) -> Bool {
        switch bytes[field.name.lower] | 0x20 {
        case UInt8(ascii: "s"):
            field.name.equals(bytes, "set-cookie") || field.name.equals(bytes, "strict-transport-security")
        case UInt8(ascii: "x"):
            field.name.begins(bytes, "x-ratelimit-") || field.name.begins(bytes, "x-gateway-")
        // Other protocols of the provider's host are not those of ours.
        case UInt8(ascii: "a"):
            field.name.begins(bytes, "anthropic-ratelimit-") || field.name.equals(bytes, "alt-svc")
        default: false
        }
    }

    /// Room for `writeGatewayFields`.
    func gatewayFieldsRoom(_ table: RoutingTable?) -> Int {
        var room = 512 + self.record.requestID.count + self.record.modelServed.count
        if let losses = self.toldLosses { room += losses.headerValue.count }
        guard let table else { return room }
        // The lines themselves are asked, since they are read next: the names lie elsewhere in memory.
        if self.record.namespace >= 0 { room += table.namespaces.use(self.record.namespace) { $0.answerLine.count } }
        if self.record.upstream >= 0 { room += table.upstreams.use(self.record.upstream) { $0.answerLine.count } }
        return room
    }

    /// `x-request-id`, `x-gateway-*` and `x-ratelimit-*`.
    func writeGatewayFields(_ table: RoutingTable?, into out: inout ByteWriter) {
        self.writeRequestID(into: &out)
        guard let table else { return }
        if self.record.namespace >= 0 {
            table.namespaces.use(self.record.namespace) { out.write($0.answerLine) }
        }
        if self.record.upstream >= 0 {
            table.upstreams.use(self.record.upstream) { out.write($0.answerLine) }
            if !self.record.modelServed.isEmpty {
                out.write("x-gateway-model: ")
                out.writePlain(self.record.modelServed.bytes)
                out.write("\r\n")
            }
            out.write("x-gateway-attempts: ")
            out.write(self.record.attempts)
            out.write("\r\n")
        }
        if let losses = self.toldLosses {
            out.write("x-gateway-loss: ")
            out.write(losses.headerValue)
            out.write("\r\n")
        }
        if self.standing.isPresent { self.writeStanding(into: &out) }
    }

    /// In OpenAI's spelling (platform.openai.com/docs/guides/rate-limits, "Rate limits in headers").
    private func writeStanding(into out: inout ByteWriter) {
        out.write("x-ratelimit-limit-requests: ")
        out.write(Int(self.standing.limit))
        out.write("\r\nx-ratelimit-remaining-requests: ")
        out.write(Int(self.standing.remaining))
        out.write("\r\nx-ratelimit-reset-requests: ")
        out.write(Int(self.standing.resetAfter / 1_000_000))
        out.write("ms\r\n")
    }

    /// One id travels: the one that was taken over from the caller, or ours; whatever else a caller calls so stays behind.
    func writeRequestID(into out: inout ByteWriter) {
        out.write("x-request-id: ")
        if self.record.requestID.isEmpty {
            out.write(self.record.id)
        } else {
            out.write(self.record.requestID.bytes)
        }
        out.write("\r\n")
    }
}
