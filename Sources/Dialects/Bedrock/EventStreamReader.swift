// AWS event streams (docs.aws.amazon.com/AmazonS3/latest/API, "Appendix: SelectObjectContent response", and smithy.io, "Amazon
// Event Stream Specification"). A message, all numbers big-endian:
//
//     total length (4) | length of the headers (4) | CRC-32 of these eight bytes (4)
//     headers: length of the name (1), name, type of the value (1), value; type 7 is a string: its length (2), its bytes
//     payload | CRC-32 of everything before it (4)
//
// Refused: a wrong checksum, lengths that contradict each other, a message above `messageLimit`, a header that is not as above.

/// Finds the messages of an event stream in bytes that come in any pieces.
struct EventStreamReader: Sendable {
    /// What a message says.
    struct Message: Sendable, Equatable {
        /// `event`, `exception` or `error`.
        var kind = ""
        /// The type of the event or the exception, or the code of the error.
        var type = ""
        /// The text of an error that has no payload.
        var text = ""
        /// Where its payload stands in the bytes that were given.
        var payload: Range<Int>
    }

    struct Malformed: Error, Equatable { let reason: String }

    static let messageLimit = 4 << 20
    private static let preludeBytes = 12
    private static let checksumBytes = 4

    /// The message that begins at `start`, and where the next one begins; nil when more bytes are needed.
    static func message(
        in bytes: borrowing Span<UInt8>,
        from start: Int
    ) throws(Malformed) -> (message: Message, end: Int)? {
        guard bytes.count - start >= Self.preludeBytes else { return nil }
        let total = Int(Self.number(bytes, start, 4))
        let headers = Int(Self.number(bytes, start + 4, 4))
        guard UInt32(Self.number(bytes, start + 8, 4)) == CRC32.of(bytes, start..<start + 8) else {
            throw Malformed(reason: "the checksum of a message's beginning is wrong")
        }
        guard total <= Self.messageLimit else { throw Malformed(reason: "a message has \(total) bytes") }
        guard total >= Self.preludeBytes + headers + Self.checksumBytes else {
            throw Malformed(reason: "the lengths of a message contradict each other")
        }
        guard bytes.count - start >= total else { return nil }
        let end = start + total
        let payload = start + Self.preludeBytes + headers
        guard UInt32(Self.number(bytes, end - 4, 4)) == CRC32.of(bytes, start..<end - 4) else {
            throw Malformed(reason: "the checksum of a message is wrong")
        }
        var message = Message(payload: payload..<end - Self.checksumBytes)
        try Self.read(bytes, start + Self.preludeBytes..<payload, into: &message)
        return (message, end)
    }

    private static func read(
        _ bytes: borrowing Span<UInt8>,
        _ range: Range<Int>,
        into message: inout Message
    ) throws(Malformed) {
        var index = range.lowerBound
        while index < range.upperBound {
            let nameEnd = index + 1 + Int(bytes[index])
            guard nameEnd < range.upperBound else { throw Malformed(reason: "a header does not end") }
            let name = Self.text(bytes, index + 1..<nameEnd)
            let value = try Self.value(bytes, nameEnd, range.upperBound)
            index = value.upperBound
            guard bytes[nameEnd] == 7 else { continue }
            switch name {
            case ":message-type": message.kind = Self.text(bytes, value)
            case ":event-type", ":exception-type", ":error-code": message.type = Self.text(bytes, value)
            case ":error-message": message.text = Self.text(bytes, value)
            default: break
            }
        }
    }

    /// Where the value stands whose type is at `place`.
    private static func value(_ bytes: borrowing Span<UInt8>, _ place: Int, _ end: Int) throws(Malformed) -> Range<Int>
    {
        var start = place + 1
        let length: Int
        switch bytes[place] {
        case 0, 1: length = 0
        case 2: length = 1
        case 3: length = 2
        case 4: length = 4
        case 5, 8: length = 8
        case 9: length = 16
        case 6, 7:
            guard start + 2 <= end else { throw Malformed(reason: "a header does not end") }
            length = Int(Self.number(bytes, start, 2))
            start += 2
        default: throw Malformed(reason: "a header has an unknown type")
        }
        guard start + length <= end else { throw Malformed(reason: "a header does not end") }
        return start..<start + length
    }

    private static func number(_ bytes: borrowing Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in start..<start + count { number = number << 8 | UInt64(bytes[index]) }
        return number
    }

    private static func text(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

/// The checksum of ISO 3309 (polynomial 0xEDB88320, reflected), a table's look-up for each byte.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    static func of(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> UInt32 {
        var value = ~UInt32(0)
        let table = Self.table
        for index in range { value = table[Int(UInt8(truncatingIfNeeded: value) ^ bytes[index])] ^ value >> 8 }
        return ~value
    }
}
