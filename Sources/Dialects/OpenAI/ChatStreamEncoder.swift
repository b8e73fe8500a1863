import JSONScan

/// Writes the chunks of a streamed chat completion (platform.openai.com/docs/api-reference/chat-streaming): the role first,
/// the reason to stop in a chunk of its own, the usage in one without choices when it was asked for, `[DONE]` at the end.
final class ChatStreamEncoder {
    private struct Call {
        let index: Int
        var isEmpty = true
    }

    private let context: AnswerContext
    /// `data: {…,"choices":[{"index":`, the same in every chunk.
    private var head: [UInt8] = []
    private var begun: [Int] = []
    /// By block, while it is open.
    private var calls: [Int: Call] = [:]
    /// How many calls each choice has had.
    private var callCounts: [Int: Int] = [:]
    /// The proofs of each choice's thoughts: how many, and the last one.
    private var signatures: [Int: (count: Int, last: Signature)] = [:]
    private var thoughts: [Int: Int] = [:]
    private var usage: AnswerUsage?

    init(_ context: AnswerContext) { self.context = context }

    func write(_ event: AnswerEvent, into out: inout [UInt8]) {
        switch event {
        case .start(let id, _, let created): self.start(id, created, &out)
        case .blockStart(let block, let choice, let kind): self.begin(block, choice, kind, &out)
        case .delta(let block, let choice, let kind, let text): self.grow(block, choice, kind, text, &out)
        case .signature(_, let choice, let signature):
            self.signatures[choice] = ((self.signatures[choice]?.count ?? 0) + 1, signature)
        case .blockEnd(let block, let choice): self.finish(block, choice, &out)
        case .logprobs(let choice, let tokens):
            self.chunk(choice, &out) { out in
                out += "{},\"logprobs\":".utf8
                JSON.object([.init(name: "content", value: ChatAnswerCoder.encode(tokens))]).write(into: &out)
                out += ",\"finish_reason\":null}]".utf8
            }
        case .stop(let choice, let stop): self.stop(choice, stop, &out)
        case .usage(let usage): self.usage = usage
        case .error(let error):
            out += "data: ".utf8
            error.openAI.write(into: &out)
            out += "\n\n".utf8
        case .lost: break
        case .end: self.end(&out)
        }
    }

    private func start(_ id: String?, _ created: Int?, _ out: inout [UInt8]) {
        let shared: JSON = [
            "id": .string(id ?? "chatcmpl-\(self.context.id)"), "object": "chat.completion.chunk",
            "created": .int(created ?? self.context.created), "model": .string(self.context.model),
        ]
        self.head = Array("data: ".utf8) + shared.bytes.dropLast() + Array(",\"choices\":[{\"index\":".utf8)
        self.role(0, &out)
    }

    private func role(_ choice: Int, _ out: inout [UInt8]) {
        guard !self.begun.contains(choice) else { return }
        self.begun.append(choice)
        self.delta(choice, &out) { $0 += "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null".utf8 }
    }

    /// One chunk, whose `delta` and what follows it in its choice `write` puts down.
    private func chunk(_ choice: Int, _ out: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
        out += self.head
        out += String(choice).utf8
        out += ",\"delta\":".utf8
        write(&out)
        out += self.context.includesUsage ? ",\"usage\":null}\n\n".utf8 : "}\n\n".utf8
    }

    private func delta(_ choice: Int, _ out: inout [UInt8], _ members: (inout [UInt8]) -> Void) {
        self.chunk(choice, &out) { out in
            out.append(UInt8(ascii: "{"))
            members(&out)
            out += "},\"logprobs\":null,\"finish_reason\":null}]".utf8
        }
    }

    private func begin(_ block: Int, _ choice: Int, _ kind: BlockKind, _ out: inout [UInt8]) {
        self.role(choice, &out)
        switch kind {
        case .text, .refusal, .redacted: break
        case .thinking: self.thoughts[choice, default: 0] += 1
        case .toolCall(let id, let name, let signature):
            let index = self.callCounts[choice, default: 0]
            self.callCounts[choice] = index + 1
            self.calls[block] = Call(index: index)
            var call = ChatRequestEncoder.call(
                ToolCall(id: id, name: name, arguments: "", signature: signature),
                isForClient: true
            )
            call = call.setting("function", ["name": .string(name), "arguments": ""])
            let members: JSON = .object([.init(name: "index", value: .int(index))] + (call.members ?? []))
            self.delta(choice, &out) { out in
                out += "\"tool_calls\":[".utf8
                members.write(into: &out)
                out.append(UInt8(ascii: "]"))
            }
        }
    }

    private func grow(
        _ block: Int,
        _ choice: Int,
        _ kind: DeltaKind,
        _ text: EscapedText,
        _ out: inout [UInt8]
    ) {
        if kind == .arguments {
            guard let index = self.calls[block]?.index else { return }
            self.calls[block]?.isEmpty = false
            self.arguments(index, choice, text.bytes, &out)
            return
        }
        self.delta(choice, &out) { out in
            switch kind {
            case .text: out += "\"content\":\"".utf8
            case .refusal: out += "\"refusal\":\"".utf8
            case .thinking, .arguments: out += "\"reasoning_content\":\"".utf8
            }
            out += text.bytes
            out.append(UInt8(ascii: "\""))
        }
    }

    private func arguments(_ index: Int, _ choice: Int, _ text: [UInt8], _ out: inout [UInt8]) {
        self.delta(choice, &out) { out in
            out += "\"tool_calls\":[{\"index\":".utf8
            out += String(index).utf8
            out += ",\"function\":{\"arguments\":\"".utf8
            out += text
            out += "\"}}]".utf8
        }
    }

    /// Clients of this dialect parse the arguments; a call without any must still have an object.
    private func finish(_ block: Int, _ choice: Int, _ out: inout [UInt8]) {
        guard let call = self.calls.removeValue(forKey: block), call.isEmpty else { return }
        self.arguments(call.index, choice, Array("{}".utf8), &out)
    }

    private func stop(_ choice: Int, _ stop: Stop, _ out: inout [UInt8]) {
        self.role(choice, &out)
        if self.thoughts[choice] == 1, let (count, signature) = self.signatures[choice], count == 1 {
            self.delta(choice, &out) { out in
                out += "\"reasoning_signature\":".utf8
                JSON.string(signature.carried(to: .openai)).write(into: &out)
            }
        }
        self.chunk(choice, &out) { out in
            out += "{},\"logprobs\":null,\"finish_reason\":\"".utf8
            out += ChatAnswerCoder.word(stop.reason).utf8
            out += "\"}]".utf8
        }
    }

    private func end(_ out: inout [UInt8]) {
        if self.context.includesUsage {
            out += self.head.dropLast("{\"index\":".utf8.count)
            out += "],\"usage\":".utf8
            (self.usage ?? AnswerUsage()).openAIChat.write(into: &out)
            out += "}\n\n".utf8
        }
        out += "data: [DONE]\n\n".utf8
    }
}
