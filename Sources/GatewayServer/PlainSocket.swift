import Glibc
import NIOCore

/// Writes to one channel: straight to its socket while nothing waits in the channel, through the channel otherwise. And
/// reads past the channel where somebody has better memory for what comes.
///
/// Nearly every message fits into the socket's buffer at once. Such a write costs the system call and some 150
/// instructions; through the channel's pipeline and its list of pending writes it costs 2 900. What the socket does not
/// take is handed to the channel, which waits until it can be written; until then everything goes that way, so order is kept.
final class PlainSocket {
    private var context: ChannelHandlerContext?
    private var channel: (any Channel)?
    /// -1: the channel has handlers that must see what is written (TLS, HTTP/2), or is no socket.
    private var descriptor: CInt = -1
    /// Writes that the channel has not completed.
    private var queued = 0

    /// Takes over a channel. `isPlain` says that nothing stands between our handler and the socket.
    func attach(_ context: ChannelHandlerContext, isPlain: Bool) {
        self.context = context
        self.channel = context.channel
        guard isPlain else { return }
        let operations = context.pipeline.syncOperations
        let descriptor = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        self.descriptor = descriptor ?? -1
    }

    /// The channel is gone; what is written from now on is thrown away.
    func detach() {
        self.context = nil
        self.channel = nil
        self.descriptor = -1
    }

    /// False while what was sent waits in memory for the other side to take it.
    var isWritable: Bool { self.queued == 0 || (self.channel?.isWritable ?? false) }

    /// Sends `message`, and `second` behind it.
    func send(_ message: ByteBuffer, then second: ByteBuffer? = nil) {
        let sent = self.sendNow(message, second)
        let count = message.readableBytes
        if sent == count + (second?.readableBytes ?? 0) { return }
        guard let context = self.context else { return }
        if sent < count {
            let rest = message.getSlice(at: message.readerIndex + sent, length: count - sent)
            if let rest { self.queue(rest, in: context) }
        }
        if let second {
            let skipped = max(0, sent - count)
            let rest = second.getSlice(at: second.readerIndex + skipped, length: second.readableBytes - skipped)
            if let rest { self.queue(rest, in: context) }
        }
        context.flush()
    }

    /// Writes without sending yet: `flush` does.
    func write(_ piece: ByteBuffer) {
        if let context = self.context { self.queue(piece, in: context) }
    }

    func flush() { self.context?.flush() }

    private func queue(_ piece: ByteBuffer, in context: ChannelHandlerContext) {
        self.queued += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.queued -= 1 }
        context.write(NIOAny(piece), promise: promise)
    }

    /// How many bytes the socket took. 0 also when it must not be written to from here, or when it is broken: the channel
    /// finds out the same way and closes as it always does.
    private func sendNow(_ message: ByteBuffer, _ second: ByteBuffer?) -> Int {
        // A channel that has closed may have given its descriptor to another one before it tells us.
        guard self.descriptor >= 0, self.queued == 0, let channel = self.channel, channel.isActive else { return 0 }
        let descriptor = self.descriptor
        return message.withUnsafeReadableBytes { first in
            guard let second else {
                return Self.sent(Glibc.send(descriptor, first.baseAddress, first.count, Self.flags))
            }
            return second.withUnsafeReadableBytes { Self.sendBoth(descriptor, first, $0) }
        }
    }

    /// Appends up to `limit` bytes that have come already to `buffer`, and returns how many. 0 also at the end of what comes,
    /// and when the socket is broken: the channel finds out by its own next read.
    func receive(into buffer: inout ByteBuffer, atMost limit: Int) -> Int {
        guard self.descriptor >= 0, let channel = self.channel, channel.isActive else { return 0 }
        return buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { memory in
            max(0, recv(self.descriptor, memory.baseAddress, limit, Int32(MSG_DONTWAIT)))
        }
    }

    private static let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)

    private static func sent(_ result: Int) -> Int { max(0, result) }

    private static func sendBoth(
        _ descriptor: CInt,
        _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer
    ) -> Int {
        var pieces = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
        )
        return withUnsafeMutableBytes(of: &pieces) { raw in
            var message = msghdr()
            message.msg_iov = raw.assumingMemoryBound(to: iovec.self).baseAddress
            message.msg_iovlen = 2
            return Self.sent(sendmsg(descriptor, &message, Self.flags))
        }
    }
}
