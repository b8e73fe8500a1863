import CByteScan
package import GatewayModel
import JSONScan

/// Translates a streamed answer while it comes, in pieces that may be split anywhere.
///
/// The client gets a complete stream of its own dialect, or a beginning of one and exactly one error at its end. What is
/// kept is one event of at most `maximumEvent` bytes, and the calls that a dialect wants one after another.
package final class StreamTranslator {
    /// The largest event of an upstream's, and the most that is kept back.
    static let maximumEvent = 4 << 20
    /// The most blocks of one answer, of all its choices: what is known of each takes memory until the end.
    static let maximumBlocks = 2048
    /// The most choices of one answer; OpenAI itself gives no more.
    static let maximumChoices = 128

    private let context: AnswerContext
    private let client: WireFormat
    private let decoder: StreamDecoder
    private let encoder: StreamEncoder
    private var buffer: [UInt8] = []
    private var searched = 0
    private var events: [AnswerEvent] = []
    private var pattern: DeltaPattern?
    /// Off in the test that compares the two ways.
    var takesShortWay = true
    private var counted: AnswerUsage?
    private var blocks = 0
    /// What of the upstream's answer the client did not get.
    package private(set) var losses = LossLedger()
    /// The client has been given the end of a complete stream.
    package private(set) var hasEnded = false
    /// The client has been given an error instead of an end.
    package private(set) var hasFailed = false

    init(_ translation: Translation, _ context: AnswerContext) {
        self.context = context
        self.client = translation.client
        self.decoder = StreamDecoder(translation.upstream, context)
        self.encoder = StreamEncoder(translation.client, context)
    }

    /// The usage so far.
    package var usage: TokenUsage { self.counted?.tokens(self.hasEnded ? .provider : .partial) ?? TokenUsage() }

    /// Takes the upstream's next bytes, and appends to `out` what the client is to get for them.
    package func feed(_ bytes: borrowing Span<UInt8>, into out: inout [UInt8]) {
        guard !self.isOver else { return }
        bytes.withUnsafeBufferPointer { self.buffer.append(contentsOf: $0) }
        // Taken out for the while, so that reading it and changing the rest of the state do not exclude each other.
        var buffer = self.buffer
        self.buffer = []
        var start = 0
        if case .bedrock(let reader) = self.decoder {
            self.frames(buffer.span, reader, &start, into: &out)
        } else {
            while !self.isOver, let end = SSEScanner.eventEnd(buffer.span, from: start, searched: &self.searched) {
                self.event(buffer.span, start..<end, into: &out)
                start = end
            }
        }
        buffer.removeSubrange(..<start)
        self.searched = max(self.searched - start, 0)
        self.buffer = buffer
        if !self.isOver, self.buffer.count > Self.maximumEvent || self.encoder.heldBytes > Self.maximumEvent {
            self.fail(.upstreamBroken, into: &out)
        }
    }

    /// The upstream's bytes are over. Gives the client an error unless the answer was complete.
    package func finish(into out: inout [UInt8]) {
        if !self.isOver, !self.buffer.isEmpty, !self.decoder.isFramed {
            // The blank line behind the last event is what a broken stream most often lacks.
            let buffer = self.buffer
            self.buffer = []
            if let data = SSEScanner.data(buffer.span, in: 0..<buffer.count), self.isWhole(buffer, data) {
                self.event(buffer.span, 0..<buffer.count, into: &out)
            }
        }
        if !self.isOver {
            self.events.removeAll(keepingCapacity: true)
            self.decoder.close(&self.events)
            self.give(into: &out)
        }
        if !self.isOver { self.fail(.upstreamCut, into: &out) }
        self.buffer = []
    }

    /// The whole frames from `start` on, which moves behind them.
    private func frames(
        _ bytes: borrowing Span<UInt8>,
        _ reader: BedrockStreamReader,
        _ start: inout Int,
        into out: inout [UInt8]
    ) {
        while !self.isOver {
            switch BedrockFrame.read(bytes, from: start) {
            case .incomplete: return
            case .broken: self.fail(.upstreamBroken, into: &out)
            case .whole(let frame):
                start = frame.end
                let payload = bytes.extracting(frame.payload).withUnsafeBufferPointer { Array($0) }
                self.events.removeAll(keepingCapacity: true)
                do {
                    try reader.read(frame, payload.isEmpty ? [:] : JSON(parsing: payload), &self.events)
                    self.give(into: &out)
                } catch { self.fail(.upstreamBroken, into: &out) }
            }
        }
    }

    private var isOver: Bool { self.hasEnded || self.hasFailed }

    private func isWhole(_ buffer: [UInt8], _ data: Range<Int>) -> Bool {
        buffer[data].elementsEqual("[DONE]".utf8) || (try? JSON(parsing: Array(buffer[data]))) != nil
    }

    /// Ends the client's stream with an error of the gateway's own, unless it has an end already.
    package func fail(_ code: ErrorCode, into out: inout [UInt8]) {
        guard !self.isOver else { return }
        self.hasFailed = true
        self.encoder.open(into: &out)
        out += ErrorBody.event(code, requestID: self.context.requestID, in: self.client)
    }

    private func event(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, into out: inout [UInt8]) {
        guard let data = SSEScanner.data(bytes, in: range), !data.isEmpty else { return }
        if let pattern = self.pattern, let text = pattern.match(bytes, data) {
            self.encoder.write(pattern.event(text), into: &out)
            return
        }
        self.events.removeAll(keepingCapacity: true)
        do { try self.decoder.read(bytes, data, &self.events) } catch {
            self.fail(.upstreamBroken, into: &out)
            return
        }
        self.pattern =
            self.takesShortWay && self.events.count == 1
            ? DeltaPattern(of: self.events[0], in: bytes, data) : nil
        self.give(into: &out)
    }

    private func give(into out: inout [UInt8]) {
        for event in self.events where !self.isOver {
            switch event {
            case .usage(let usage): self.counted = usage
            case .blockStart:
                self.blocks += 1
                if self.blocks > Self.maximumBlocks { return self.fail(.upstreamBroken, into: &out) }
            case .lost(let field, let why):
                self.losses.dropped(field, why)
                continue
            case .end: self.hasEnded = true
            case .error: self.hasFailed = true
            default: break
            }
            self.encoder.write(event, into: &out)
        }
    }
}

/// The events of an upstream's dialect.
enum StreamDecoder {
    case chat(ChatStreamDecoder)
    case messages(MessagesStreamDecoder)
    case generate(GenerateStreamDecoder)
    case bedrock(BedrockStreamReader)

    init(_ upstream: Dialect, _ context: AnswerContext) {
        switch upstream {
        case .gemini: self = .generate(GenerateStreamDecoder(context))
        case .bedrock: self = .bedrock(BedrockStreamReader())
        case .openAI, .azureOpenAI, .simulator: self = .chat(ChatStreamDecoder(context))
        case .anthropic: self = .messages(MessagesStreamDecoder())
        }
    }

    /// Reads the data of one event.
    func read(
        _ bytes: borrowing Span<UInt8>,
        _ data: Range<Int>,
        _ events: inout [AnswerEvent]
    ) throws(TranslationFailure) {
        if case .chat(let decoder) = self, LineScan.begins("[DONE]", bytes, in: data) {
            decoder.finish(&events)
            return
        }
        let json: JSON
        do {
            json = try JSON(parsing: bytes.extracting(data).withUnsafeBufferPointer { Array($0) })
        } catch { throw .badAnswer(reason: "an event is not JSON") }
        guard json.members != nil else { throw .badAnswer(reason: "an event is not an object") }
        switch self {
        case .chat(let decoder): try decoder.read(json, &events)
        case .messages(let decoder): try decoder.read(json, &events)
        case .generate(let decoder): try decoder.read(json, &events)
        case .bedrock: break
        }
    }

    /// The stream is made of frames, not of server-sent events.
    var isFramed: Bool { if case .bedrock = self { true } else { false } }

    /// The body is over: the end of an answer whose dialect has no event for it.
    func close(_ events: inout [AnswerEvent]) {
        switch self {
        case .generate(let decoder): if decoder.isComplete { decoder.finish(&events) }
        case .bedrock(let reader): if reader.isComplete { reader.finish(&events) }
        case .chat, .messages: break
        }
    }
}

/// The events of a client's dialect.
enum StreamEncoder {
    case chat(ChatStreamEncoder)
    case responses(ResponsesStreamEncoder)
    case messages(MessagesStreamEncoder)
    case generate(GenerateStreamEncoder)

    init(_ client: WireFormat, _ context: AnswerContext) {
        switch client {
        case .openAIChat, .openAIPlain: self = .chat(ChatStreamEncoder(context))
        case .openAIResponses: self = .responses(ResponsesStreamEncoder(context))
        case .anthropicMessages: self = .messages(MessagesStreamEncoder(context))
        case .geminiGenerate, .geminiPlain: self = .generate(GenerateStreamEncoder(context, isArray: false))
        case .geminiArray: self = .generate(GenerateStreamEncoder(context, isArray: true))
        }
    }

    func write(_ event: AnswerEvent, into out: inout [UInt8]) {
        switch self {
        case .chat(let encoder): encoder.write(event, into: &out)
        case .responses(let encoder): encoder.write(event, into: &out)
        case .messages(let encoder): encoder.write(event, into: &out)
        case .generate(let encoder): encoder.write(event, into: &out)
        }
    }

    /// What must stand before an error of the gateway's own.
    func open(into out: inout [UInt8]) {
        if case .generate(let encoder) = self, encoder.isArray { encoder.open(&out) }
    }

    /// How much waits for its turn.
    var heldBytes: Int {
        switch self {
        case .chat: 0
        case .responses(let encoder): encoder.heldBytes
        case .messages(let encoder): encoder.heldBytes
        case .generate(let encoder): encoder.heldBytes
        }
    }
}
