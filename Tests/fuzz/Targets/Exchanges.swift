import GatewayModel
import Glibc
import HTTPWire
import Journal
import NIOCore

@testable import GatewayCore

/// A whole exchange: what a client sends, and what the upstream answers. Whatever both are, one well-formed request at most
/// goes upstream, with the upstream's credential and without the caller's; what the client gets is a whole answer or one
/// that visibly breaks off; and however the answer was split, it is the same.
enum ExchangesCheck {
    static let now: UInt64 = 1_000_000_000
    static let headLimit = 4096
    /// Stands between the request and the answer.
    static let border = Array("\n=====\n".utf8)

    static func run(_ input: [UInt8]) {
        let input = SplitInput(input)
        let place = input.bytes.place(of: self.border) ?? input.bytes.count
        let request = Array(input.bytes[..<place])
        let answer = Array(input.bytes[place...].dropFirst(self.border.count))
        let whole = ExchangeRun(request).finish(answer.isEmpty ? [] : [answer])
        self.checkClient(whole)
        let split = ExchangeRun(request).finish(input.pieces(of: answer))
        self.checkClient(split)
        expect(whole.sent == split.sent, "the same call was sent in two ways")
        guard whole.ending == .complete || split.ending == .complete else { return }
        expect(whole.ending == split.ending, "split, the answer is \(split.ending), not \(whole.ending)")
        expect(self.read(whole) == self.read(split), "split, the client gets another answer")
        expect(whole.usage == split.usage, "split, the usage is \(split.usage), not \(whole.usage)")
    }

    struct Answer: Equatable {
        var status = 0
        var body: [UInt8] = []
        var isWhole = false
        /// Behind the answer's end.
        var left = 0
    }

    /// What a client makes of the bytes that it got.
    static func read(_ run: ExchangeRun.Result) -> Answer {
        let head = ResponseHead()
        var buffer = ByteBuffer(bytes: run.received)
        guard case .complete(let length) = try? head.parse(buffer, limit: 1 << 20) else {
            expect(run.received.isEmpty, "the client's answer has no head: \(run.received.text.debugDescription)")
            return Answer()
        }
        buffer.moveReaderIndex(forwardBy: length)
        let rest = Array(buffer.readableBytesView)
        switch head.framing(answering: run.method) {
        case .none: return Answer(status: head.status, isWhole: true, left: rest.count)
        case .length(let count):
            let body = Array(rest.prefix(Int(count)))
            return Answer(
                status: head.status,
                body: body,
                isWhole: body.count == Int(count),
                left: rest.count - body.count
            )
        case .untilClose: return Answer(status: head.status, body: rest, isWhole: true)
        case .chunked: return self.unchunk(rest, head.status)
        }
    }

    private static func unchunk(_ bytes: [UInt8], _ status: Int) -> Answer {
        var answer = Answer(status: status)
        var decoder = ChunkedDecoder()
        let buffer = ByteBuffer(bytes: bytes)
        var cursor = 0
        while true {
            guard let step = try? decoder.next(buffer, &cursor) else {
                expect(false, "the client's chunks are malformed")
                return answer
            }
            switch step {
            case .data(let range): answer.body += bytes[range.lower..<range.upper]
            case .needsMore: return answer
            case .finished(let end):
                (answer.isWhole, answer.left) = (true, bytes.count - end)
                return answer
            }
        }
    }

    private static func checkClient(_ run: ExchangeRun.Result) {
        guard run.ending != .gone else { return }
        let answer = self.read(run)
        expect(answer.left == 0, "\(answer.left) bytes behind the answer's end")
        switch run.ending {
        case .complete, .refused, .ended: expect(answer.isWhole, "\(run.ending), but the client waits for more")
        case .aborted, .gone: break
        }
        let repeatsKey = run.ending == .refused && run.received.place(of: CallersKey.bytes) != nil
        expect(!repeatsKey || run.mayRepeatKey, "a refusal repeats the key")
    }
}

/// The key of whoever calls.
enum CallersKey {
    static let bytes = Array("agk-of-the-caller".utf8)

    /// How many fields hold it.
    static func lines(_ head: RequestHead, _ bytes: [UInt8]) -> Int {
        head.fields.count { self.stands(in: $0, bytes) }
    }

    /// How many hold it that are none of credentials.
    static func linesElsewhere(_ head: RequestHead, _ bytes: [UInt8]) -> Int {
        head.fields.count { !$0.known.isCredential && self.stands(in: $0, bytes) }
    }

    private static func stands(in field: HeadField, _ bytes: [UInt8]) -> Bool {
        Array(bytes[field.name.lower..<field.value.upper]).place(of: self.bytes) != nil
    }
}

/// One exchange without a transport.
struct ExchangeRun {
    enum Ending: Equatable {
        /// The upstream's answer went out whole.
        case complete
        /// The gateway's own answer went out.
        case refused
        /// Cut, with an error event in the stream.
        case ended
        /// Cut, so that the client notices.
        case aborted
        /// The client did not wait, or began what is no exchange.
        case gone
    }

    struct Result {
        var sent: [UInt8] = []
        var received: [UInt8] = []
        var ending = Ending.gone
        var usage = TokenUsage()
        var method = RequestHead.Method.other
        /// The caller wrote it as the id of its request or as the name of a model, which refusals repeat, or into its body, whose
        /// words a refusal to translate may name.
        var mayRepeatKey = false
        var body: [UInt8] = []
    }

    /// The loop, and the journal that its writer belongs to.
    // WHY unsafe: used by libFuzzer's single thread alone.
    private nonisolated(unsafe) static let process = makeProcess()

    private let loop = ExchangeRun.process.loop
    private let exchange = Exchange(on: ExchangeRun.process.loop, peer: "127.0.0.1")
    private let request: [UInt8]

    init(_ request: [UInt8]) {
        self.loop.random = RandomNumbers(seed: 7)
        self.request = request
    }

    func finish(_ answer: [[UInt8]]) -> Result {
        var result = Result()
        var out = ByteBuffer()
        self.run(answer, &result, &out)
        expect(self.exchange.isClosed, "the exchange was left open")
        expect(self.loop.metrics.streamsOpen == 0, "\(self.loop.metrics.streamsOpen) streams are open behind the end")
        expect(self.exchange.head.readableBytes == 0 && self.exchange.body.readableBytes == 0, "the request is kept")
        expect(self.exchange.occupied == nil, "a place with the upstream was not given back")
        result.received = Self.withoutIDs(Array(out.readableBytesView))
        result.sent = Self.withoutIDs(result.sent)
        result.usage = self.exchange.record.usage
        result.method = self.exchange.request.method
        let model = Exchange.printable(self.exchange.record.modelAsked.array)
        let repeated = [self.exchange.record.requestID.array, Array(model.utf8), result.body]
        result.mayRepeatKey = repeated.contains { $0.place(of: CallersKey.bytes) != nil }
        return result
    }

    private func run(_ answer: [[UInt8]], _ result: inout Result, _ out: inout ByteBuffer) {
        do {
            guard let body = try self.open() else { return self.exchange.abandon(.clientGone, now: ExchangesCheck.now) }
            result.body = Array(body.readableBytesView)
            switch try self.exchange.admit(body) {
            case .answer(let own):
                self.exchange.answer(own, now: ExchangesCheck.now, closing: false, into: &out)
                result.ending = .refused
                return
            case .send: break
            }
            let attempt = try self.exchange.nextAttempt(after: nil)
            try self.exchange.recordStart()
            var sent = ByteBuffer()
            if var rest = self.exchange.writeRequest(to: attempt.upstream, into: &sent) { sent.writeBuffer(&rest) }
            self.exchange.noteSent(at: ExchangesCheck.now)
            result.sent = Array(sent.readableBytesView)
            self.checkSent(result.sent, attempt.upstream)
            try self.relay(answer, &result, &out)
        } catch {
            guard let refusal = error as? Refusal else { return expect(false, "\(error)") }
            self.refuse(refusal, &result, &out)
        }
    }

    private func refuse(_ refusal: Refusal, _ result: inout Result, _ out: inout ByteBuffer) {
        self.exchange.refuse(refusal, now: ExchangesCheck.now, closing: false, into: &out)
        result.ending = .refused
    }

    /// The request's body; nil when it does not come, or is a form, which goes another way.
    private func open() throws -> ByteBuffer? {
        let buffer = ByteBuffer(bytes: self.request)
        let head = self.exchange.request
        do {
            guard case .complete(let length) = try head.parse(buffer, limit: ExchangesCheck.headLimit) else {
                self.exchange.openMalformed(now: ExchangesCheck.now)
                return nil
            }
            let opening = try self.exchange.open(buffer, now: ExchangesCheck.now)
            guard opening.body != .multipart else { return nil }
            return self.body(Array(self.request.dropFirst(length)), head.facts)
        } catch is WireError {
            self.exchange.openMalformed(now: ExchangesCheck.now)
            throw Refusal(.malformedRequest)
        }
    }

    private func body(_ bytes: [UInt8], _ facts: FieldFacts) -> ByteBuffer? {
        guard facts.isChunked else {
            let count = facts.contentLength ?? 0
            return count <= UInt64(bytes.count) ? ByteBuffer(bytes: bytes.prefix(Int(count))) : nil
        }
        var decoder = ChunkedDecoder()
        var cursor = 0
        var body = ByteBuffer()
        while let step = try? decoder.next(ByteBuffer(bytes: bytes), &cursor) {
            switch step {
            case .data(let range): body.writeBytes(bytes[range.lower..<range.upper])
            case .needsMore: return nil
            case .finished: return body
            }
        }
        return nil
    }

    /// `sent` with the plainest target: a model's name may hold, encoded, what no path of a client's may.
    private func withoutTarget(_ sent: [UInt8]) -> [UInt8] {
        let line = sent.prefix { $0 != 0x0D }
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        expect(words.count == 3 && line.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "the line \(Array(line).text)")
        return Array(words[0]) + Array(" / ".utf8) + Array(words[2]) + sent[line.endIndex...]
    }

    /// Fields of the request that hold the key although nobody reads it there: they are passed on as any other.
    private func linesOfTheCallersOwn() -> Int {
        let head = RequestHead()
        guard case .complete = try? head.parse(ByteBuffer(bytes: self.request), limit: 1 << 20) else { return 0 }
        return CallersKey.linesElsewhere(head, self.request)
    }

    private func checkSent(_ sent: [UInt8], _ upstream: CompiledUpstream) {
        let sent = self.withoutTarget(sent)
        let head = RequestHead()
        guard case .complete(let length) = try? head.parse(ByteBuffer(bytes: sent), limit: 1 << 20) else {
            return expect(false, "what goes upstream is no request: \(sent.text.debugDescription)")
        }
        let body = sent.count - length
        expect(!head.facts.isChunked && Int(head.facts.contentLength ?? 0) == body, "\(body) bytes behind the head")
        expect(head.facts.hostCount == 1, "\(head.facts.hostCount) hosts")
        let text = Array(sent.prefix(length))
        expect(CallersKey.lines(head, sent) <= self.linesOfTheCallersOwn(), "the caller's key goes upstream")
        let credential = Array("sk-\(upstream.name)".utf8)
        guard let first = text.place(of: credential) else { return expect(false, "no credential goes upstream") }
        expect(text.place(of: credential, from: first + 1) == nil, "two credentials go upstream")
        for name in ["x-request-id", "connection", "transfer-encoding", "authorization", "x-api-key", "x-goog-api-key"]
            as [StaticString]
        {
            let count = head.fields.count { $0.name.equals(text.span, name) }
            expect(count <= 1, "\(count) fields \(name)")
        }
    }

    private func relay(_ pieces: [[UInt8]], _ result: inout Result, _ out: inout ByteBuffer) throws {
        var input = ByteBuffer()
        var isRelaying = false
        for piece in pieces {
            input.writeBytes(piece)
            if !isRelaying {
                guard try self.readHead(&input, &isRelaying, &out) else {
                    return self.exchange.abandon(.clientGone, now: ExchangesCheck.now)
                }
                guard isRelaying else { continue }
            }
            var passed: ByteBuffer?
            let verdict = self.exchange.receiveBody(&input, now: ExchangesCheck.now, into: &out, passing: &passed)
            if var passed { out.writeBuffer(&passed) }
            switch verdict {
            case .more: input = ByteBuffer()
            case .complete:
                self.exchange.finish(now: ExchangesCheck.now)
                result.ending = .complete
                return
            case .refused(let refusal): throw refusal
            case .broken: return try self.cut(.upstreamBroken, &result, &out)
            }
        }
        guard isRelaying else { throw Refusal(.upstreamCut) }
        guard case .complete = self.exchange.upstreamClosed(into: &out) else {
            return try self.cut(.upstreamCut, &result, &out)
        }
        self.exchange.finish(now: ExchangesCheck.now)
        result.ending = .complete
    }

    /// False: a tunnel begins, which is none of ours.
    private func readHead(_ input: inout ByteBuffer, _ isRelaying: inout Bool, _ out: inout ByteBuffer) throws -> Bool {
        while input.readableBytes > 0 {
            let parsed: ParseResult
            do { parsed = try self.exchange.response.parse(input, limit: ExchangesCheck.headLimit) } catch {
                throw Refusal(.upstreamBroken)
            }
            guard case .complete(let length) = parsed else { return true }
            switch self.exchange.receiveHead(input, now: ExchangesCheck.now, into: &out) {
            case .interim: input.moveReaderIndex(forwardBy: length)
            case .discard(let refusal): throw refusal
            case .switchProtocols: return false
            case .relay:
                input.moveReaderIndex(forwardBy: length)
                isRelaying = true
                return true
            }
        }
        return true
    }

    private func cut(_ code: ErrorCode, _ result: inout Result, _ out: inout ByteBuffer) throws {
        // As the driver does: nothing has gone out, so it is a refusal like any other.
        guard out.readableBytes > 0 else { throw Refusal(code) }
        result.ending = self.exchange.cut(code, now: ExchangesCheck.now, into: &out) ? .ended : .aborted
    }

    /// Ids of the gateway's own, which differ from exchange to exchange, with zeros for their 32 digits.
    private static func withoutIDs(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Set("0123456789abcdef".utf8)
        var bytes = bytes
        var from = 0
        while let place = bytes.place(of: Array("req_".utf8), from: from) {
            from = place + 4
            let id = from..<from + 32
            guard id.upperBound <= bytes.count, bytes[id].allSatisfy(digits.contains) else { continue }
            bytes.replaceSubrange(id, with: repeatElement(UInt8(ascii: "0"), count: 32))
        }
        return bytes
    }

    private static func makeProcess() -> (loop: LoopState, journal: Journal) {
        let folder = (getenv("FUZZ_FOLDER").map { String(cString: $0) } ?? "/tmp") + "/exchange-\(getpid())"
        mkdir(folder, 0o700)
        let options = Journal.Options(directory: folder, segmentBytes: 1 << 20, totalBytes: 4 << 20)
        guard let journal = try? Journal(options, writers: 1), let objects = try? ObjectMap(path: "\(folder)/objects")
        else {
            // WHY: fatal: a harness that cannot write would find nothing and say so.
            fatalError("cannot write to \(folder)")
        }
        let loop = LoopState(
            journal: journal.writer(0),
            options: CoreOptions(maximumBodyBytes: 1 << 16, servesWithoutJournal: true),
            accessLog: nil,
            objects: objects
        )
        loop.table = RoutingTable(compiling: Self.snapshot(), sharing: RoutingTable.Shared())
        return (loop, journal)
    }

    /// Whoever calls may call; one upstream of each dialect, and models that are served by others.
    private static func snapshot() -> Snapshot {
        let dialects: [(String, Dialect)] = [("openai", .openAI), ("claude", .anthropic), ("google", .gemini)]
        return Snapshot(
            version: 1,
            namespaces: [
                Namespace(name: "team", match: .init(pathPrefix: "/team"), anonymous: true),
                Namespace(name: "all", anonymous: true),
            ],
            keys: [],
            upstreams: dialects.map { name, dialect in
                Upstream(
                    name: name,
                    dialect: dialect,
                    baseURL: BaseURL(tls: false, host: "\(name).example", port: 80, path: "/v1"),
                    credentials: [Upstream.Credential(source: .value(Secret("sk-\(name)")))]
                )
            },
            models: [
                Model(name: NamePattern("gpt"), targets: [.init(upstream: "openai", model: "gpt-2")]),
                Model(name: NamePattern("claude"), targets: [.init(upstream: "claude")]),
                Model(name: NamePattern("gem*"), targets: [.init(upstream: "google", model: "gemini")]),
                Model(name: NamePattern("*"), targets: dialects.map { .init(upstream: $0.0, weight: 1) }),
            ],
            routes: [Route(name: "files", match: .init(paths: [NamePattern("/v1/files*")]), upstream: "openai")],
            keyPepper: Secret("pepper")
        )
    }
}
