// Content codings of request bodies (RFC 9110 §8.4): gzip (RFC 1952), deflate (zlib, RFC 1950), br (RFC 7932) and zstd
// (RFC 8878, with the window of at most 8 MiB that RFC 9659 asks for). One coding, not a chain. What comes out is capped: a few
// bytes of input can stand for gigabytes. Input that is cut, damaged, or followed by something else is refused.

import CBrotli
import CZlib
import CZstd
import GatewayModel
import HTTPWire
import NIOCore

/// How a request's body is compressed.
enum ContentCoding: Sendable {
    case gzip, deflate, brotli, zstd

    private static let pieceBytes = 64 << 10
    private static let zstdWindowLog: Int32 = 23

    /// The coding of this name, nil when it is none that is understood.
    init?(_ bytes: borrowing Span<UInt8>, _ name: ByteRange) {
        if name.equals(bytes, "gzip") || name.equals(bytes, "x-gzip") {
            self = .gzip
        } else if name.equals(bytes, "deflate") {
            self = .deflate
        } else if name.equals(bytes, "br") {
            self = .brotli
        } else if name.equals(bytes, "zstd") {
            self = .zstd
        } else {
            return nil
        }
    }

    /// What `body` stands for, at most `limit` bytes of it.
    func decode(_ body: ByteBuffer, limit: Int) throws(Refusal) -> ByteBuffer {
        var sink = Sink(limit: limit)
        let isWhole: Bool
        do {
            isWhole = try body.withUnsafeReadableBytes { input in
                switch self {
                case .gzip: try Self.inflate(input, windowBits: 15 + 16, into: &sink)
                case .deflate: try Self.inflate(input, windowBits: 15, into: &sink)
                case .brotli: try Self.unbrotli(input, into: &sink)
                case .zstd: try Self.unzstd(input, into: &sink)
                }
            }
        } catch {
            throw Refusal(.bodyTooLarge, "The limit is \(limit) bytes, decompressed.")
        }
        guard isWhole else { throw Refusal(.invalidEncoding) }
        return sink.output
    }

    // MARK: decoders; true when the input was one whole body of its coding

    private static func inflate(
        _ input: UnsafeRawBufferPointer,
        windowBits: Int32,
        into sink: inout Sink
    ) throws -> Bool {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, size) == Z_OK else { return false }
        defer { inflateEnd(&stream) }
        // zlib does not write to its input; its C signature only says so in a configuration of its own.
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(clamping: input.count)
        while true {
            var result = Z_OK
            try sink.fill { room in
                stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(room.count)
                result = CZlib.inflate(&stream, Z_NO_FLUSH)
                return room.count - Int(stream.avail_out)
            }
            switch result {
            case Z_STREAM_END where stream.avail_in > 0 && windowBits > 15:
                // RFC 1952 §2.2: members follow each other.
                guard inflateReset(&stream) == Z_OK else { return false }
            case Z_STREAM_END: return stream.avail_in == 0
            case Z_OK: continue
            default: return false
            }
        }
    }

    private static func unbrotli(_ input: UnsafeRawBufferPointer, into sink: inout Sink) throws -> Bool {
        guard let decoder = BrotliDecoderCreateInstance(nil, nil, nil) else { return false }
        defer { BrotliDecoderDestroyInstance(decoder) }
        var available = input.count
        var next = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        while true {
            var result = BROTLI_DECODER_RESULT_ERROR
            try sink.fill { room in
                var left = room.count
                var place = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                result = BrotliDecoderDecompressStream(decoder, &available, &next, &left, &place, nil)
                return room.count - left
            }
            switch result {
            case BROTLI_DECODER_RESULT_SUCCESS: return available == 0
            case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: continue
            default: return false
            }
        }
    }

    private static func unzstd(_ input: UnsafeRawBufferPointer, into sink: inout Sink) throws -> Bool {
        guard let decoder = ZSTD_createDStream() else { return false }
        defer { ZSTD_freeDStream(decoder) }
        _ = ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, Self.zstdWindowLog)
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        while true {
            var result = 0
            var isFull = false
            try sink.fill { room in
                var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                result = ZSTD_decompressStream(decoder, &target, &source)
                isFull = target.pos == target.size
                return target.pos
            }
            if ZSTD_isError(result) != 0 { return false }
            if result == 0, source.pos == source.size { return true }
            // All input is read, nothing is left to be written out, and the frame has not ended: it was cut.
            if result != 0, source.pos == source.size, !isFull { return false }
        }
    }

    /// Takes what comes out, up to the limit.
    private struct Sink {
        struct Full: Error {}

        var output = ByteBuffer()
        let limit: Int

        init(limit: Int) { self.limit = limit }

        mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) throws(Full) {
            self.output.writeWithUnsafeMutableBytes(minimumWritableBytes: ContentCoding.pieceBytes, body)
            guard self.output.readableBytes <= self.limit else { throw Full() }
        }
    }
}
