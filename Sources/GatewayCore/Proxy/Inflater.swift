import CZlib

/// Undoes gzip (RFC 1952) or zlib (RFC 1950) compression piece by piece, with a cap on what comes out.
final class Inflater {
    /// The input is not what it says it is, or becomes larger than the cap.
    struct Failure: Error {}

    private var stream = z_stream()
    private var left: Int
    private(set) var isFinished = false
    private var hasBegun = false

    /// Whether nothing is missing at the end of what has come so far.
    var isComplete: Bool { self.isFinished || !self.hasBegun }

    /// `limit` bounds all the output together: a few bytes of input can stand for gigabytes.
    init?(limit: Int) {
        self.left = limit
        // 15 bits of window; 32 more detect gzip or zlib by the header (zlib.h, `inflateInit2`).
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&self.stream, 15 + 32, ZLIB_VERSION, size) == Z_OK else { return nil }
    }

    deinit { inflateEnd(&self.stream) }

    /// Appends what `input` stands for to `output`.
    func inflate(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(Failure) {
        guard let start = input.baseAddress, !self.isFinished else { return }
        self.hasBegun = self.hasBegun || input.count > 0
        // zlib does not write to its input; its C signature only says so in a configuration of its own.
        self.stream.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: UInt8.self))
        self.stream.avail_in = UInt32(input.count)
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        repeat {
            let result = piece.withUnsafeMutableBufferPointer { buffer in
                self.stream.next_out = buffer.baseAddress
                self.stream.avail_out = UInt32(buffer.count)
                return CZlib.inflate(&self.stream, Z_NO_FLUSH)
            }
            guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw Failure() }
            let count = piece.count - Int(self.stream.avail_out)
            self.left -= count
            guard self.left >= 0 else { throw Failure() }
            output.append(contentsOf: piece[..<count])
            if result == Z_STREAM_END { self.isFinished = true }
        } while self.stream.avail_out == 0 && !self.isFinished
    }
}
