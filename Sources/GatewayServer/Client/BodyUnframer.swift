import GatewayCore
import GatewayModel
import HTTPWire
import NIOCore

/// Takes the framing off a request's body that is passed on piece by piece.
struct BodyUnframer {
    enum Step {
        /// Bytes of the body; they share the input's memory.
        case piece(ByteBuffer)
        case needsMore
        /// What the input still holds is the next request's.
        case finished
    }

    private enum Framing {
        case length(Int)
        case chunked(ChunkedDecoder)
        case finished
    }

    private var framing: Framing

    init(_ head: RequestHead) {
        self.framing = head.facts.isChunked ? .chunked(ChunkedDecoder()) : .length(Int(head.facts.contentLength ?? 0))
    }

    mutating func next(_ input: inout ByteBuffer) throws(Refusal) -> Step {
        switch self.framing {
        case .finished: return .finished
        case .length(let left):
            let count = min(left, input.readableBytes)
            self.framing = left == count ? .finished : .length(left - count)
            if count > 0, let piece = input.readSlice(length: count) { return .piece(piece) }
            return left == 0 ? .finished : .needsMore
        case .chunked(var decoder):
            var cursor = 0
            let step: ChunkedDecoder.Step
            do throws(WireError) { step = try decoder.next(input, &cursor) } catch {
                throw Refusal(.malformedRequest, "In detail: \(error.rawValue).")
            }
            self.framing = .chunked(decoder)
            switch step {
            case .data(let range):
                let piece = input.getSlice(at: input.readerIndex + range.lower, length: range.count) ?? ByteBuffer()
                input.moveReaderIndex(forwardBy: cursor)
                return .piece(piece)
            case .needsMore:
                input.moveReaderIndex(forwardBy: cursor)
                return .needsMore
            case .finished(let end):
                input.moveReaderIndex(forwardBy: end)
                self.framing = .finished
                return .finished
            }
        }
    }
}
