import GatewayCore
import GatewayModel
import HTTPWire
import NIOCore

/// A request's body on its way in, without its framing.
struct RequestBody {
    private enum Framing {
        case length(Int)
        case chunked(ChunkedDecoder)
    }

    private(set) var bytes = ByteBuffer()
    private var framing: Framing
    private let limit: Int

    /// Memory is reserved for what the head announces, but not for more than this before bytes have come. What no byte has
    /// touched is an address only.
    private static let firstReservation = 4 << 20
    private static let pieceBytes = 256 << 10
    private static let piecesAtOnce = 4

    init(_ facts: FieldFacts, limit: Int) {
        self.framing = facts.isChunked ? .chunked(ChunkedDecoder()) : .length(Int(facts.contentLength ?? 0))
        self.limit = limit
    }

    /// The body, if it has come in one piece with its head and its length is known: the usual case, which costs no copy.
    static func whole(_ facts: FieldFacts, in input: inout ByteBuffer) -> ByteBuffer? {
        guard !facts.isChunked, let length = facts.contentLength, length <= UInt64(input.readableBytes) else {
            return nil
        }
        return input.readSlice(length: Int(length))
    }

    /// Takes what belongs to the body from `input`; true when it is complete. A body that has come in one piece with its
    /// head is not copied.
    mutating func take(_ input: inout ByteBuffer) throws(Refusal) -> Bool {
        switch self.framing {
        case .length(let left): return self.take(&input, left)
        case .chunked(var decoder):
            let isComplete = try self.unchunk(&input, &decoder)
            self.framing = .chunked(decoder)
            return isComplete
        }
    }

    /// Takes what has come meanwhile of a body whose length is known straight from `socket`, past the channel; true when it
    /// is complete. Costs a system call that may find nothing.
    mutating func take(from socket: PlainSocket) -> Bool {
        guard case .length(var left) = self.framing else { return false }
        // One client must not keep the others waiting.
        for _ in 0..<Self.piecesAtOnce {
            let piece = min(left, Self.pieceBytes)
            let count = socket.receive(into: &self.bytes, atMost: piece)
            left -= count
            if left == 0 || count < piece { break }
        }
        self.framing = .length(left)
        return left == 0
    }

    private mutating func take(_ input: inout ByteBuffer, _ left: Int) -> Bool {
        if self.bytes.writerIndex == 0, input.readableBytes >= left {
            self.bytes = input.readSlice(length: left) ?? ByteBuffer()
            return true
        }
        if self.bytes.writerIndex == 0 { self.bytes.reserveCapacity(min(left, Self.firstReservation)) }
        guard var piece = input.readSlice(length: min(left, input.readableBytes)) else { return left == 0 }
        let count = piece.readableBytes
        self.bytes.writeBuffer(&piece)
        self.framing = .length(left - count)
        return left == count
    }

    private mutating func unchunk(_ input: inout ByteBuffer, _ decoder: inout ChunkedDecoder) throws(Refusal) -> Bool {
        var cursor = 0
        while true {
            let step: ChunkedDecoder.Step
            do throws(WireError) { step = try decoder.next(input, &cursor) } catch {
                throw Refusal(.malformedRequest, "In detail: \(error.rawValue).")
            }
            switch step {
            case .data(let range):
                guard self.bytes.readableBytes + range.count <= self.limit else {
                    throw Refusal(.bodyTooLarge, "The limit is \(self.limit) bytes.")
                }
                if var piece = input.getSlice(at: input.readerIndex + range.lower, length: range.count) {
                    self.bytes.writeBuffer(&piece)
                }
            case .needsMore:
                input.moveReaderIndex(forwardBy: cursor)
                return false
            case .finished(let end):
                input.moveReaderIndex(forwardBy: end)
                return true
            }
        }
    }
}
