import JSONScan

/// Writes the chunks of `:streamGenerateContent`: as events with `alt=sse`, else as the elements of one JSON array. Calls are
/// whole here, so their arguments are kept until they are complete; the reasons to stop and the usage come last.
final class GenerateStreamEncoder {
    private let context: AnswerContext
    let isArray: Bool
    private var hasWritten = false
    private var tail: [UInt8] = []
    private var calls: [Int: (call: ToolCall, arguments: [UInt8])] = [:]
    private var stops: [(choice: Int, reason: StopReason)] = []
    /// Choices with a refusal, for which this dialect has a reason and no part.
    private var refused: Set<Int> = []
    private var usage = AnswerUsage()
    private(set) var heldBytes = 0

    init(_ context: AnswerContext, isArray: Bool) {
        self.context = context
        self.isArray = isArray
    }

    func write(_ event: AnswerEvent, into out: inout [UInt8]) {
        switch event {
        case .start(let id, _, _):
            let shared: JSON = [
                "modelVersion": .string(self.context.model), "responseId": .string(id ?? self.context.id),
            ]
            self.tail = [UInt8(ascii: ",")] + shared.bytes.dropFirst()
        case .blockStart(let block, _, .toolCall(let id, let name, let signature)):
            self.calls[block] = (ToolCall(id: id, name: name, arguments: "", signature: signature), [])
            self.heldBytes += id.utf8.count + name.utf8.count
        case .delta(let block, let choice, let kind, let text): self.grow(block, choice, kind, text, &out)
        case .signature(_, let choice, let signature):
            self.chunk([GenerateAnswerCoder.candidate([GenerateAnswerCoder.thought("", signature)], choice, nil)], &out)
        case .blockEnd(let block, let choice): self.finish(block, choice, &out)
        case .logprobs(let choice, let tokens):
            let candidate = GenerateAnswerCoder.candidate([], choice, nil)
            self.chunk([candidate.setting("logprobsResult", GenerateAnswerCoder.encode(tokens))], &out)
        case .stop(let choice, let stop):
            let isRefusal = self.refused.contains(choice) && stop.reason == .endTurn
            self.stops.append((choice, isRefusal ? .refusal : stop.reason))
        case .usage(let usage): self.usage = usage
        case .error(let error):
            self.open(&out)
            error.gemini.write(into: &out)
            self.close(&out)
            if self.isArray { out.append(UInt8(ascii: "]")) }
        case .end: self.end(&out)
        case .blockStart(_, let choice, .refusal): self.refused.insert(choice)
        case .blockStart, .lost: break
        }
    }

    /// What stands before a chunk, or before an error of the gateway's own.
    func open(_ out: inout [UInt8]) {
        if self.isArray { out += self.hasWritten ? ",\r\n".utf8 : "[".utf8 } else { out += "data: ".utf8 }
        self.hasWritten = true
    }

    private func close(_ out: inout [UInt8]) { if !self.isArray { out += "\r\n\r\n".utf8 } }

    private func chunk(_ candidates: [JSON], _ out: inout [UInt8]) {
        self.open(&out)
        out += "{\"candidates\":".utf8
        JSON.array(candidates).write(into: &out)
        out += self.tail
        self.close(&out)
    }

    private func grow(_ block: Int, _ choice: Int, _ kind: DeltaKind, _ text: EscapedText, _ out: inout [UInt8]) {
        if kind == .arguments {
            self.calls[block]?.arguments += text.bytes
            self.heldBytes += text.bytes.count
            return
        }
        self.open(&out)
        out += "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"".utf8
        out += text.bytes
        out += kind == .thinking ? "\",\"thought\":true}],".utf8 : "\"}],".utf8
        out += "\"role\":\"model\"},\"index\":\(choice)}]".utf8
        out += self.tail
        self.close(&out)
    }

    private func finish(_ block: Int, _ choice: Int, _ out: inout [UInt8]) {
        guard var held = self.calls.removeValue(forKey: block) else { return }
        self.heldBytes -= held.arguments.count + held.call.id.utf8.count + held.call.name.utf8.count
        held.call.arguments = EscapedText(escaped: held.arguments).text
        self.chunk([GenerateAnswerCoder.candidate([GenerateAnswerCoder.call(held.call)], choice, nil)], &out)
    }

    private func end(_ out: inout [UInt8]) {
        let candidates = self.stops.map { GenerateAnswerCoder.candidate([], $0.choice, $0.reason) }
        self.open(&out)
        out += "{\"candidates\":".utf8
        JSON.array(candidates).write(into: &out)
        out += ",\"usageMetadata\":".utf8
        self.usage.gemini.write(into: &out)
        out += self.tail
        self.close(&out)
        if self.isArray { out.append(UInt8(ascii: "]")) }
    }
}
