import JSONScan

/// One message of AWS's event stream (smithy.io/2.0/aws/amazon-eventstream.html).
///
/// A frame is its length and the headers' length (four bytes each, the highest first), their CRC-32, the headers, the
/// payload, and a CRC-32 of all before it.
struct BedrockFrame {
    enum Reading {
        /// More bytes must come first.
        case incomplete
        /// The bytes are no frame, or a damaged one.
        case broken
        case whole(BedrockFrame)
    }

    /// `:message-type`: `event`, `exception` or `error`.
    private(set) var messageType = "event"
    /// `:event-type`, or `:exception-type`.
    private(set) var type = ""
    private(set) var payload: Range<Int>
    private(set) var end: Int

    private static let overhead = 16
    private static let largest = 4 << 20

    /// Reads the frame that begins at `start`.
    static func read(_ bytes: borrowing Span<UInt8>, from start: Int) -> Reading {
        guard bytes.count - start >= 12 else { return .incomplete }
        let total = Int(Self.word(bytes, start))
        let headers = Int(Self.word(bytes, start + 4))
        guard total >= Self.overhead, total <= Self.largest, headers <= total - Self.overhead,
            BedrockChecksum.of(bytes, start..<start + 8) == Self.word(bytes, start + 8)
        else { return .broken }
        let end = start + total
        guard bytes.count >= end else { return .incomplete }
        guard BedrockChecksum.of(bytes, start..<end - 4) == Self.word(bytes, end - 4) else { return .broken }
        let payload = start + 12 + headers
        var frame = BedrockFrame(payload: payload..<end - 4, end: end)
        return frame.readHeaders(bytes, start + 12..<payload) ? .whole(frame) : .broken
    }

    private init(payload: Range<Int>, end: Int) {
        self.payload = payload
        self.end = end
    }

    private static func word(_ bytes: borrowing Span<UInt8>, _ place: Int) -> UInt32 {
        var word: UInt32 = 0
        for index in place..<place + 4 { word = word << 8 | UInt32(bytes[index]) }
        return word
    }

    private mutating func readHeaders(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
        var place = range.lowerBound
        while place < range.upperBound {
            let nameEnd = place + 1 + Int(bytes[place])
            guard nameEnd < range.upperBound else { return false }
            let name = Self.text(bytes, place + 1..<nameEnd)
            let kind = bytes[nameEnd]
            place = nameEnd + 1
            var size = Self.size(of: kind)
            // Bytes and strings say their length.
            if kind == 6 || kind == 7 {
                guard place + 2 <= range.upperBound else { return false }
                size = Int(bytes[place]) << 8 | Int(bytes[place + 1])
                place += 2
            }
            guard let size, place + size <= range.upperBound else { return false }
            if kind == 7 { self.take(name, Self.text(bytes, place..<place + size)) }
            place += size
        }
        return true
    }

    /// The sizes of the kinds of values: true, false, byte, short, int, long, bytes, string, timestamp, UUID.
    private static func size(of kind: UInt8) -> Int? {
        switch kind {
        case 0, 1: 0
        case 2: 1
        case 3: 2
        case 4: 4
        case 5, 8: 8
        case 6, 7: 0
        case 9: 16
        default: nil
        }
    }

    private mutating func take(_ name: String, _ value: String) {
        switch name {
        case ":message-type": self.messageType = value
        case ":event-type", ":exception-type", ":error-code": self.type = value
        default: break
        }
    }

    private static func text(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

/// CRC-32 as in Ethernet and zlib (polynomial EDB88320, reflected).
enum BedrockChecksum {
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        return value
    }

    static func of(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for index in range { sum = sum >> 8 ^ self.table[Int(UInt8(truncatingIfNeeded: sum) ^ bytes[index])] }
        return ~sum
    }
}
