import JSONScan

/// Reads the events of `converse-stream` (…/APIReference/API_runtime_ConverseStreamOutput.html). Only calls are begun by an
/// event; other blocks begin with their first piece. The usage comes last, behind the reason to stop.
final class BedrockStreamReader {
    private var open: [Int: DeltaKind] = [:]
    private var stop: Stop?
    private var hasStarted = false

    func read(_ frame: BedrockFrame, _ body: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        guard frame.messageType == "event" else {
            events.append(.error(ProviderError(converse: body, exception: frame.type, status: nil)))
            return
        }
        if !self.hasStarted {
            self.hasStarted = true
            events.append(.start(id: nil, model: nil, created: nil))
        }
        let index = body["contentBlockIndex"]?.int ?? 0
        switch frame.type {
        case "contentBlockStart":
            guard let call = body["start"]?["toolUse"] else {
                if let other = body["start"]?.members?.first?.name {
                    events.append(.lost("content.\(other)", AnswerLoss.part))
                }
                return
            }
            let id = call["toolUseId"]?.string ?? ""
            self.open[index] = .arguments
            let kind = BlockKind.toolCall(id: id, name: call["name"]?.string ?? "", signature: nil)
            events.append(.blockStart(block: index, choice: 0, kind))
        case "contentBlockDelta": try self.grow(index, body["delta"] ?? [:], &events)
        case "contentBlockStop":
            if self.open.removeValue(forKey: index) != nil { events.append(.blockEnd(block: index, choice: 0)) }
        case "messageStop": self.stop = Stop(BedrockAnswerReader.stopReason(body["stopReason"]?.string))
        case "metadata":
            if let usage = body["usage"] { events.append(.usage(AnswerUsage(converse: usage))) }
            if self.isComplete { self.finish(&events) }
        default: break
        }
    }

    /// Whether the answer is whole, though the usage may be missing.
    var isComplete: Bool { self.stop != nil }

    func finish(_ events: inout [AnswerEvent]) {
        for index in self.open.keys.sorted() { events.append(.blockEnd(block: index, choice: 0)) }
        self.open = [:]
        events.append(.stop(choice: 0, self.stop ?? Stop(.endTurn)))
        events.append(.end)
    }

    private func grow(_ index: Int, _ delta: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        if let text = delta["text"]?.string { self.grow(index, .text, text, &events) }
        if let text = delta["toolUse"]?["input"]?.string {
            guard self.open[index] == .arguments else { throw .badAnswer(reason: "a call grows that has not begun") }
            self.grow(index, .arguments, text, &events)
        }
        guard let reasoning = delta["reasoningContent"] else { return }
        if let text = reasoning["text"]?.string { self.grow(index, .thinking, text, &events) }
        if let signature = reasoning["signature"]?.string, !signature.isEmpty {
            self.begin(index, .thinking, .thinking, &events)
            let proof = Signature(origin: .anthropic, text: signature)
            events.append(.signature(block: index, choice: 0, proof))
        }
        if let data = reasoning["redactedContent"]?.string {
            self.begin(index, .thinking, .redacted(Signature(origin: .anthropic, text: data)), &events)
        }
    }

    private func begin(_ index: Int, _ kind: DeltaKind, _ block: BlockKind, _ events: inout [AnswerEvent]) {
        guard self.open[index] == nil else { return }
        self.open[index] = kind
        events.append(.blockStart(block: index, choice: 0, block))
    }

    private func grow(_ index: Int, _ kind: DeltaKind, _ text: String, _ events: inout [AnswerEvent]) {
        self.begin(index, kind, kind == .thinking ? .thinking : .text, &events)
        guard !text.isEmpty else { return }
        events.append(.delta(block: index, choice: 0, kind, EscapedText(text)))
    }
}
