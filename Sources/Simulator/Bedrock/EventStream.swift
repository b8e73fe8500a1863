// AWS's event stream, `application/vnd.amazon.eventstream` (Smithy's specification, "Amazon Event Stream"). A message:
//
//     total length u32 | length of headers u32 | CRC-32 of these eight bytes u32
//     headers: length of name u8, name, type u8 (7: string), length of value u16, value …
//     payload | CRC-32 of everything before u32                                    all numbers big-endian

internal import CZlib
import JSONScan

/// Messages of an event stream.
enum EventStream {
    /// An event: `type` names the member of the stream's union, the payload is that member.
    static func event(_ type: String, _ payload: JSON) -> [UInt8] {
        Self.message(
            headers: [(":event-type", type), (":content-type", "application/json"), (":message-type", "event")],
            payload: payload.bytes
        )
    }

    /// What ends a stream early.
    static func exception(_ type: String, _ payload: JSON) -> [UInt8] {
        Self.message(
            headers: [
                (":exception-type", type), (":content-type", "application/json"), (":message-type", "exception"),
            ],
            payload: payload.bytes
        )
    }

    static func message(headers: [(String, String)], payload: [UInt8]) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in headers {
            block.append(UInt8(name.utf8.count))
            block += name.utf8
            block.append(7)
            block += Self.bytes(UInt32(value.utf8.count)).suffix(2)
            block += value.utf8
        }
        // Sixteen: two lengths and two checksums.
        var message = Self.bytes(UInt32(block.count + payload.count + 16)) + Self.bytes(UInt32(block.count))
        message += Self.bytes(Self.checksum(message))
        message += block
        message += payload
        return message + Self.bytes(Self.checksum(message))
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count)))
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - $0 * 8)) }
    }
}
