import NIOCore

/// The memory that a loop's channels read into.
///
/// A channel of NIO keeps the buffer of its last read, 2 kB for each side of a stream that says nothing for minutes. Here
/// the channels of a loop share one: it is lent for a read and kept again behind it. Whoever still needs what was read has
/// a reference to it, and the next read gets memory of its own.
final class ReadMemory {
    private var spare: ByteBuffer?

    /// A buffer with room for `capacity` bytes that nobody else refers to.
    func take(_ capacity: Int, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        guard var buffer = self.spare.take() else { return allocator.buffer(capacity: capacity) }
        // Clearing what is shared would copy it, hence the question first.
        let isOurs = buffer.modifyIfUniquelyOwned { $0.clear(minimumCapacity: capacity) } != nil
        return isOurs ? buffer : allocator.buffer(capacity: capacity)
    }

    /// Keeps the memory of `buffer` for a later read. What was read is not touched before it is let go of by all others.
    func keep(_ buffer: ByteBuffer) { self.spare = buffer }

    /// Sets up `channel`, which must be of this loop, to read into this memory. Returns what lends it; nil for a channel that
    /// cannot be set up from here.
    @discardableResult
    func serve(_ channel: any Channel) throws -> Supply? {
        guard let options = channel.syncOptions else { return nil }
        // One buffer at a time: NIO would keep the others.
        try options.setOption(.maxMessagesPerRead, value: 1)
        let supply = Supply(from: self)
        let bound = NIOLoopBound(supply, eventLoop: channel.eventLoop)
        try options.setOption(.recvAllocator, value: Allocator(supply: bound))
        return supply
    }

    /// What NIO asks. No larger than three words: NIO would keep it in a box and look, at every read, whether it is shared.
    private struct Allocator: RecvByteBufferAllocator {
        let supply: NIOLoopBound<Supply>

        func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { self.supply.value.buffer(allocator) }

        /// Nil has NIO ask for a buffer each time instead of using its own again.
        func nextBufferSize() -> Int? { nil }

        mutating func record(actualReadBytes: Int) -> Bool {
            self.supply.value.record(actualReadBytes)
            // As above: NIO then does not look at the buffer that it kept.
            return true
        }
    }

    /// Gives a channel the loop's buffer, in a size that follows what the channel reads.
    final class Supply {
        private let memory: ReadMemory
        private var size = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65_536)
        /// NIO keeps the first buffer for ever; a small one will do.
        private var isFirst = true
        private static let firstBytes = 64
        /// What whoever reads has said of the next read.
        var ahead = ReadAhead()

        fileprivate init(from memory: ReadMemory) { self.memory = memory }

        /// NIO asks right before it reads.
        fileprivate func buffer(_ allocator: ByteBufferAllocator) -> ByteBuffer {
            if self.isFirst { return allocator.buffer(capacity: Self.firstBytes) }
            self.ahead.fetch()
            return self.memory.take(self.size.nextBufferSize() ?? 2048, allocator)
        }

        fileprivate func record(_ bytes: Int) {
            if self.isFirst { self.isFirst = false } else { _ = self.size.record(actualReadBytes: bytes) }
        }
    }
}
