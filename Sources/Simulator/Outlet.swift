import Hummingbird
import JSONScan
import NIOCore
import ServiceLifecycle

/// A dial ended the body: the connection closes without a final chunk.
struct AnswerCut: Error {}

/// A dial ended a stream with an error event.
struct StreamFault: Error {
    let error = APIError(status: 503, type: "server_error", message: "The simulator was asked to fail in the stream.")
}

/// The caller closed the connection.
struct CallerGone: Error {}

/// Where a body is written to: applies the dials for pace, compression and faults to the bytes that pass. Used by the one
/// task that writes the body.
final class Outlet {
    /// The longest that a stalled answer holds its connection.
    static let longestStall = Duration.seconds(600)

    private var writer: any ResponseBodyWriter
    private let patience: Patience
    private let dials: Dials
    private var gzip: Gzip?
    private var produced = 0
    private var sent = 0
    private var tokens = 0
    private lazy var firstToken = ContinuousClock.now

    init(_ writer: any ResponseBodyWriter, dials: Dials, patience: Patience) {
        self.writer = writer
        self.dials = dials
        self.patience = patience
        self.gzip = dials.gzip ? Gzip() : nil
    }

    /// Whether nothing has been written.
    var isEmpty: Bool { self.produced == 0 }

    /// Sends one event of a stream: `event:` when it has a name, then `data:`.
    func event(_ name: String? = nil, _ data: JSON) async throws {
        var bytes: [UInt8] = []
        if let name { bytes += "event: \(name)\n".utf8 }
        bytes += "data: ".utf8
        bytes += data.bytes
        bytes += "\n\n".utf8
        try await self.write(bytes)
    }

    /// Sends an event that carries one token of output, at the pace of the dials.
    func token(_ name: String? = nil, _ data: JSON) async throws {
        try await self.pace()
        try await self.event(name, data)
    }

    /// Waits until it is time for the next token of output.
    func pace() async throws {
        if let limit = self.dials.faultAfter, self.tokens >= limit { throw StreamFault() }
        if let rate = self.dials.tokensPerSecond {
            // Each token has its own time, so that the work of sending one does not delay the next.
            let due = self.firstToken + .seconds(Double(self.tokens) / rate)
            if case let left = due - .now, left > .zero { try await self.patience.wait(left) }
        }
        self.tokens += 1
    }

    /// Sends bytes of the body.
    func write(_ bytes: [UInt8]) async throws {
        let damaged = self.damaged(bytes)
        let wire = self.gzip == nil ? damaged : self.gzip?.compress(damaged, isLast: false) ?? []
        try await self.send(wire)
    }

    /// Sends what ends the body.
    func finish() async throws {
        if self.gzip != nil { try await self.send(self.gzip?.compress([], isLast: true) ?? []) }
        try await self.writer.finish(nil)
    }

    private func damaged(_ bytes: [UInt8]) -> [UInt8] {
        defer { self.produced += bytes.count }
        guard let offset = self.dials.malformedAt else { return bytes }
        var bytes = bytes
        for (index, garbage) in zip(
            offset - self.produced..<offset - self.produced + 4,
            [0xFF, 0x00, 0x7B, 0xFE] as [UInt8]
        )
        where bytes.indices.contains(index) {
            bytes[index] = garbage
        }
        return bytes
    }

    private func send(_ bytes: [UInt8]) async throws {
        try self.patience.check()
        let limit = min(self.dials.cutAfter ?? .max, self.dials.stallAfter ?? .max)
        let allowed = bytes.prefix(max(0, limit - self.sent))
        if !allowed.isEmpty { try await self.writer.write(ByteBuffer(bytes: allowed)) }
        self.sent += allowed.count
        guard allowed.count < bytes.count else { return }
        if self.dials.stallAfter == limit { try await self.patience.wait(Self.longestStall) }
        throw AnswerCut()
    }
}

/// Waits without holding on to a connection that the caller has closed.
struct Patience: Sendable {
    /// How long it takes at most until a closed connection is noticed.
    private static let slice = Duration.milliseconds(100)

    let channel: any Channel

    /// Throws when the caller is gone.
    func check() throws {
        guard self.channel.isActive else { throw CallerGone() }
    }

    /// Waits; throws when the caller goes away, or the simulator is told to stop, in the meantime.
    func wait(_ duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while case let left = end - .now, left > .zero {
            try await Task.sleep(for: min(left, Self.slice))
            try self.check()
            if left > Self.slice, Task.isShuttingDownGracefully { throw AnswerCut() }
        }
    }
}

/// Closes a connection whose caller has closed its side: a caller that sends no more is taken to have gone away.
final class CallerGoneHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Never

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
