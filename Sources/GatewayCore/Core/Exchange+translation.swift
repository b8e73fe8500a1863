import Dialects
import GatewayModel
import HTTPWire
import NIOCore

/// What one attempt needs when its upstream speaks another dialect than the client.
///
/// A class: nearly every exchange has none, and looking for it should cost no more than one word.
final class AttemptTranslation {
    enum Work {
        case chat
        case count(CountTranslation)
        case embeddings(EmbeddingsTranslation, EmbeddingsTranslation.Request)
    }

    let work: Work
    /// The way of a chat; errors of all work go it.
    let translation: Translation
    let body: [UInt8]
    /// Below the upstream's base URL, with its query.
    let path: String
    let isStream: Bool
    /// Of the request; those of the answer join them when it is known.
    var losses: LossLedger
    let context: AnswerContext

    init(
        work: Work,
        translation: Translation,
        body: [UInt8],
        path: String,
        isStream: Bool,
        losses: LossLedger,
        context: AnswerContext
    ) {
        self.work = work
        self.translation = translation
        self.body = body
        self.path = path
        self.isStream = isStream
        self.losses = losses
        self.context = context
    }
}

// A call whose upstream speaks another dialect is read and written anew: request, answer, stream and errors. Where both sides
// speak the same dialect nothing of this runs.
extension Exchange {
    /// Stands in where a client set no bound, the upstream demands one, and nothing says what its model can do.
    private static let defaultMaxTokens = 4096

    /// Whether the call can be put into the words of `upstream`. What builds on objects that a provider keeps cannot.
    func canTranslate(for upstream: CompiledUpstream) -> Bool {
        guard let endpoint = self.endpoint, self.fixedUpstream < 0 else { return false }
        let client = endpoint.format.dialect
        switch endpoint.work {
        case .chat: return Translation(client: self.format, upstream: upstream.dialect) != nil
        case .count: return CountTranslation(client: client, upstream: upstream.dialect) != nil
        case .embeddings: return EmbeddingsTranslation(client: client, upstream: upstream.dialect) != nil
        case .other: return false
        }
    }

    /// Translates the call for `upstream`; nil when it speaks the client's dialect. Throws when the call has no words there, or
    /// loses something that the route forbids to lose.
    func translate(for upstream: CompiledUpstream) throws(Refusal) -> AttemptTranslation? {
        guard let endpoint = self.endpoint, !Self.speaks(upstream, endpoint.format), let table = self.table else {
            return nil
        }
        let attempt: AttemptTranslation?
        do throws(TranslationFailure) { attempt = try self.translated(endpoint, upstream.dialect) } catch {
            throw Refusal(.untranslatable, Self.detail(error))
        }
        guard let attempt else { throw Refusal(.dialectMismatch) }
        if table.routes[self.record.route].losses == .strict, !attempt.losses.isEmpty {
            throw Refusal(.translationLoss, "In detail: \(attempt.losses.summary).")
        }
        return attempt
    }

    private func translated(
        _ endpoint: Endpoint,
        _ dialect: Dialect
    ) throws(TranslationFailure) -> AttemptTranslation? {
        let client = endpoint.format.dialect
        let chat = endpoint.work == .chat ? self.format : Self.chatFormat(of: client)
        // A call without a model builds on something that the provider keeps.
        guard self.record.model >= 0, let translation = Translation(client: chat, upstream: dialect) else { return nil }
        let body = Array(self.body.readableBytesView)
        let model = self.record.modelServed.text
        switch endpoint.work {
        case .other: return nil
        case .chat:
            let request = try translation.request(
                body,
                model: model,
                defaultMaxTokens: Self.defaultMaxTokens,
                stream: endpoint.namesModelInPath ? self.call.isStream : nil
            )
            return self.attempt(.chat, translation, request)
        case .count:
            guard let count = CountTranslation(client: client, upstream: dialect) else { return nil }
            return self.attempt(.count(count), translation, try count.request(body, model: model))
        case .embeddings:
            guard let embeddings = EmbeddingsTranslation(client: client, upstream: dialect) else { return nil }
            let request = try embeddings.request(body, model: model)
            return AttemptTranslation(
                work: .embeddings(embeddings, request),
                translation: translation,
                body: request.body,
                path: request.path,
                isStream: false,
                losses: request.losses,
                context: self.answerContext(includesUsage: false)
            )
        }
    }

    private func attempt(
        _ work: AttemptTranslation.Work,
        _ translation: Translation,
        _ request: Translation.Request
    ) -> AttemptTranslation {
        AttemptTranslation(
            work: work,
            translation: translation,
            body: request.body,
            path: request.path,
            isStream: request.isStream,
            losses: request.losses,
            context: self.answerContext(includesUsage: request.includesUsage)
        )
    }

    private static func chatFormat(of dialect: Dialect) -> WireFormat {
        switch dialect {
        case .anthropic: .anthropicMessages
        case .gemini: .geminiGenerate
        case .openAI, .azureOpenAI, .bedrock, .simulator: .openAIChat
        }
    }

    static func detail(_ failure: TranslationFailure) -> String {
        switch failure {
        case .invalid(let field, let reason): "`\(field)` \(reason)."
        case .unsupported(let field, let reason): "`\(field)`: \(reason)."
        case .badAnswer(let reason): reason
        }
    }

    private func answerContext(includesUsage: Bool) -> AnswerContext {
        AnswerContext(
            model: self.record.modelAsked.text,
            id: String(self.record.id.description.dropFirst(4)),
            created: Int(self.record.startedAt / 1_000_000_000),
            includesUsage: includesUsage,
            requestID: self.requestID
        )
    }

    // MARK: the request

    /// Writes the translated request: the upstream's path, the client's fields that mean the same everywhere, our body.
    func writeTranslated(_ attempt: AttemptTranslation, to upstream: CompiledUpstream, into out: inout ByteBuffer) {
        let body = attempt.body
        let path = upstream.basePath + self.translatedPath(attempt, upstream)
        let credential = self.proof(to: upstream, path: path, body: body)
        let head = self.head
        let bytes = head.readableBytesUInt8Span
        let room = self.request.length + path.count + upstream.authority.count + credential.count + 512
        ByteWriter.append(to: &out, atMost: room) { out in
            out.write("POST ")
            out.write(path)
            out.write(" HTTP/1.1\r\nhost: ")
            out.write(upstream.authority)
            out.write("\r\naccept-encoding: identity\r\ncontent-type: application/json\r\n")
            if upstream.dialect == .anthropic { out.write("anthropic-version: 2023-06-01\r\n") }
            out.write(credential)
            HeadWriter.copyFields(
                self.request.fields,
                of: bytes,
                headEnd: self.request.length,
                namedByConnection: self.request.facts.namesFields,
                into: &out
            ) { field, bytes in
                !field.known.isHopByHop && !field.known.isForGateway && field.known != .xRequestID
                    && !Self.isOfDialect(field, bytes)
                    && !HeadWriter.isAny(field, bytes, of: upstream.credentialFields)
            }
            self.writeRequestID(into: &out)
            out.write("content-length: ")
            out.write(body.count)
            out.write("\r\n\r\n")
        }
        out.writeBytes(body)
    }

    private func translatedPath(_ attempt: AttemptTranslation, _ upstream: CompiledUpstream) -> [UInt8] {
        let path = Array(attempt.path.utf8)
        guard let version = upstream.apiVersion else { return path }
        let deployment = Array("/deployments/".utf8) + PercentEncoding.encode(self.record.modelServed.array)
        return deployment + path + [UInt8(ascii: "?")] + version
    }

    /// The header lines of one of the upstream's credentials, over this request where it signs.
    private func proof(to upstream: CompiledUpstream, path: [UInt8], body: [UInt8]) -> [UInt8] {
        guard let place = self.credential(of: upstream) else { return [] }
        let credential = upstream.credentials[place]
        var lines = credential.lines
        if let token = credential.token { lines += token.line }
        if let signer = credential.signer {
            let request = AWSSigner.Request(
                method: "POST",
                path: String(decoding: path, as: UTF8.self),
                host: String(decoding: upstream.authority, as: UTF8.self),
                body: body
            )
            lines += signer.lines(for: request, at: self.record.startedAt / 1_000_000_000)
        }
        return lines
    }

    /// Fields that speak of the body, or that only one provider understands.
    private static func isOfDialect(_ field: HeadField, _ bytes: borrowing Span<UInt8>) -> Bool {
        switch field.known {
        case .contentType, .contentEncoding, .acceptEncoding: return true
        case .other: break
        default: return false
        }
        if field.name.equals(bytes, "accept") { return true }
        return Self.begins(field, bytes, ["anthropic-", "openai-", "x-stainless-", "x-goog-", "x-amz"])
    }

    // MARK: the answer

    /// Takes over the answer to a translated request whose head has just been judged. Nothing goes to the client before it
    /// is known what: for a stream that is at once, for any other body at its end.
    func receiveTranslatedHead(
        _ attempt: AttemptTranslation,
        _ source: ByteBuffer,
        _ table: RoutingTable,
        into out: inout ByteBuffer
    ) {
        let bytes = source.readableBytesUInt8Span
        let status = self.response.status
        let type = self.response.facts.contentType
        let isStream =
            attempt.isStream && (200..<300).contains(status)
            && (type.begins(bytes, "text/event-stream") || type.begins(bytes, "application/vnd.amazon.eventstream"))
        let framing = self.response.framing(answering: .post)
        let inflating = self.isCompressed(bytes)
        if isStream {
            let chosen: BodyRelay.ClientFraming = self.request.isVersion10 ? .untilClose : .chunked
            self.relay.begin(
                framing,
                to: chosen,
                translating: attempt.translation.stream(attempt.context),
                inflating: inflating
            )
            self.writeAnswerHead(source, table, framing: chosen, length: 0, inflating: inflating, into: &out)
        } else {
            return self.hold(source)
        }
        self.releaseRequest()
        if self.relaysEvents { self.releaseHeads() }
    }

    /// Keeps the answer whose head is in `source` until it is whole.
    func hold(_ source: ByteBuffer) {
        let inflating = self.isCompressed(source.readableBytesUInt8Span)
        self.relay.begin(self.response.framing(answering: .post), holding: (), inflating: inflating)
        self.heldHead = source
        self.releaseRequest()
    }

    /// Writes an answer that was held until it was whole.
    func completeHeld(_ source: ByteBuffer, into out: inout ByteBuffer) -> BodyVerdict {
        self.heldHead = nil
        guard let table = self.table else { return .broken }
        if self.mayTellOfKey(table), Self.tellsOfKey(self.relay.wholeBody) {
            let name = table.upstreams[self.record.upstream].name
            return .refused(Refusal(.upstreamCredentialsExhausted, "Upstream `\(name)` does not accept its key."))
        }
        let body: [UInt8]
        do throws(TranslationFailure) { body = try self.heldBody(self.relay.wholeBody) } catch { return .broken }
        self.relay.frame(.length)
        let length = UInt64(body.count)
        self.writeAnswerHead(source, table, framing: .length, length: length, inflating: true, into: &out)
        self.relay.inject(body, into: &out)
        return .complete
    }

    private func heldBody(_ body: [UInt8]) throws(TranslationFailure) -> [UInt8] {
        guard let attempt = self.translated else { return body }
        guard (200..<300).contains(self.record.status) else {
            return attempt.translation.error(status: self.record.status, body: body, requestID: self.requestID)
        }
        // Who asked for events cannot read anything else.
        guard !attempt.isStream else { throw .badAnswer(reason: "it is no stream") }
        let answer: Translation.Answer
        switch attempt.work {
        case .chat: answer = try attempt.translation.answer(body, attempt.context)
        case .count(let count): return try count.answer(body)
        case .embeddings(let work, let request): answer = try work.answer(body, to: request, attempt.context)
        }
        self.record.usage = answer.usage
        self.add(answer.losses)
        return answer.body
    }

    /// Tells of what the answer has lost, too: in the head while that is not written, in the log in any case. It has come, so
    /// a route cannot forbid it any more.
    func add(_ losses: LossLedger) {
        guard let translated = self.translated, !losses.isEmpty else { return }
        translated.losses.add(losses)
        if let losses = self.toldLosses { self.record.losses = losses.headerValue }
    }

    /// Whether a field of an upstream's answer says nothing, or something wrong, beside a translated body.
    static func isOfDialect(answer field: HeadField, _ bytes: borrowing Span<UInt8>) -> Bool {
        field.known == .contentType
            || Self.begins(field, bytes, ["anthropic-", "openai-", "x-amzn-", "x-goog-", "server-timing"])
    }

    private static func begins(_ field: HeadField, _ bytes: borrowing Span<UInt8>, _ words: [StaticString]) -> Bool {
        for word in words where field.name.begins(bytes, word) { return true }
        return false
    }

    /// What is told of losses: nil when there are none, or the route wants nothing said.
    var toldLosses: LossLedger? {
        // Most calls need neither.
        guard self.translated != nil || self.cleaned != nil else { return nil }
        guard let losses = self.translated.map(\.losses) ?? self.cleaned?.losses, !losses.isEmpty,
            let table = self.table,
            table.routes[self.record.route].losses != .allow
        else { return nil }
        return losses
    }
}
