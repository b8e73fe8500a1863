import JSONScan

/// Reads the events of `converse-stream`: messageStart; per block contentBlockStart (of tools only), contentBlockDelta …,
/// contentBlockStop; messageStop; metadata with the usage, which is the last.
final class ConverseStreamDecoder {
    /// Blocks that are open, by the provider's number.
    private var open: [Int: Int] = [:]
    private var blocks = 0
    private var hasStarted = false
    private var hasStopped = false

    /// More open blocks than any model has.
    private static let blockLimit = 256

    /// Reads one message, whose payload is JSON.
    func decode(
        _ message: EventStreamReader.Message,
        in bytes: borrowing Span<UInt8>,
        _ events: inout [AnswerEvent]
    ) throws(TranslationFailure) {
        let raw = bytes.extracting(message.payload).withUnsafeBufferPointer { Array($0) }
        let payload: JSON
        do { payload = try JSON(parsing: raw) } catch {
            // An error may have its text in a header alone.
            guard message.kind != "event" else { throw .badAnswer(reason: "an event is not JSON") }
            payload = [:]
        }
        try self.decode(kind: message.kind, type: message.type, text: message.text, payload, into: &events)
    }

    private func decode(
        kind: String,
        type: String,
        text: String,
        _ payload: JSON,
        into events: inout [AnswerEvent]
    ) throws(TranslationFailure) {
        guard kind == "event" else {
            events.append(.error(Self.failure(type, text, payload)))
            return
        }
        if !self.hasStarted {
            self.hasStarted = true
            events.append(.start(id: nil, model: nil, created: nil))
        }
        switch type {
        case "contentBlockStart": try self.start(payload, into: &events)
        case "contentBlockDelta": try self.delta(payload, into: &events)
        case "contentBlockStop":
            guard let block = self.open.removeValue(forKey: payload["contentBlockIndex"]?.int ?? 0) else { return }
            events.append(.blockEnd(block: block, choice: 0))
        case "messageStop":
            self.hasStopped = true
            events.append(.stop(choice: 0, ConverseAnswerDecoder.stop(payload)))
        case "metadata":
            if let usage = payload["usage"] { events.append(.usage(AnswerUsage(bedrock: usage))) }
            guard self.hasStopped else { throw .badAnswer(reason: "it ends without a reason") }
            events.append(.end)
        default: break
        }
    }

    /// The stream has come to its end; true when the answer was whole by then, though its usage is missing.
    var isWhole: Bool { self.hasStopped }

    private static func failure(_ type: String, _ text: String, _ payload: JSON) -> ProviderError {
        let message = payload["message"]?.string ?? (text.isEmpty ? "The upstream broke off its answer." : text)
        return ProviderError(kind: ConverseAnswerDecoder.kind(type) ?? .server, message: message, code: type)
    }

    private func start(_ payload: JSON, into events: inout [AnswerEvent]) throws(TranslationFailure) {
        guard let call = payload["start"]?["toolUse"] else { return }
        let kind = BlockKind.toolCall(
            id: call["toolUseId"]?.string ?? "",
            name: call["name"]?.string ?? "",
            signature: nil
        )
        _ = try self.begin(payload["contentBlockIndex"]?.int ?? 0, kind, into: &events)
    }

    /// The open block of this number, begun if it is not.
    private func block(
        _ index: Int,
        _ kind: BlockKind,
        into events: inout [AnswerEvent]
    ) throws(TranslationFailure) -> Int {
        if let block = self.open[index] { return block }
        return try self.begin(index, kind, into: &events)
    }

    private func begin(
        _ index: Int,
        _ kind: BlockKind,
        into events: inout [AnswerEvent]
    ) throws(TranslationFailure) -> Int {
        guard self.open.count < Self.blockLimit else { throw .badAnswer(reason: "too many blocks are open at once") }
        let block = self.blocks
        self.blocks += 1
        self.open[index] = block
        events.append(.blockStart(block: block, choice: 0, kind))
        return block
    }

    private func delta(_ payload: JSON, into events: inout [AnswerEvent]) throws(TranslationFailure) {
        guard let delta = payload["delta"] else { return }
        let index = payload["contentBlockIndex"]?.int ?? 0
        if let text = delta["text"]?.string {
            try self.grow(index, .text, .text, text, into: &events)
        } else if let input = delta["toolUse"]?["input"]?.string {
            guard let block = self.open[index] else { throw .badAnswer(reason: "a tool's input comes before its name") }
            events.append(.delta(block: block, choice: 0, .arguments, EscapedText(input)))
        } else if let reasoning = delta["reasoningContent"] {
            try self.think(index, reasoning, into: &events)
        }
    }

    private func think(
        _ index: Int,
        _ reasoning: JSON,
        into events: inout [AnswerEvent]
    ) throws(TranslationFailure) {
        if let data = reasoning["redactedContent"]?.string {
            _ = try self.begin(index, .redacted(Signature(origin: .anthropic, text: data)), into: &events)
        } else if let text = reasoning["text"]?.string {
            try self.grow(index, .thinking, .thinking, text, into: &events)
        } else if let signature = reasoning["signature"]?.string {
            let block = try self.block(index, .thinking, into: &events)
            events.append(.signature(block: block, choice: 0, Signature(origin: .anthropic, text: signature)))
        }
    }

    /// Blocks of text and thoughts are not announced: the first of their deltas begins them.
    private func grow(
        _ index: Int,
        _ kind: BlockKind,
        _ delta: DeltaKind,
        _ text: String,
        into events: inout [AnswerEvent]
    ) throws(TranslationFailure) {
        let block = try self.block(index, kind, into: &events)
        if !text.isEmpty { events.append(.delta(block: block, choice: 0, delta, EscapedText(text))) }
    }
}
