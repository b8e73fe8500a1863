internal import CZlib

/// Compresses a body as it is produced; what has been written so far can always be read.
struct Gzip: ~Copyable {
    private var stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    init() {
        self.stream.initialize(to: z_stream())
        let status = deflateInit2_(
            self.stream,
            Z_DEFAULT_COMPRESSION,
            Z_DEFLATED,
            15 + 16,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        precondition(status == Z_OK, "zlib refused its own defaults: \(status)")
    }

    deinit {
        deflateEnd(self.stream)
        self.stream.deinitialize(count: 1)
        self.stream.deallocate()
    }

    /// The compressed form of the next bytes; the last call has `isLast` set.
    mutating func compress(_ input: [UInt8], isLast: Bool) -> [UInt8] {
        var input = input
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let stream = self.stream
        input.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = UInt32(source.count)
            repeat {
                let produced = chunk.withUnsafeMutableBufferPointer { target in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(target.count)
                    deflate(stream, isLast ? Z_FINISH : Z_SYNC_FLUSH)
                    return target.count - Int(stream.pointee.avail_out)
                }
                output += chunk[..<produced]
            } while stream.pointee.avail_out == 0
        }
        return output
    }
}
