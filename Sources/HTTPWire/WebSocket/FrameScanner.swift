package import NIOCore

// RFC 6455 §5.2:
//
//   FIN(1) RSV(3) opcode(4)   MASK(1) length(7)   [length(16) | length(64)]   [masking key(32)]   payload
//
// Read strictly: no extension was negotiated, so the reserved bits are zero; a client masks and a server does not; lengths are
// written in the fewest bytes; a control frame is whole and has at most 125 bytes; fragments continue what was begun. Payloads
// are not looked at but for the code of a close frame, and the memory is one header's.

/// What is wrong with a frame. Text and limits of a payload are between the two ends.
package enum FrameFlaw: Error, Sendable {
    case reservedBits, unknownOpcode, mask, length, control, fragments
}

/// Follows the frames of one direction of a WebSocket, wherever the bytes are cut. A value: bytes in, ranges out.
package struct FrameScanner: Sendable {
    package enum Sender: Sendable { case client, server }

    package enum Step: Sendable, Equatable {
        /// A piece of a message's payload, masked if the client sent it; `isEnd` with the message's last.
        case data(ByteRange, isText: Bool, isEnd: Bool)
        /// A whole close frame; nothing may follow it in this direction.
        case closed(code: UInt16?)
        /// All bytes are used up.
        case needsMore
    }

    private enum Message: Sendable { case text, binary }

    private let sender: Sender
    private var header: [UInt8] = []
    /// Bytes of the payload that are still to come; nil while a header is read.
    private var left: UInt64?
    private var opcode: UInt8 = 0
    private var isFinal = false
    private var message: Message?
    /// The first two bytes of a close frame's payload, and how many there are.
    private var code: (value: UInt16, bytes: Int) = (0, 0)
    private var mask: UInt32 = 0
    package private(set) var hasClosed = false

    package init(from sender: Sender) {
        self.sender = sender
        self.header.reserveCapacity(14)
    }

    /// Whether a frame of our own could stand here.
    package var isBetweenFrames: Bool { self.header.isEmpty && self.left == nil }

    /// The next step from `cursor` on, which moves to behind what was used.
    package mutating func next(_ bytes: borrowing Span<UInt8>, _ cursor: inout Int) throws(FrameFlaw) -> Step {
        while cursor < bytes.count, !self.hasClosed {
            guard let left = self.left else {
                self.header.append(bytes[cursor])
                cursor += 1
                guard try self.beginsPayload() else { continue }
                if self.left == 0, let step = self.take(ByteRange(cursor, cursor), left: 0) { return step }
                continue
            }
            let count = Int(min(left, UInt64(bytes.count - cursor)))
            let range = ByteRange(cursor, cursor + count)
            if self.opcode == 8 { self.readCode(bytes, range) }
            cursor += count
            if let step = self.take(range, left: left - UInt64(count)) { return step }
        }
        return .needsMore
    }

    /// Steps of a buffer's readable bytes; ranges count from its reader index.
    package mutating func next(_ buffer: ByteBuffer, _ cursor: inout Int) throws(FrameFlaw) -> Step {
        try self.next(buffer.readableBytesUInt8Span, &cursor)
    }

    /// Whether the header is whole now; then the payload begins.
    private mutating func beginsPayload() throws(FrameFlaw) -> Bool {
        if self.header.count == 1 { try self.checkFirst(self.header[0]) }
        guard self.header.count >= 2 else { return false }
        let isMasked = self.header[1] & 0x80 != 0
        let short = self.header[1] & 0x7F
        if self.header.count == 2 {
            guard isMasked == (self.sender == .client) else { throw .mask }
            guard self.opcode < 8 || short <= 125 else { throw .control }
        }
        let extended = short == 126 ? 2 : short == 127 ? 8 : 0
        guard self.header.count == 2 + extended + (isMasked ? 4 : 0) else { return false }
        let length = extended == 0 ? UInt64(short) : self.header[2..<2 + extended].reduce(0) { $0 << 8 | UInt64($1) }
        guard extended != 2 || length > 125, extended != 8 || (length > 0xFFFF && length < 1 << 63) else {
            throw .length
        }
        guard self.opcode != 8 || length != 1 else { throw .control }
        self.mask = isMasked ? self.header.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } : 0
        self.header.removeAll(keepingCapacity: true)
        self.left = length
        self.code = (0, 0)
        return true
    }

    private mutating func checkFirst(_ byte: UInt8) throws(FrameFlaw) {
        guard byte & 0x70 == 0 else { throw .reservedBits }
        self.isFinal = byte & 0x80 != 0
        self.opcode = byte & 0x0F
        switch self.opcode {
        case 0: guard self.message != nil else { throw .fragments }
        case 1, 2:
            guard self.message == nil else { throw .fragments }
            self.message = self.opcode == 1 ? .text : .binary
        case 8, 9, 10: guard self.isFinal else { throw .control }
        default: throw .unknownOpcode
        }
    }

    /// Notes that a piece of the payload has gone by; nil when it is nobody's business.
    private mutating func take(_ range: ByteRange, left: UInt64) -> Step? {
        let isFrameEnd = left == 0
        self.left = isFrameEnd ? nil : left
        if self.opcode == 8, isFrameEnd {
            self.hasClosed = true
            return .closed(code: self.code.bytes == 2 ? self.code.value : nil)
        }
        guard self.opcode < 8, let message = self.message else { return nil }
        let isEnd = isFrameEnd && self.isFinal
        if isEnd { self.message = nil }
        return .data(range, isText: message == .text, isEnd: isEnd)
    }

    private mutating func readCode(_ bytes: borrowing Span<UInt8>, _ range: ByteRange) {
        var index = range.lower
        while self.code.bytes < 2, index < range.upper {
            let key = UInt8(truncatingIfNeeded: self.mask >> (self.code.bytes == 0 ? 24 : 16))
            self.code = (self.code.value << 8 | UInt16(bytes[index] ^ key), self.code.bytes + 1)
            index += 1
        }
    }
}
