// WHY: longer than 200 lines: one state machine, from an upstream's framed body to the client's.

import Dialects
import GatewayModel
import HTTPWire
import JSONScan
import NIOCore

/// Carries an answer's body from the upstream's framing to the client's, looking at it on the way.
///
/// The upstream's framing is taken off and made anew, so that what was checked is what is forwarded. What is not looked
/// at is not copied; what is small is copied into the message that goes out, to save a write.
final class BodyRelay {
    /// How the client finds the end of the body.
    enum ClientFraming { case none, length, chunked, untilClose }

    /// What is done with the body on its way.
    enum Reading {
        case nothing
        /// Look for members of a JSON object.
        case members
        /// Judge each event.
        case events
        /// Keep all of it; the whole body is rewritten at its end.
        case whole
        /// Each event becomes some of the client's dialect.
        case translated
    }

    enum Failure: Error {
        /// Chunks, compression or an event that cannot be read.
        case broken
    }

    private enum Source {
        case length(UInt64)
        case chunked(ChunkedDecoder)
        case untilClose
        case finished
    }

    private static let eventLimit = 4 << 20
    /// Enough for the usage of an answer and what stands behind it.
    private static let tailBytes = 8 << 10
    /// Smaller pieces are copied into the outgoing message, larger ones are written as they are.
    private static let copyLimit = 8 << 10
    /// Eight digits, which RFC 9112 §7.1 allows to begin with zeros, CR LF, and CR LF behind the data.
    private static let chunkFrameBytes = 12
    private static let noChunk = -1
    static let wholeLimit = 16 << 20

    private var source = Source.finished
    private(set) var clientFraming = ClientFraming.none
    private(set) var reading = Reading.nothing
    private var inflater: Inflater?
    /// Where in the outgoing message the chunk begins that the next piece of the same bytes is added to.
    private var chunkStart = BodyRelay.noChunk
    /// Of `Reading.translated`.
    private var translator: StreamTranslator?
    /// Memory for what the translator makes of the next bytes.
    private var words: [UInt8] = []
    /// An event of which only the beginning has come, or the whole body so far.
    private var pending: [UInt8] = []
    private var searched = 0
    private(set) var watch = StreamWatch(.openAIPlain, hidesUsageEvent: false)
    /// Shared with the other exchanges of the loop, for answers that come in one piece.
    private let readers: AnswerReaders
    /// Reads an answer that comes in pieces; nil until the first of them, and again when the body has ended.
    private var members: TopLevelScanner?
    private var format = WireFormat.openAIPlain
    /// The usage that a JSON body told; nil when it told none or could not be read.
    private(set) var usage: TokenUsage?
    /// The `id` in a JSON body, quotes included; only for those who said that they want it.
    private(set) var quotedID: [UInt8]?
    private var keepsID = false
    /// Bytes of body that were handed to the client.
    private(set) var forwarded: UInt64 = 0

    /// Forgets the last body; memory is kept.
    func begin(
        _ framing: ResponseHead.Framing,
        to clientFraming: ClientFraming,
        reading: Reading,
        watch: StreamWatch,
        format: WireFormat,
        keepsID: Bool = false,
        inflating: Bool
    ) {
        switch framing {
        case .none: self.source = .finished
        case .length(let length): self.source = .length(length)
        case .chunked: self.source = .chunked(ChunkedDecoder())
        case .untilClose: self.source = .untilClose
        }
        self.clientFraming = clientFraming
        self.reading = reading
        self.inflater = inflating ? Inflater(limit: 1 << 30) : nil
        self.pending.removeAll(keepingCapacity: true)
        self.searched = 0
        self.watch = watch
        self.forwarded = 0
        self.format = format
        self.keepsID = keepsID
        self.members = nil
        self.usage = nil
        self.quotedID = nil
        if self.translator != nil { self.translator = nil }
    }

    /// The same for a stream of another dialect than the client's.
    func begin(
        _ framing: ResponseHead.Framing,
        to clientFraming: ClientFraming,
        translating translator: StreamTranslator,
        inflating: Bool
    ) {
        let watch = StreamWatch(.openAIPlain, hidesUsageEvent: false)
        self.begin(
            framing,
            to: clientFraming,
            reading: .translated,
            watch: watch,
            format: .openAIPlain,
            inflating: inflating
        )
        self.translator = translator
    }

    /// The same for a body that is kept until it is whole; how it goes to the client is said by `frame`.
    func begin(_ framing: ResponseHead.Framing, holding: Void, inflating: Bool) {
        let watch = StreamWatch(.openAIPlain, hidesUsageEvent: false)
        self.begin(framing, to: .none, reading: .whole, watch: watch, format: .openAIPlain, inflating: inflating)
    }

    /// Says how a body that was kept goes to the client.
    func frame(_ framing: ClientFraming) { self.clientFraming = framing }

    init(reading readers: AnswerReaders) { self.readers = readers }

    var isFinished: Bool { if case .finished = self.source { true } else { false } }

    /// Whether the upstream closing its connection now ends the body rather than cuts it.
    var endsWithConnection: Bool { if case .untilClose = self.source { self.isUnpacked } else { false } }

    /// Whether what was compressed has come to its own end.
    private var isUnpacked: Bool { self.inflater?.isComplete ?? true }

    /// Whether the body broke off in the middle of an event.
    var holdsPartialEvent: Bool { self.reading == .events && !self.pending.isEmpty }

    /// Takes all readable bytes of `input` that belong to the body. What goes to the client is put into `out`, and, when
    /// it is large and need not be looked at, into `passed`, to be written after `out`.
    func take(
        _ input: inout ByteBuffer,
        into out: inout ByteBuffer,
        passing passed: inout ByteBuffer?
    ) throws(Failure) {
        if case .length(let left) = self.source, self.clientFraming == .length, self.canPass(input, left) {
            self.pass(&input, left, &passed)
            return
        }
        defer { self.chunkStart = Self.noChunk }
        var cursor = 0
        try self.unframe(input, &cursor, into: &out)
        input.moveReaderIndex(forwardBy: cursor)
        if self.isFinished { self.flushPending(into: &out) }
        guard !self.isFinished || self.isUnpacked else { throw .broken }
    }

    /// Whether the events of a stream are on their way, and its own last one is not among them yet.
    var isUnfinishedStream: Bool {
        switch self.reading {
        case .events: !self.watch.hasEnded
        case .translated: self.translator.map { !$0.hasEnded && !$0.hasFailed } ?? false
        case .nothing, .members, .whole: false
        }
    }

    /// Whether an error of the upstream's has been passed on within a stream.
    var hasFailed: Bool { self.watch.hasFailed || self.hasFailedTranslating }

    /// The client has been given an error as the end of its stream, whatever still comes.
    var hasFailedTranslating: Bool { self.translator?.hasFailed ?? false }

    /// Ends a translated stream with an error of the gateway's own.
    func failTranslation(_ code: ErrorCode, into out: inout ByteBuffer) {
        var words: [UInt8] = []
        self.translator?.fail(code, into: &words)
        self.inject(words, into: &out)
    }

    var isTranslating: Bool { self.reading == .translated }

    /// The usage of a stream so far; nil for any other body.
    var streamUsage: TokenUsage? {
        switch self.reading {
        case .events: self.watch.usage
        case .translated: self.translator?.usage
        case .nothing, .members, .whole: nil
        }
    }

    /// What a translated stream has lost so far; nil for any other body.
    var streamLosses: LossLedger? { self.reading == .translated ? self.translator?.losses : nil }

    /// The bytes that tell the client that the body is complete.
    func writeEnd(into out: inout ByteBuffer) {
        self.learnFromPieces()
        if self.clientFraming == .chunked { out.writeStaticString("0\r\n\r\n") }
    }

    /// The upstream has closed: what is still held belongs to the body.
    func closeSource(into out: inout ByteBuffer) {
        self.flushPending(into: &out)
        self.chunkStart = Self.noChunk
        self.source = .finished
    }

    /// Puts bytes of our own into the body: an error event, a rewritten body.
    func inject(_ bytes: [UInt8], into out: inout ByteBuffer) {
        self.forward(bytes.span, into: &out)
        self.chunkStart = Self.noChunk
    }

    /// The whole body, for `Reading.whole`.
    var wholeBody: [UInt8] { self.pending }

    // MARK: from the upstream's framing

    private func canPass(_ input: ByteBuffer, _ left: UInt64) -> Bool {
        input.readableBytes > Self.copyLimit && self.inflater == nil
            && (self.reading == .nothing || self.reading == .members)
    }

    private func pass(_ input: inout ByteBuffer, _ left: UInt64, _ passed: inout ByteBuffer?) {
        let count = Int(min(left, UInt64(input.readableBytes)))
        let slice = input.readSlice(length: count)
        if let slice { self.readMembers(slice.readableBytesUInt8Span) }
        passed = slice
        self.forwarded += UInt64(count)
        self.source = left == UInt64(count) ? .finished : .length(left - UInt64(count))
    }

    private func unframe(
        _ input: ByteBuffer,
        _ cursor: inout Int,
        into out: inout ByteBuffer
    ) throws(Failure) {
        let bytes = input.readableBytesUInt8Span
        switch self.source {
        case .finished: break
        case .length(let left):
            let count = Int(min(left, UInt64(bytes.count)))
            try self.decode(bytes.extracting(0..<count), into: &out)
            cursor = count
            self.source = left == UInt64(count) ? .finished : .length(left - UInt64(count))
        case .untilClose:
            try self.decode(bytes, into: &out)
            cursor = bytes.count
        case .chunked(var decoder):
            try self.unchunk(input, &cursor, &decoder, into: &out)
        }
    }

    private func unchunk(
        _ input: ByteBuffer,
        _ cursor: inout Int,
        _ decoder: inout ChunkedDecoder,
        into out: inout ByteBuffer
    ) throws(Failure) {
        let bytes = input.readableBytesUInt8Span
        // An event that came alone, in a chunk of its own, is used up with the first step.
        while cursor < bytes.count {
            let step: ChunkedDecoder.Step
            do throws(WireError) { step = try decoder.next(input, &cursor) } catch { throw .broken }
            switch step {
            case .data(let range): try self.decode(bytes.extracting(range.lower..<range.upper), into: &out)
            case .needsMore: break
            case .finished:
                self.source = .finished
                return
            }
        }
        self.source = .chunked(decoder)
    }

    private func decode(_ bytes: borrowing Span<UInt8>, into out: inout ByteBuffer) throws(Failure) {
        guard let inflater = self.inflater else { return try self.read(bytes, into: &out) }
        var plain: [UInt8] = []
        let failed = bytes.withUnsafeBytes { raw in
            do throws(Inflater.Failure) { try inflater.inflate(raw, into: &plain) } catch { return true }
            return false
        }
        if failed { throw .broken }
        try self.read(plain.span, into: &out)
    }

    // MARK: what is looked at

    private func read(_ bytes: borrowing Span<UInt8>, into out: inout ByteBuffer) throws(Failure) {
        switch self.reading {
        case .nothing: self.forward(bytes, into: &out)
        case .members:
            self.readMembers(bytes)
            self.forward(bytes, into: &out)
        case .events: try self.readEvents(bytes, into: &out)
        case .translated:
            var words: [UInt8] = []
            swap(&words, &self.words)
            self.translator?.feed(bytes, into: &words)
            self.forward(words.span, into: &out)
            words.removeAll(keepingCapacity: true)
            swap(&words, &self.words)
        case .whole:
            guard self.pending.count + bytes.count <= Self.wholeLimit else { throw .broken }
            bytes.withUnsafeBytes { self.pending.append(contentsOf: $0) }
        }
    }

    /// Takes the next piece of a JSON body. An answer that is not JSON is forwarded all the same; it just tells nothing.
    private func readMembers(_ bytes: borrowing Span<UInt8>) {
        guard bytes.count > 0 else { return }
        if self.format == .geminiArray { return self.keepTail(bytes) }
        if self.forwarded == 0, case .length(let left) = self.source, left == UInt64(bytes.count) {
            let reader = self.readers.reader(for: self.format)
            if !self.keepsID, let usage = self.usageFromEnd(bytes, reader) {
                self.usage = usage
                return
            }
            reader.reset()
            do throws(JSONFlaw) { try reader.feed(bytes) } catch { return }
            return self.learn(from: reader)
        }
        let isFirst = self.forwarded == 0
        guard let reader = isFirst ? AnswerReaders.makeReader(for: self.format) : self.members else { return }
        self.members = reader
        do throws(JSONFlaw) { try reader.feed(bytes) } catch { self.members = nil }
    }

    /// Of a stream that is an array the last element counts, and of that its end.
    private func keepTail(_ bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBytes { self.pending.append(contentsOf: $0) }
        if self.pending.count > 2 * Self.tailBytes { self.pending.removeFirst(self.pending.count - Self.tailBytes) }
    }

    private func learnFromTail() {
        let end = self.pending.lastIndex(of: UInt8(ascii: "}")) ?? 0
        // The beginning of the object is not needed, but must be there.
        let document = [UInt8(ascii: "{")] + self.pending.prefix(end + 1)
        self.pending = []
        if let usage = self.usageFromEnd(document.span, self.readers.reader(for: self.format)) { self.usage = usage }
    }

    private func usageFromEnd(_ bytes: borrowing Span<UInt8>, _ reader: TopLevelScanner) -> TokenUsage? {
        let format = self.format
        return reader.countsFromEnd(bytes) { format.usage(&$0) }
    }

    /// No more of the body comes: what its members said so far is kept, and their reader let go.
    func learnFromPieces() {
        if self.format == .geminiArray, self.reading == .members, !self.pending.isEmpty { return self.learnFromTail() }
        guard let members = self.members else { return }
        self.members = nil
        self.learn(from: members)
    }

    private func learn(from reader: TopLevelScanner) {
        if self.keepsID, reader[1]?.kind == .string { self.quotedID = reader.captured(1) }
        guard reader[0]?.kind == .object else { return }
        if var counts = reader.takeCounts() {
            self.usage = self.format.usage(&counts)
        } else {
            self.usage = reader.captured(0).map { self.format.usage($0) }
        }
    }

    private func readEvents(_ bytes: borrowing Span<UInt8>, into out: inout ByteBuffer) throws(Failure) {
        if self.pending.isEmpty {
            let end = self.events(bytes, into: &out)
            guard end < bytes.count else { return }
            bytes.extracting(end..<bytes.count).withUnsafeBytes { self.pending.append(contentsOf: $0) }
        } else {
            bytes.withUnsafeBytes { self.pending.append(contentsOf: $0) }
            var held: [UInt8] = []
            swap(&held, &self.pending)
            let end = self.events(held.span, into: &out)
            held.removeFirst(end)
            swap(&held, &self.pending)
        }
        guard self.pending.count <= Self.eventLimit else { throw .broken }
    }

    /// Judges the whole events in `bytes` and forwards them, neighbours in one copy. Returns where the first incomplete
    /// one begins.
    private func events(_ bytes: borrowing Span<UInt8>, into out: inout ByteBuffer) -> Int {
        var start = 0
        var runStart = 0
        while let end = SSEScanner.eventEnd(bytes, from: start, searched: &self.searched) {
            if self.watch.see(bytes, event: start..<end) == .hide {
                self.forward(bytes.extracting(runStart..<start), into: &out)
                runStart = end
            }
            start = end
        }
        self.forward(bytes.extracting(runStart..<start), into: &out)
        // What is left begins the next bytes.
        self.searched = max(0, self.searched - start)
        return start
    }

    /// The last event of a stream that ended without the blank line behind it.
    private func flushPending(into out: inout ByteBuffer) {
        if let translator = self.translator {
            var words: [UInt8] = []
            translator.finish(into: &words)
            return self.forward(words.span, into: &out)
        }
        guard self.reading == .events, !self.pending.isEmpty else { return }
        var held: [UInt8] = []
        swap(&held, &self.pending)
        guard self.watch.see(held.span, event: 0..<held.count) == .forward else { return }
        self.forward(held.span, into: &out)
    }

    // MARK: to the client's framing

    /// Puts a piece of the body into `out`. Where the client's framing has chunks, all that comes of one read of the upstream's goes
    /// into one: an upstream that sends each byte as a chunk makes no more of them here.
    private func forward(_ bytes: borrowing Span<UInt8>, into out: inout ByteBuffer) {
        // An empty chunk would end the body.
        guard bytes.count > 0 else { return }
        self.forwarded += UInt64(bytes.count)
        let isChunk = self.clientFraming == .chunked
        if isChunk, self.chunkStart != Self.noChunk { return self.extendChunk(bytes, &out) }
        if isChunk { self.chunkStart = out.writerIndex }
        ByteWriter.append(to: &out, atMost: bytes.count + Self.chunkFrameBytes) { writer in
            if isChunk {
                writer.write(hex: UInt32(bytes.count))
                writer.write("\r\n")
            }
            writer.write(bytes)
            if isChunk { writer.write("\r\n") }
        }
    }

    private func extendChunk(_ bytes: borrowing Span<UInt8>, _ out: inout ByteBuffer) {
        out.moveWriterIndex(to: out.writerIndex - 2)
        ByteWriter.append(to: &out, atMost: bytes.count + 2) { writer in
            writer.write(bytes)
            writer.write("\r\n")
        }
        let size = out.writerIndex - self.chunkStart - Self.chunkFrameBytes
        out.setInteger(HexWord.digits(of: UInt32(size)), at: self.chunkStart)
    }
}
