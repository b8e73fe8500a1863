import Crypto
import Foundation
import NIOCore
import NIOWebSocket

/// Stands first in a connection's pipeline: a request for `/v1/realtime` that asks for a WebSocket gets one (RFC 6455 §4), and
/// everything else goes on to the HTTP server. Requests of gateways begin where a read begins.
final class RealtimeDoor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let responder: SimulatorResponder
    private var isSession = false

    init(_ responder: SimulatorResponder) { self.responder = responder }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        guard !self.isSession, let request = Handshake(buffer) else { return context.fireChannelRead(data) }
        let id = self.responder.recorder.begin(endpoint: "GET /v1/realtime") { request.entry(id: $0) }
        if let refusal = self.refusal(request) {
            self.responder.recorder.setStatus(refusal.status, of: id)
            self.responder.recorder.end(id, .complete)
            return context.writeAndFlush(self.wrapOutboundOut(refusal.bytes), promise: nil)
        }
        self.responder.recorder.setStatus(101, of: id)
        self.isSession = true
        do { try self.open(request, id, context) } catch { context.close(promise: nil) }
    }

    private func open(_ request: Handshake, _ id: Int, _ context: ChannelHandlerContext) throws {
        let dials = self.responder.options.dials.overridden(byModel: request.model)
        let recorder = self.responder.recorder
        let session = RealtimeSession(model: request.model, dials: dials) { end in recorder.end(id, end) }
        try context.pipeline.syncOperations.addHandlers(
            [
                WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 16 << 20)),
                NIOWebSocketFrameAggregator(
                    minNonFinalFragmentSize: 0,
                    maxAccumulatedFrameCount: 1000,
                    maxAccumulatedFrameSize: 16 << 20
                ), session,
            ],
            position: .after(self)
        )
        var head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        head += "sec-websocket-accept: \(request.accept)\r\n"
        if request.protocols.contains("realtime") { head += "sec-websocket-protocol: realtime\r\n" }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: head + "\r\n")), promise: nil)
        session.start()
    }

    private func refusal(_ request: Handshake) -> (status: Int, bytes: ByteBuffer)? {
        let error: APIError?
        let dials = self.responder.options.dials.overridden(byModel: request.model)
        if case .key(let key) = self.responder.options.credential, request.credential != key {
            error = APIError(status: 401, type: "invalid_request_error", message: "Incorrect API key provided.")
        } else if request.model.isEmpty {
            error = APIError(status: 400, type: "invalid_request_error", message: "You must provide a model parameter.")
        } else if let status = dials.errorStatus {
            error = APIError.injected(status: status, retryAfter: dials.retryAfter)
        } else {
            error = nil
        }
        guard let error else { return nil }
        let body = #"{"error":{"message":"\#(error.message)","type":"\#(error.type)","param":null,"code":null}}"#
        let head = "HTTP/1.1 \(error.status) Refused\r\ncontent-type: application/json\r\n"
        return (error.status, ByteBuffer(string: "\(head)content-length: \(body.utf8.count)\r\n\r\n\(body)"))
    }
}

/// The head of a request for a realtime session.
private struct Handshake {
    private let query: String
    private let fields: [(name: String, value: String)]

    init?(_ buffer: ByteBuffer) {
        let text = String(buffer: buffer)
        guard text.hasPrefix("GET "), text.hasSuffix("\r\n\r\n") else { return nil }
        let lines = text.components(separatedBy: "\r\n")
        let target = lines[0].split(separator: " ").dropFirst().first ?? ""
        let parts = target.split(separator: "?", maxSplits: 1)
        guard parts.first == "/v1/realtime" else { return nil }
        self.query = parts.count > 1 ? String(parts[1]) : ""
        self.fields = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (line[..<colon].lowercased(), value)
        }
        guard self.field("upgrade")?.lowercased() == "websocket", self.field("sec-websocket-key") != nil else {
            return nil
        }
    }

    private func field(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }

    var model: String {
        let pairs = self.query.split(separator: "&").filter { $0.hasPrefix("model=") }
        return pairs.first.flatMap { String($0.dropFirst(6)).removingPercentEncoding } ?? ""
    }

    var protocols: [String] {
        (self.field("sec-websocket-protocol") ?? "").split(separator: ",").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }

    var credential: String { String((self.field("authorization") ?? "").dropFirst(7)) }

    var accept: String {
        let text = (self.field("sec-websocket-key") ?? "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return Data(Insecure.SHA1.hash(data: Data(text.utf8))).base64EncodedString()
    }

    func entry(id: Int) -> RequestRecorder.Entry {
        RequestRecorder.Entry(
            id: id,
            method: "GET",
            path: "/v1/realtime",
            query: self.query,
            headers: self.fields.map { ($0.name, $0.value) },
            receivedAt: Date().timeIntervalSince1970
        )
    }
}
