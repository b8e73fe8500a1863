import HTTPWire
import NIOCore
import NIOHPACK

/// Reads the HTTP/1.1 answer that a `ClientConnection` writes, and says what it is in HTTP/2: heads, pieces of the body
/// without their framing, an end. A value: bytes in, steps out, the body not copied.
struct AnswerFrames {
    enum Step {
        /// 1xx: the answer is still to come.
        case interim(HPACKHeaders)
        case head(HPACKHeaders, isEnd: Bool)
        case piece(ByteBuffer, isEnd: Bool)
        /// The end, behind pieces that have gone before it was known.
        case end
    }

    private enum State {
        case head
        case length(UInt64)
        case chunked(ChunkedDecoder)
        case untilClose
        case ended
    }

    private var state = State.head
    private let head = ResponseHead()
    /// A head of which only the beginning has been written.
    private var pending = ByteBuffer()
    /// Of the request; what it asks for decides whether a body follows.
    var method = RequestHead.Method.other

    var isEnded: Bool { if case .ended = self.state { true } else { false } }

    /// Whether the end of the connection would be the end of the answer.
    var endsWithConnection: Bool { if case .untilClose = self.state { true } else { false } }

    /// Our own heads are a few kilobytes; an upstream's have been held to the same limit as requests.
    private static let headLimit = 256 << 10

    /// The steps that `buffer` makes known. An answer that cannot be read is an error of ours.
    mutating func take(_ buffer: ByteBuffer) throws(WireError) -> [Step] {
        var buffer = buffer
        var steps: [Step] = []
        if self.pending.readableBytes > 0 {
            self.pending.writeBuffer(&buffer)
            buffer = self.pending
            self.pending = ByteBuffer()
        }
        while buffer.readableBytes > 0 {
            switch self.state {
            case .head: try self.takeHead(&buffer, &steps)
            case .length(let left): self.takePiece(&buffer, left, &steps)
            case .chunked(var decoder):
                try self.takeChunks(&buffer, &decoder, &steps)
            case .untilClose:
                steps.append(.piece(buffer, isEnd: false))
                return steps
            case .ended: throw .badChunk
            }
        }
        return steps
    }

    private mutating func takeHead(_ buffer: inout ByteBuffer, _ steps: inout [Step]) throws(WireError) {
        guard case .complete(let length) = try self.head.parse(buffer, limit: Self.headLimit) else {
            self.pending = buffer
            buffer = ByteBuffer()
            return
        }
        let headers = self.headers(of: buffer)
        buffer.moveReaderIndex(forwardBy: length)
        if self.head.isInformational { return steps.append(.interim(headers)) }
        switch self.head.framing(answering: self.method) {
        case .none: self.state = .ended
        case .length(let length): self.state = .length(length)
        case .chunked: self.state = .chunked(ChunkedDecoder())
        case .untilClose: self.state = .untilClose
        }
        steps.append(.head(headers, isEnd: self.isEnded))
    }

    private mutating func takePiece(_ buffer: inout ByteBuffer, _ left: UInt64, _ steps: inout [Step]) {
        let count = Int(min(left, UInt64(buffer.readableBytes)))
        guard let piece = buffer.readSlice(length: count) else { return }
        self.state = left == UInt64(count) ? .ended : .length(left - UInt64(count))
        steps.append(.piece(piece, isEnd: self.isEnded))
    }

    private mutating func takeChunks(
        _ buffer: inout ByteBuffer,
        _ decoder: inout ChunkedDecoder,
        _ steps: inout [Step]
    ) throws(WireError) {
        var cursor = 0
        var held: ByteBuffer?
        while true {
            switch try decoder.next(buffer, &cursor) {
            case .data(let range):
                if let held { steps.append(.piece(held, isEnd: false)) }
                held = buffer.getSlice(at: buffer.readerIndex + range.lower, length: range.count)
            case .needsMore:
                buffer.moveReaderIndex(forwardBy: cursor)
                self.state = .chunked(decoder)
                if let held { steps.append(.piece(held, isEnd: false)) }
                return
            case .finished(let end):
                buffer.moveReaderIndex(forwardBy: end)
                self.state = .ended
                steps.append(held.map { .piece($0, isEnd: true) } ?? .end)
                return
            }
        }
    }

    /// RFC 9113 §8.2: names in lower case, nothing that speaks of a connection.
    private func headers(of buffer: ByteBuffer) -> HPACKHeaders {
        var headers = HPACKHeaders()
        headers.reserveCapacity(self.head.fields.count + 1)
        headers.add(name: ":status", value: String(self.head.status))
        for field in self.head.fields {
            switch field.known {
            case .connection, .keepAlive, .transferEncoding, .upgrade, .proxyConnection, .te, .trailer: continue
            default: break
            }
            let name = buffer.getString(at: buffer.readerIndex + field.name.lower, length: field.name.count) ?? ""
            let value = buffer.getString(at: buffer.readerIndex + field.value.lower, length: field.value.count) ?? ""
            // A credential-free answer still differs from call to call: only what repeats is worth a table's entry.
            headers.add(name: name.lowercased(), value: value, indexing: Self.indexing(field))
        }
        return headers
    }

    private static func indexing(_ field: HeadField) -> HPACKIndexing {
        switch field.known {
        case .contentLength, .xRequestID: .nonIndexable
        default: .indexable
        }
    }
}
