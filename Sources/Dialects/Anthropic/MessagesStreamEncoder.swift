import JSONScan

/// Writes the events of a streamed message (docs.anthropic.com, "Streaming messages").
///
/// Blocks follow each other here: one that begins while another is open is kept back until that has ended. What is kept
/// is bounded by the bound of the stream's own buffers, which the translator checks by `heldBytes`.
final class MessagesStreamEncoder {
    private let context: AnswerContext
    private var index = 0
    private var open: Int?
    /// Events of blocks whose turn has not come, and the order of those blocks.
    private var held: [Int: [AnswerEvent]] = [:]
    private var waiting: [Int] = []
    private(set) var heldBytes = 0
    private var usage = AnswerUsage()
    private var stop = Stop(.endTurn)
    private var hasRefused = false

    init(_ context: AnswerContext) { self.context = context }

    func write(_ event: AnswerEvent, into out: inout [UInt8]) {
        switch event {
        case .start(let id, _, _): self.start(id, &out)
        case .blockStart(_, let choice, _), .delta(_, let choice, _, _), .signature(_, let choice, _),
            .blockEnd(_, let choice):
            // One answer at a time in this dialect.
            if choice == 0 { self.content(event, &out) }
        case .logprobs, .lost: break
        case .stop(let choice, let stop): if choice == 0 { self.stop = stop }
        case .usage(let usage): self.usage = usage
        case .error(let error):
            out += "event: error\ndata: ".utf8
            error.anthropic(requestID: nil).write(into: &out)
            out += "\n\n".utf8
        case .end: self.end(&out)
        }
    }

    private func start(_ id: String?, _ out: inout [UInt8]) {
        let message: JSON = [
            "id": .string(id ?? "msg_\(self.context.id)"), "type": "message", "role": "assistant",
            "model": .string(self.context.model), "content": [], "stop_reason": nil, "stop_sequence": nil,
            "usage": self.usage.anthropic,
        ]
        self.event("message_start", ["message": message], &out)
    }

    private func event(_ name: String, _ members: JSON, _ out: inout [UInt8]) {
        out += "event: \(name)\ndata: ".utf8
        JSON.object([.init(name: "type", value: .string(name))] + (members.members ?? [])).write(into: &out)
        out += "\n\n".utf8
    }

    // MARK: Blocks

    private func content(_ event: AnswerEvent, _ out: inout [UInt8]) {
        guard let block = event.block else { return }
        if self.open != nil && self.open != block {
            if self.held[block] == nil { self.waiting.append(block) }
            self.held[block, default: []].append(event)
            self.heldBytes += event.heldBytes
            return
        }
        self.put(event, &out)
        if self.open == nil { self.release(&out) }
    }

    /// Lets the blocks that have waited follow, as far as they go.
    private func release(_ out: inout [UInt8]) {
        var next = 0
        while self.open == nil, next < self.waiting.count {
            for event in self.held.removeValue(forKey: self.waiting[next]) ?? [] {
                self.heldBytes -= event.heldBytes
                self.put(event, &out)
            }
            next += 1
        }
        self.waiting.removeFirst(next)
    }

    private func put(_ event: AnswerEvent, _ out: inout [UInt8]) {
        switch event {
        case .blockStart(let block, _, let kind): self.begin(block, kind, &out)
        case .delta(_, _, let kind, let text): self.grow(kind, text, &out)
        case .signature(_, _, let signature):
            let delta: JSON = ["type": "signature_delta", "signature": .string(signature.carried(to: .anthropic))]
            self.event("content_block_delta", ["index": .int(self.index), "delta": delta], &out)
        case .blockEnd: self.close(&out)
        default: break
        }
    }

    private func begin(_ block: Int, _ kind: BlockKind, _ out: inout [UInt8]) {
        let content: JSON
        switch kind {
        case .text: content = ["type": "text", "text": ""]
        case .refusal:
            self.hasRefused = true
            content = ["type": "text", "text": ""]
        case .thinking: content = ["type": "thinking", "thinking": "", "signature": ""]
        case .redacted(let data):
            content = ["type": "redacted_thinking", "data": .string(data.carried(to: .anthropic))]
        case .toolCall(let id, let name, let signature):
            if let signature { self.proof(signature, &out) }
            content = [
                "type": "tool_use", "id": .string(ToolCallID.legal(id)), "name": .string(name), "input": [:],
            ]
        }
        self.open = block
        self.event("content_block_start", ["index": .int(self.index), "content_block": content], &out)
    }

    /// Google's proof for a call, as a thinking block without thoughts: clients bring such blocks back as they are.
    private func proof(_ signature: Signature, _ out: inout [UInt8]) {
        let place = JSON.int(self.index)
        let content: JSON = ["type": "thinking", "thinking": "", "signature": ""]
        let delta: JSON = ["type": "signature_delta", "signature": .string(signature.carried(to: .anthropic))]
        self.event("content_block_start", ["index": place, "content_block": content], &out)
        self.event("content_block_delta", ["index": place, "delta": delta], &out)
        self.event("content_block_stop", ["index": place], &out)
        self.index += 1
    }

    private func grow(_ kind: DeltaKind, _ text: EscapedText, _ out: inout [UInt8]) {
        out += "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":".utf8
        out += String(self.index).utf8
        switch kind {
        case .text, .refusal: out += ",\"delta\":{\"type\":\"text_delta\",\"text\":\"".utf8
        case .thinking: out += ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"".utf8
        case .arguments: out += ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"".utf8
        }
        out += text.bytes
        out += "\"}}\n\n".utf8
    }

    private func close(_ out: inout [UInt8]) {
        guard self.open != nil else { return }
        self.event("content_block_stop", ["index": .int(self.index)], &out)
        self.open = nil
        self.index += 1
    }

    private func end(_ out: inout [UInt8]) {
        self.close(&out)
        self.release(&out)
        self.close(&out)
        let reason = self.hasRefused && self.stop.reason == .endTurn ? .refusal : self.stop.reason
        let delta: JSON = [
            "stop_reason": .string(MessagesAnswerCoder.word(reason)), "stop_sequence": .optional(self.stop.sequence),
        ]
        self.event("message_delta", ["delta": delta, "usage": self.usage.anthropic], &out)
        self.event("message_stop", [:], &out)
    }
}

extension AnswerEvent {
    /// What keeping this costs, roughly.
    var heldBytes: Int {
        switch self {
        case .delta(_, _, _, let text): 64 + text.bytes.count
        case .blockStart(_, _, let kind): 64 + kind.heldBytes
        case .signature(_, _, let signature): 64 + signature.text.utf8.count
        default: 64
        }
    }

    /// The block that this is about.
    var block: Int? {
        switch self {
        case .blockStart(let block, _, _), .delta(let block, _, _, _), .signature(let block, _, _),
            .blockEnd(let block, _):
            block
        default: nil
        }
    }
}

extension BlockKind {
    /// The bytes of what a provider chose the length of.
    var heldBytes: Int {
        switch self {
        case .text, .refusal, .thinking: 0
        case .redacted(let data): data.text.utf8.count
        case .toolCall(let id, let name, let signature):
            id.utf8.count + name.utf8.count + (signature?.text.utf8.count ?? 0)
        }
    }
}
