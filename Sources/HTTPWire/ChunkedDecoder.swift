package import NIOCore

// chunked-body = *( 1*HEXDIG [ chunk-ext ] CR LF data CR LF ) 1*"0" [ chunk-ext ] CR LF trailers CR LF  (RFC 9112 §7.1)
//
//     chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] )                                  (RFC 9112 §7.1.1)
//
// Read strictly: at most 15 hexadecimal digits, no sign or space around size and extensions, every line ends in CR LF, a
// trailer is a field line. Extensions and trailers are skipped, with a limit on their bytes, and never forwarded.

/// Takes the chunked framing off a body. A value: bytes in, ranges out, nothing copied.
package struct ChunkedDecoder: Sendable {
    private enum State: Sendable, Equatable {
        case size(digits: Int, value: UInt64)
        case sizeExtension(ExtensionPart, value: UInt64)
        case sizeLineFeed(value: UInt64)
        case data(left: UInt64)
        case dataCarriageReturn
        case dataLineFeed
        /// At the beginning of a trailer line; an empty one ends the body.
        case trailerStart
        case trailerName
        case trailer
        case trailerLineFeed
        case endLineFeed
        case finished
    }

    /// Where in an extension the cursor stands.
    private enum ExtensionPart: Sendable, Equatable {
        case start, name, valueStart, value, quoted, escaped, unquoted

        /// What `byte` leads to; nil when it is not allowed here.
        func next(_ byte: UInt8) -> ExtensionPart? {
            switch (self, byte) {
            case (.quoted, UInt8(ascii: "\"")): .unquoted
            case (.quoted, UInt8(ascii: "\\")): .escaped
            case (.quoted, _), (.escaped, _): CharacterClass.isFieldValue(byte) ? .quoted : nil
            case (.start, _): CharacterClass.isToken(byte) ? .name : nil
            case (.valueStart, UInt8(ascii: "\"")): .quoted
            case (.valueStart, _): CharacterClass.isToken(byte) ? .value : nil
            case (_, UInt8(ascii: ";")): .start
            case (.name, UInt8(ascii: "=")): .valueStart
            case (.name, _), (.value, _): CharacterClass.isToken(byte) ? self : nil
            case (.unquoted, _): nil
            }
        }

        var mayEnd: Bool { self == .name || self == .value || self == .unquoted }
    }

    package enum Step: Sendable, Equatable {
        /// A piece of the body.
        case data(ByteRange)
        /// All bytes given are used up; the body goes on.
        case needsMore
        /// The body has ended; bytes from here on belong to the next message.
        case finished(at: Int)
    }

    private var state = State.size(digits: 0, value: 0)
    /// Bytes of extensions and trailers so far, over the whole body.
    private var overhead = 0
    private static let overheadLimit = 8192

    package init() {}

    /// The next step from `cursor` on, which moves to behind what was used: with data, behind the end of its line too, when that
    /// is there.
    package mutating func next(_ buffer: ByteBuffer, _ cursor: inout Int) throws(WireError) -> Step {
        try self.next(buffer.readableBytesUInt8Span, &cursor)
    }

    // WHY: longer than 60 lines: one switch over the states of the grammar above.
    mutating func next(_ bytes: borrowing Span<UInt8>, _ cursor: inout Int) throws(WireError) -> Step {
        if case .size(digits: 0, value: _) = self.state { self.skipPlainSize(bytes, &cursor) }
        while cursor < bytes.count {
            let byte = bytes[cursor]
            switch self.state {
            case .size(let digits, let value):
                if let digit = CharacterClass.hexValue(byte) {
                    guard digits < 15 else { throw .badChunk }
                    self.state = .size(digits: digits + 1, value: value << 4 | digit)
                } else {
                    guard digits > 0 else { throw .badChunk }
                    switch byte {
                    case UInt8(ascii: "\r"): self.state = .sizeLineFeed(value: value)
                    case UInt8(ascii: ";"): self.state = .sizeExtension(.start, value: value)
                    default: throw .badChunk
                    }
                }
            case .sizeExtension(let part, let value):
                try self.countOverhead(.badChunk)
                if byte == UInt8(ascii: "\r"), part.mayEnd {
                    self.state = .sizeLineFeed(value: value)
                } else {
                    guard let part = part.next(byte) else { throw .badChunk }
                    self.state = .sizeExtension(part, value: value)
                }
            case .sizeLineFeed(let value):
                guard byte == UInt8(ascii: "\n") else { throw .badChunk }
                self.state = value == 0 ? .trailerStart : .data(left: value)
            case .data(let left):
                let count = Int(min(left, UInt64(bytes.count - cursor)))
                let range = ByteRange(cursor, cursor + count)
                cursor += count
                self.state = left == UInt64(count) ? .dataCarriageReturn : .data(left: left - UInt64(count))
                if left == UInt64(count), Self.isLineEnd(bytes, cursor) {
                    self.state = .size(digits: 0, value: 0)
                    cursor += 2
                }
                return .data(range)
            case .dataCarriageReturn:
                guard byte == UInt8(ascii: "\r") else { throw .badChunk }
                self.state = .dataLineFeed
            case .dataLineFeed:
                guard byte == UInt8(ascii: "\n") else { throw .badChunk }
                self.state = .size(digits: 0, value: 0)
            case .trailerStart:
                try self.countOverhead(.badTrailer)
                guard byte == UInt8(ascii: "\r") || CharacterClass.isToken(byte) else { throw .badTrailer }
                self.state = byte == UInt8(ascii: "\r") ? .endLineFeed : .trailerName
            case .trailerName:
                try self.countOverhead(.badTrailer)
                guard byte == UInt8(ascii: ":") || CharacterClass.isToken(byte) else { throw .badTrailer }
                if byte == UInt8(ascii: ":") { self.state = .trailer }
            case .trailer:
                try self.countOverhead(.badTrailer)
                if byte == UInt8(ascii: "\r") {
                    self.state = .trailerLineFeed
                } else if !CharacterClass.isFieldValue(byte) {
                    throw .badTrailer
                }
            case .trailerLineFeed:
                guard byte == UInt8(ascii: "\n") else { throw .badTrailer }
                self.state = .trailerStart
            case .endLineFeed:
                guard byte == UInt8(ascii: "\n") else { throw .badTrailer }
                self.state = .finished
                cursor += 1
                return .finished(at: cursor)
            case .finished:
                return .finished(at: cursor)
            }
            cursor += 1
        }
        return .needsMore
    }

    /// The line of a size that is all there and is what nearly all are, up to seven digits, read without a state for each of its
    /// bytes. Any other is left to `next`, the zero of the end too.
    @inline(__always)
    private mutating func skipPlainSize(_ bytes: borrowing Span<UInt8>, _ cursor: inout Int) {
        var index = cursor
        var value: UInt64 = 0
        let limit = min(bytes.count, cursor + 7)
        while index < limit, let digit = CharacterClass.hexValue(bytes[index]) {
            value = value << 4 | digit
            index += 1
        }
        guard value > 0, Self.isLineEnd(bytes, index) else { return }
        self.state = .data(left: value)
        cursor = index + 2
    }

    @inline(__always)
    private static func isLineEnd(_ bytes: borrowing Span<UInt8>, _ index: Int) -> Bool {
        index + 2 <= bytes.count && bytes[index] == UInt8(ascii: "\r") && bytes[index + 1] == UInt8(ascii: "\n")
    }

    private mutating func countOverhead(_ error: WireError) throws(WireError) {
        self.overhead += 1
        guard self.overhead <= Self.overheadLimit else { throw error }
    }
}
