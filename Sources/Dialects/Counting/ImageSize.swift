/// The size of a picture, read from the beginning of its file: PNG (RFC 2083 §4.1.1), GIF (GIF89a §18), WebP (RFC 9649
/// §2.5–2.7) and JPEG (ITU T.81 B.2.2).
struct ImageSize: Equatable {
    let width: Int
    let height: Int

    /// Bytes of a file that are looked at: the size of a JPEG stands behind its metadata.
    static let readBytes = 1 << 18

    /// Nil when the text is not base64 of a picture of these kinds.
    init?(base64 text: String) {
        let head = String(text.utf8.prefix(Self.readBytes / 3 * 4)) ?? ""
        guard let bytes = Base64.decode(head) else { return nil }
        self.init(bytes)
    }

    init?(_ bytes: [UInt8]) {
        let size = Self.png(bytes) ?? Self.gif(bytes) ?? Self.webp(bytes) ?? Self.jpeg(bytes)
        guard let (width, height) = size, width > 0, height > 0 else { return nil }
        (self.width, self.height) = (width, height)
    }

    private static func png(_ bytes: [UInt8]) -> (Int, Int)? {
        guard bytes.count >= 24, bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
            return nil
        }
        return (Self.big(bytes, at: 16, 4), Self.big(bytes, at: 20, 4))
    }

    private static func gif(_ bytes: [UInt8]) -> (Int, Int)? {
        guard bytes.count >= 10, bytes.starts(with: "GIF8".utf8) else { return nil }
        return (Self.little(bytes, at: 6, 2), Self.little(bytes, at: 8, 2))
    }

    private static func webp(_ bytes: [UInt8]) -> (Int, Int)? {
        guard bytes.count >= 30, bytes.starts(with: "RIFF".utf8), bytes[8..<12].elementsEqual("WEBP".utf8) else {
            return nil
        }
        switch String(decoding: bytes[12..<16], as: UTF8.self) {
        case "VP8X": return (Self.little(bytes, at: 24, 3) + 1, Self.little(bytes, at: 27, 3) + 1)
        case "VP8L":
            let bits = Self.little(bytes, at: 21, 4)
            return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
        case "VP8 ": return (Self.little(bytes, at: 26, 2) & 0x3FFF, Self.little(bytes, at: 28, 2) & 0x3FFF)
        default: return nil
        }
    }

    /// Goes from segment to segment until one says the size of the frame.
    private static func jpeg(_ bytes: [UInt8]) -> (Int, Int)? {
        guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
        var cursor = 2
        while cursor + 9 <= bytes.count, bytes[cursor] == 0xFF {
            let marker = bytes[cursor + 1]
            // The frames: SOF0 to SOF15, without DHT, JPG and DAC.
            if (0xC0...0xCF).contains(marker), ![0xC4, 0xC8, 0xCC].contains(marker) {
                return (Self.big(bytes, at: cursor + 7, 2), Self.big(bytes, at: cursor + 5, 2))
            }
            let isFill = marker == 0xFF
            cursor += isFill ? 1 : 2 + max(2, Self.big(bytes, at: cursor + 2, 2))
        }
        return nil
    }

    private static func big(_ bytes: [UInt8], at start: Int, _ count: Int) -> Int {
        bytes[start..<start + count].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func little(_ bytes: [UInt8], at start: Int, _ count: Int) -> Int {
        bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}
