import JSONScan
import NIOCore
import NIOWebSocket

/// One realtime session in OpenAI's form: text in, text out, in events that are JSON in text frames
/// (platform.openai.com/docs/api-reference/realtime). Audio is taken and not listened to.
///
/// The dials `rate` and `tokens` pace and size answers; `cut` and `stall` hold after that many bytes sent.
final class RealtimeSession: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let model: String
    private let dials: Dials
    private let onEnd: (AnswerEnd) -> Void
    private var context: ChannelHandlerContext?
    private var sent = 0
    private var events = 0
    private var items = 0
    /// Tokens of what has been said so far, and what the next answer follows from.
    private var heard = 0
    private var lastText = ""
    private var hasEnded = false

    init(model: String, dials: Dials, onEnd: @escaping (AnswerEnd) -> Void) {
        self.model = model
        self.dials = dials
        self.onEnd = onEnd
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// The connection is upgraded.
    func start() {
        self.send(["type": "session.created", "session": self.session])
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        switch frame.opcode {
        case .text: self.take(Array(buffer: frame.unmaskedData))
        case .ping: self.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
        case .connectionClose:
            self.end(.complete)
            self.write(WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData))
            context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        self.end(.clientGone)
        context.fireChannelInactive()
    }

    private func end(_ end: AnswerEnd) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.onEnd(end)
    }

    // MARK: events of the client

    private func take(_ bytes: [UInt8]) {
        guard let event = try? JSON(parsing: bytes), let type = event["type"]?.string else {
            return self.refuse("Could not parse the event.")
        }
        switch type {
        case "session.update": self.send(["type": "session.updated", "session": self.session])
        case "conversation.item.create": self.addItem(event["item"] ?? [:])
        case "input_audio_buffer.append": self.heard += 10
        case "input_audio_buffer.commit":
            self.send(["type": "input_audio_buffer.committed", "item_id": self.newItem()])
        case "response.create": self.answer(event["response"] ?? [:])
        default: self.refuse("Unknown event `\(type)`.")
        }
    }

    private func addItem(_ item: JSON) {
        self.lastText = (item["content"]?.array ?? []).compactMap { $0["text"]?.string }.joined(separator: " ")
        self.heard += Text.tokens(in: self.lastText)
        let kept = item.setting("id", self.newItem()).setting("object", "realtime.item").setting("status", "completed")
        self.send(["type": "conversation.item.created", "previous_item_id": nil, "item": kept])
    }

    private func refuse(_ message: String) {
        self.send([
            "type": "error",
            "error": ["type": "invalid_request_error", "code": nil, "message": .string(message), "param": nil],
        ])
    }

    // MARK: answers

    private func answer(_ wish: JSON) {
        var prompt = Prompt()
        prompt.tokens = max(1, self.heard)
        prompt.outputLimit = wish["max_output_tokens"]?.int
        let generation = Generation(prompt, seed: Text.seed(self.lastText), dials: self.dials)
        let item = self.newItem()
        let id = JSON.string("resp_\(self.events)")
        let response: JSON = [
            "id": id, "object": "realtime.response", "status": "in_progress", "output": [], "usage": nil,
        ]
        self.send(["type": "response.created", "response": response])
        self.say(0, of: generation, item, id, response)
    }

    private func say(_ index: Int, of generation: Generation, _ item: JSON, _ id: JSON, _ response: JSON) {
        guard let context = self.context else { return }
        guard index < generation.pieceCount else { return self.finish(generation, item, id, response) }
        self.send([
            "type": "response.output_text.delta", "response_id": id, "item_id": item, "output_index": 0,
            "content_index": 0, "delta": .string(generation.piece(index)),
        ])
        let pause = self.dials.tokensPerSecond.map { TimeAmount.nanoseconds(Int64(1e9 / $0)) } ?? .zero
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: pause) {
            bound.value.say(index + 1, of: generation, item, id, response)
        }
    }

    private func finish(_ generation: Generation, _ item: JSON, _ id: JSON, _ response: JSON) {
        self.send([
            "type": "response.output_text.done", "response_id": id, "item_id": item, "output_index": 0,
            "content_index": 0, "text": .string(generation.text),
        ])
        let input = max(1, self.heard)
        let output: JSON = [
            "id": item, "object": "realtime.item", "type": "message", "role": "assistant", "status": "completed",
            "content": [["type": "output_text", "text": .string(generation.text)]],
        ]
        let usage: JSON = [
            "total_tokens": .int(input + generation.tokens), "input_tokens": .int(input),
            "output_tokens": .int(generation.tokens),
            "input_token_details": ["text_tokens": .int(input), "audio_tokens": 0, "cached_tokens": 0],
            "output_token_details": ["text_tokens": .int(generation.tokens), "audio_tokens": 0],
        ]
        self.heard += generation.tokens
        let whole = response.setting("status", "completed").setting("output", [output]).setting("usage", usage)
        self.send(["type": "response.done", "response": whole])
    }

    private var session: JSON {
        [
            "id": "sess_sim", "object": "realtime.session", "type": "realtime", "model": .string(self.model),
            "output_modalities": ["text"],
        ]
    }

    private func newItem() -> JSON {
        self.items += 1
        return .string("item_\(self.items)")
    }

    // MARK: frames

    private func send(_ event: JSON) {
        self.events += 1
        let bytes = event.setting("event_id", .string("event_\(self.events)")).bytes
        if let limit = self.dials.stallAfter, self.sent >= limit { return }
        if let limit = self.dials.cutAfter, self.sent + bytes.count > limit {
            self.end(.cut)
            self.context?.close(promise: nil)
            return
        }
        self.sent += bytes.count
        self.write(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(bytes: bytes)))
    }

    private func write(_ frame: WebSocketFrame) {
        self.context?.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
    }
}
