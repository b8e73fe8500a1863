import Dialects
import GatewayModel
import HTTPWire
import NIOCore

@testable import GatewayCore

/// A stream on its way through the gateway: whatever comes in one piece or in many leaves as the same bytes, says the same
/// about usage and end, and, where nothing is hidden, leaves as it came.
enum EventsCheck {
    struct Passage: Equatable {
        var body: [UInt8] = []
        var isBroken = false
        var usage = TokenUsage()
        var hasEnded = false
        var hasFailed = false
        var objectID: [UInt8]?
    }

    /// What the first byte of an input chooses.
    struct Mode {
        let format: WireFormat
        let hides: Bool
        let framing: ResponseHead.Framing
        let inflates: Bool
        let reading: BodyRelay.Reading

        init(_ byte: UInt8, _ count: Int) {
            let formats: [WireFormat] = [.openAIChat, .openAIResponses, .openAIPlain, .anthropicMessages]
            self.format = formats[Int(byte & 3)]
            self.hides = byte & 4 != 0
            self.framing = byte & 8 != 0 ? .chunked : byte & 16 != 0 ? .length(UInt64(count)) : .untilClose
            self.inflates = byte & 0xE0 == 0xE0
            self.reading = byte & 0xE0 == 0x20 ? .members : byte & 0xE0 == 0x40 ? .whole : .events
        }
    }

    static func run(_ input: [UInt8]) {
        let choice = input.first ?? 0
        let input = SplitInput(Array(input.dropFirst()))
        let mode = Mode(choice, input.bytes.count)
        let whole = self.pass([input.bytes], mode)
        let split = self.pass(input.pieces, mode)
        if whole.isBroken || split.isBroken {
            expect(whole.isBroken == split.isBroken, "broken only in one piece, or only in several")
        } else {
            expect(whole == split, "split, it passes otherwise: \(whole) \(split)")
        }
        self.checkUnchanged(whole, mode, input.bytes)
        self.checkBorders(input)
    }

    private static func pass(_ pieces: [[UInt8]], _ mode: Mode) -> Passage {
        let relay = BodyRelay(reading: AnswerReaders())
        let watch = StreamWatch(mode.format, hidesUsageEvent: mode.hides)
        relay.begin(
            mode.framing,
            to: .chunked,
            reading: mode.reading,
            watch: watch,
            format: mode.format,
            keepsID: true,
            inflating: mode.inflates
        )
        var passage = Passage()
        var sent: [UInt8] = []
        for piece in pieces where !piece.isEmpty {
            var (input, out, passed) = (ByteBuffer(bytes: piece), ByteBuffer(), ByteBuffer?.none)
            do { try relay.take(&input, into: &out, passing: &passed) } catch { passage.isBroken = true }
            expect(passed == nil, "bytes that go round the framing")
            sent += out.readableBytesView
            if passage.isBroken { break }
        }
        var end = ByteBuffer()
        if !relay.isFinished { relay.closeSource(into: &end) }
        if mode.reading == .whole { relay.inject(relay.wholeBody, into: &end) }
        relay.writeEnd(into: &end)
        sent += end.readableBytesView
        passage.body = self.unframed(sent)
        expect(passage.body.count == Int(relay.forwarded), "\(relay.forwarded) bytes counted")
        passage.usage = relay.watch.usage
        passage.hasEnded = relay.watch.hasEnded
        passage.hasFailed = relay.watch.hasFailed
        passage.objectID = mode.reading == .events ? relay.watch.objectID : relay.quotedID
        return passage
    }

    /// The body as a client reads it; it must be framed whatever came.
    private static func unframed(_ bytes: [UInt8]) -> [UInt8] {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        var cursor = 0
        let buffer = ByteBuffer(bytes: bytes)
        while true {
            switch try? decoder.next(buffer, &cursor) {
            case .data(let range): body += bytes[range.lower..<range.upper]
            case .finished(let end):
                expect(end == bytes.count, "bytes behind the last chunk")
                return body
            case .needsMore, nil:
                expect(false, "the client's framing is broken")
                return []
            }
        }
    }

    private static func checkUnchanged(_ passage: Passage, _ mode: Mode, _ bytes: [UInt8]) {
        guard !passage.isBroken, !mode.hides, !mode.inflates else { return }
        if case .chunked = mode.framing { return }
        expect(passage.body == bytes, "forwarded otherwise than it came")
    }

    /// The borders of events against a reading line by line.
    private static func checkBorders(_ input: SplitInput) {
        let bytes = input.bytes
        var start = 0
        var searched = 0
        while let end = SSEScanner.eventEnd(bytes.span, from: start, searched: &searched) {
            expect(self.plainEnd(bytes, from: start) == end, "an event from \(start) to \(end)")
            start = end
        }
        expect(self.plainEnd(bytes, from: start) == nil, "an event from \(start) was not seen")
    }

    private static func plainEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        var lineIsEmpty = true
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == 0x0D || byte == 0x0A else {
                lineIsEmpty = false
                continue
            }
            if byte == 0x0D {
                // Whether a line feed belongs to it is not known yet.
                guard index < bytes.count else { return nil }
                if bytes[index] == 0x0A { index += 1 }
            }
            if lineIsEmpty { return index }
            lineIsEmpty = true
        }
        return nil
    }
}
