import NIOCore
import Testing

@testable import HTTPWire

struct FrameScannerTests {
    /// A frame; `mask` makes it a client's.
    static func frame(_ first: UInt8, _ payload: [UInt8], mask: [UInt8]? = nil, lengthBytes: Int? = nil) -> [UInt8] {
        let count = payload.count
        let bytes = lengthBytes ?? (count < 126 ? 0 : count < 65_536 ? 2 : 8)
        let short = bytes == 0 ? UInt8(count) : bytes == 2 ? 126 : 127
        let length = (0..<bytes).map { UInt8(truncatingIfNeeded: count >> (8 * (bytes - 1 - $0))) }
        let masked = mask.map { key in payload.enumerated().map { $1 ^ key[$0 % 4] } } ?? payload
        return [first, short | (mask == nil ? 0 : 0x80)] + length + (mask ?? []) + masked
    }

    /// What was found, in words: pieces of one message are joined.
    static func scan(_ bytes: [UInt8], from sender: FrameScanner.Sender, pieces: Int) throws(FrameFlaw) -> [String] {
        var scanner = FrameScanner(from: sender)
        var words: [String] = []
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
            var cursor = 0
            loop: while true {
                switch try scanner.next(piece.span, &cursor) {
                case .data(let range, let isText, let isEnd):
                    text += piece[range.lower..<range.upper]
                    if isEnd {
                        words.append("\(isText ? "text" : "binary") \(text.count)")
                        text = []
                    }
                case .closed(let code): words.append("closed \(code.map(String.init) ?? "-")")
                case .needsMore: break loop
                }
            }
        }
        return words + (scanner.isBetweenFrames ? [] : ["inside"])
    }

    static let key: [UInt8] = [1, 2, 3, 250]

    @Test(arguments: [1, 2, 3, 5, 1000, 100_000]) func followsFramesWhereverTheyAreCut(_ pieces: Int) throws {
        let server =
            Self.frame(0x81, Array("hello".utf8)) + Self.frame(0x01, [1, 2]) + Self.frame(0x89, [9])
            + Self.frame(0x00, [])
            + Self.frame(0x80, [3]) + Self.frame(0x82, Array(repeating: 7, count: 300)) + Self.frame(0x8A, [])
            + Self.frame(0x81, Array(repeating: 7, count: 70_000)) + Self.frame(0x81, [])
            + Self.frame(0x88, [0x03, 0xE8, 33])
        #expect(
            try Self.scan(server, from: .server, pieces: pieces)
                == ["text 5", "text 3", "binary 300", "text 70000", "text 0", "closed 1000"]
        )
        let client =
            Self.frame(0x81, Array("hello".utf8), mask: Self.key) + Self.frame(0x88, [0x0B, 0xB8], mask: Self.key)
        #expect(try Self.scan(client, from: .client, pieces: pieces) == ["text 5", "closed 3000"])
    }

    @Test func aCloseFrameMayBeEmptyAndIsTheLast() throws {
        let bytes = Self.frame(0x88, []) + Self.frame(0x81, [1])
        #expect(try Self.scan(bytes, from: .server, pieces: 100) == ["closed -"])
    }

    @Test func knowsWhenAFrameIsNotOver() throws {
        #expect(try Self.scan([0x81], from: .server, pieces: 1) == ["inside"])
        #expect(try Self.scan([0x81, 2, 1], from: .server, pieces: 1) == ["inside"])
        #expect(try Self.scan([0x01, 1, 1], from: .server, pieces: 1) == [])
    }

    @Test(arguments: [
        ([0xC1, 0], FrameFlaw.reservedBits), ([0x91, 0], .reservedBits), ([0xA1, 0], .reservedBits),
        ([0x83, 0], .unknownOpcode), ([0x8B, 0], .unknownOpcode), ([0x81, 0x80], .mask), ([0x80, 0], .fragments),
        ([0x01, 0, 0x81, 0], .fragments), ([0x09, 0], .control), ([0x89, 126], .control), ([0x88, 1], .control),
        ([0x81, 126, 0, 125], .length), ([0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255], .length),
        ([0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], .length),
    ])
    func refuses(_ bytes: [UInt8], _ flaw: FrameFlaw) {
        #expect(throws: flaw) { try Self.scan(bytes, from: .server, pieces: 1) }
    }

    @Test func aClientMustMask() {
        #expect(throws: FrameFlaw.mask) { try Self.scan([0x81, 0], from: .client, pieces: 1) }
    }

    @Test func writesACloseFrame() throws {
        var out = ByteBuffer()
        CloseFrame.write(.internalError, String(repeating: "x", count: 200), into: &out)
        #expect(out.readableBytes == 127)
        #expect(try Self.scan(Array(buffer: out), from: .server, pieces: 100) == ["closed 1011"])
    }
}
