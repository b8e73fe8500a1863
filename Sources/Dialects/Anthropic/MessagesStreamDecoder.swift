import JSONScan

/// Reads the events of a streamed message (docs.anthropic.com, "Streaming messages").
final class MessagesStreamDecoder {
    private enum Kind { case text, thinking, toolCall, other }

    private var kinds: [Int: Kind] = [:]
    private var usage = AnswerUsage()
    private var stop = Stop(.endTurn)

    func read(_ event: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        switch event["type"]?.string {
        case "message_start":
            let message = event["message"]
            events.append(.start(id: message?["id"]?.string, model: message?["model"]?.string, created: nil))
            if let usage = message?["usage"] {
                self.usage.add(anthropic: usage)
                events.append(.usage(self.usage))
            }
        case "content_block_start": try self.begin(event, &events)
        case "content_block_delta": try self.grow(event, &events)
        case "content_block_stop":
            guard let index = event["index"]?.int, let kind = self.kinds.removeValue(forKey: index) else {
                throw .badAnswer(reason: "a block ends that has not begun")
            }
            if kind != .other { events.append(.blockEnd(block: index, choice: 0)) }
        case "message_delta":
            if let word = event["delta"]?["stop_reason"]?.string {
                self.stop = Stop(
                    MessagesAnswerCoder.stopReason(word),
                    sequence: event["delta"]?["stop_sequence"]?.string
                )
            }
            if let usage = event["usage"] {
                self.usage.add(anthropic: usage)
                events.append(.usage(self.usage))
            }
        case "message_stop":
            events.append(.stop(choice: 0, self.stop))
            events.append(.end)
        case "error": events.append(.error(ProviderError(anthropic: event["error"] ?? [:], status: nil)))
        case nil: throw .badAnswer(reason: "an event has no type")
        default: break
        }
    }

    private func begin(_ event: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        guard let index = event["index"]?.int, let block = event["content_block"] else {
            throw .badAnswer(reason: "a block begins without its number")
        }
        guard self.kinds.count < StreamTranslator.maximumBlocks else {
            throw .badAnswer(reason: "it has too many open blocks")
        }
        switch block["type"]?.string {
        case "text":
            self.kinds[index] = .text
            events.append(.blockStart(block: index, choice: 0, .text))
            self.grow(index, .text, block["text"]?.string, &events)
        case "thinking":
            self.kinds[index] = .thinking
            events.append(.blockStart(block: index, choice: 0, .thinking))
            self.grow(index, .thinking, block["thinking"]?.string, &events)
        case "redacted_thinking":
            self.kinds[index] = .thinking
            let data = Signature(origin: .anthropic, text: block["data"]?.string ?? "")
            events.append(.blockStart(block: index, choice: 0, .redacted(data)))
        case "tool_use":
            self.kinds[index] = .toolCall
            let id = block["id"]?.string ?? ""
            let kind = BlockKind.toolCall(id: id, name: block["name"]?.string ?? "", signature: nil)
            events.append(.blockStart(block: index, choice: 0, kind))
            if let input = block["input"], input != [:] { self.grow(index, .arguments, input.text, &events) }
        default:
            self.kinds[index] = .other
            events.append(.lost("content.\(block["type"]?.string ?? "")", AnswerLoss.part))
        }
    }

    private func grow(_ index: Int, _ kind: DeltaKind, _ text: String?, _ events: inout [AnswerEvent]) {
        guard let text, !text.isEmpty else { return }
        events.append(.delta(block: index, choice: 0, kind, EscapedText(text)))
    }

    private func grow(_ event: JSON, _ events: inout [AnswerEvent]) throws(TranslationFailure) {
        guard let index = event["index"]?.int, let kind = self.kinds[index], let delta = event["delta"] else {
            throw .badAnswer(reason: "a block grows that has not begun")
        }
        guard kind != .other else { return }
        switch delta["type"]?.string {
        case "text_delta": self.grow(index, .text, delta["text"]?.string, &events)
        case "thinking_delta": self.grow(index, .thinking, delta["thinking"]?.string, &events)
        case "input_json_delta": self.grow(index, .arguments, delta["partial_json"]?.string, &events)
        case "signature_delta":
            let signature = Signature(origin: .anthropic, text: delta["signature"]?.string ?? "")
            events.append(.signature(block: index, choice: 0, signature))
        default: break
        }
    }
}
