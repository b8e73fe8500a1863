import JSONScan

/// Writes the numbered events of a streamed response (platform.openai.com/docs/api-reference/responses-streaming).
///
/// The last events repeat the whole answer, so it is kept; `heldBytes` says how much that is, and the translator bounds it.
final class ResponsesStreamEncoder {
    private struct Open {
        var block: Int
        var index: Int
        var kind: BlockKind
        var text: [UInt8] = []
        var signature: Signature?
        var logprobs: [TokenLogprob] = []
    }

    private let context: AnswerContext
    private var object: ResponseObject
    private var number = 0
    private var open: [Open] = []
    private var items: [JSON] = []
    private var stop = StopReason.endTurn
    private var usage = AnswerUsage()
    private(set) var heldBytes = 0

    init(_ context: AnswerContext) {
        self.context = context
        self.object = ResponseObject(context, id: nil, created: nil)
    }

    func write(_ event: AnswerEvent, into out: inout [UInt8]) {
        switch event {
        case .start(let id, _, let created):
            self.object = ResponseObject(self.context, id: id, created: created)
            let response = self.object.json(nil, [], nil)
            self.event("response.created", ["response": response], &out)
            self.event("response.in_progress", ["response": response], &out)
        case .blockStart(let block, 0, let kind): self.begin(block, kind, &out)
        case .delta(let block, 0, _, let text): self.grow(block, text, &out)
        case .signature(let block, 0, let signature):
            self.heldBytes += signature.text.utf8.count
            if let place = self.place(block) { self.open[place].signature = signature }
        case .blockEnd(let block, 0):
            if let place = self.place(block) { self.finish(self.open.remove(at: place), &out) }
        case .logprobs(0, let tokens): self.add(tokens, &out)
        case .stop(0, let stop): self.stop = stop.reason
        case .usage(let usage): self.usage = usage
        case .error(let error):
            let members: JSON = [
                "code": .optional(error.code), "message": .string(error.message), "param": .optional(error.param),
            ]
            self.event("error", members, &out)
        case .end: self.end(&out)
        // One answer at a time in this dialect.
        case .blockStart, .delta, .signature, .blockEnd, .stop, .logprobs, .lost: break
        }
    }

    private func place(_ block: Int) -> Int? { self.open.firstIndex { $0.block == block } }

    // MARK: Events

    private func head(_ name: String, _ out: inout [UInt8]) {
        out += "event: \(name)\ndata: {\"type\":\"\(name)\",\"sequence_number\":\(self.number)".utf8
        self.number += 1
    }

    private func event(_ name: String, _ members: JSON, _ out: inout [UInt8]) {
        self.head(name, &out)
        out.append(UInt8(ascii: ","))
        out += members.bytes.dropFirst()
        out += "\n\n".utf8
    }

    private func begin(_ block: Int, _ kind: BlockKind, _ out: inout [UInt8]) {
        if case .toolCall(_, _, let signature?) = kind { self.proof(signature, &out) }
        // What is written of an item beside its text, and what its names are long.
        self.heldBytes += 256 + kind.heldBytes
        let open = Open(block: block, index: self.items.count, kind: kind)
        self.items.append(.null)
        self.open.append(open)
        let item: JSON
        switch kind {
        case .text, .refusal: item = self.object.message(nil, open.index)
        case .thinking, .redacted: item = self.object.reasoning("", nil, open.index)
        case .toolCall(let id, let name, _): item = self.object.call(id, name, "", "in_progress", open.index)
        }
        self.event("response.output_item.added", ["output_index": .int(open.index), "item": item], &out)
        switch kind {
        case .text: self.part("response.content_part.added", open, ResponseObject.text("", nil), &out)
        case .refusal: self.part("response.content_part.added", open, ["type": "refusal", "refusal": ""], &out)
        case .thinking:
            self.part("response.reasoning_summary_part.added", open, ["type": "summary_text", "text": ""], &out)
        case .redacted, .toolCall: break
        }
    }

    /// Google's proof for a call, as a reasoning item without thoughts: clients bring such items back as they are.
    private func proof(_ signature: Signature, _ out: inout [UInt8]) {
        let index = self.items.count
        let item = self.object.reasoning("", signature, index)
        self.items.append(item)
        self.event("response.output_item.added", ["output_index": .int(index), "item": item], &out)
        self.event("response.output_item.done", ["output_index": .int(index), "item": item], &out)
    }

    private func place(of open: Open) -> MemberWriter {
        var writer = MemberWriter()
        switch open.kind {
        case .text, .refusal:
            writer.set("item_id", self.object.itemID("msg", open.index))
            writer.set("output_index", open.index)
            writer.set("content_index", 0)
        case .thinking, .redacted:
            writer.set("item_id", self.object.itemID("rs", open.index))
            writer.set("output_index", open.index)
            writer.set("summary_index", 0)
        case .toolCall:
            writer.set("item_id", self.object.itemID("fc", open.index))
            writer.set("output_index", open.index)
        }
        return writer
    }

    private func part(_ name: String, _ open: Open, _ part: JSON, _ out: inout [UInt8]) {
        var writer = self.place(of: open)
        writer.set("part", part)
        self.event(name, writer.json, &out)
    }

    private func grow(_ block: Int, _ text: EscapedText, _ out: inout [UInt8]) {
        guard let place = self.place(block) else { return }
        self.open[place].text += text.bytes
        self.heldBytes += text.bytes.count
        let open = self.open[place]
        switch open.kind {
        case .text: self.head("response.output_text.delta", &out)
        case .refusal: self.head("response.refusal.delta", &out)
        case .thinking, .redacted: self.head("response.reasoning_summary_text.delta", &out)
        case .toolCall: self.head("response.function_call_arguments.delta", &out)
        }
        out.append(UInt8(ascii: ","))
        out += self.place(of: open).json.bytes.dropFirst().dropLast()
        out += ",\"delta\":\"".utf8
        out += text.bytes
        if case .text = open.kind { out += "\",\"logprobs\":[]}\n\n".utf8 } else { out += "\"}\n\n".utf8 }
    }

    /// The tokens of a text come behind their words, in a piece of their own without any. Those of calls have no place.
    private func add(_ tokens: [TokenLogprob], _ out: inout [UInt8]) {
        guard let place = self.open.lastIndex(where: { $0.kind == .text }) else { return }
        let json = ChatAnswerCoder.encode(tokens)
        self.open[place].logprobs += tokens
        var writer = self.place(of: self.open[place])
        writer.set("delta", "" as String)
        writer.set("logprobs", json)
        let length = out.count
        self.event("response.output_text.delta", writer.json, &out)
        self.heldBytes += out.count - length
    }

    private func finish(_ open: Open, _ out: inout [UInt8]) {
        let text = EscapedText(escaped: open.text).text
        let item: JSON
        var writer = self.place(of: open)
        switch open.kind {
        case .text:
            let part = ResponseObject.text(text, open.logprobs)
            writer.set("text", text)
            writer.set("logprobs", ChatAnswerCoder.encode(open.logprobs))
            self.event("response.output_text.done", writer.json, &out)
            self.part("response.content_part.done", open, part, &out)
            item = self.object.message(part, open.index)
        case .refusal:
            let part: JSON = ["type": "refusal", "refusal": .string(text)]
            writer.set("refusal", text)
            self.event("response.refusal.done", writer.json, &out)
            self.part("response.content_part.done", open, part, &out)
            item = self.object.message(part, open.index)
        case .thinking:
            writer.set("text", text)
            self.event("response.reasoning_summary_text.done", writer.json, &out)
            let part: JSON = ["type": "summary_text", "text": .string(text)]
            self.part("response.reasoning_summary_part.done", open, part, &out)
            item = self.object.reasoning(text, open.signature, open.index)
        case .redacted(let data): item = self.object.reasoning("", data, open.index)
        case .toolCall(let id, let name, _):
            let arguments = text.isEmpty ? "{}" : text
            writer.set("arguments", arguments)
            writer.set("name", name)
            self.event("response.function_call_arguments.done", writer.json, &out)
            item = self.object.call(id, name, arguments, "completed", open.index)
        }
        self.items[open.index] = item
        self.event("response.output_item.done", ["output_index": .int(open.index), "item": item], &out)
    }

    private func end(_ out: inout [UInt8]) {
        while !self.open.isEmpty { self.finish(self.open.removeFirst(), &out) }
        let response = self.object.json(self.stop, self.items, self.usage)
        let name = response["status"] == "incomplete" ? "response.incomplete" : "response.completed"
        self.event(name, ["response": response], &out)
    }
}
