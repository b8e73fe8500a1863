/// JSON strings and the text that they stand for (RFC 8259 §7).
package enum JSONText {
    /// The text between two quotes as UTF-8, or nil when an escape is malformed. A lone surrogate becomes U+FFFD.
    package static func decode(_ raw: ArraySlice<UInt8>) -> [UInt8]? {
        var text: [UInt8] = []
        text.reserveCapacity(raw.count)
        var index = raw.startIndex
        while index < raw.endIndex {
            let byte = raw[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard index < raw.endIndex else { return nil }
            let escape = raw[index]
            index += 1
            if escape == UInt8(ascii: "u") {
                guard let scalar = Self.scalar(raw, &index) else { return nil }
                text.append(contentsOf: Array(String(scalar).utf8))
            } else {
                guard let plain = Self.plain(escape) else { return nil }
                text.append(plain)
            }
        }
        return text
    }

    /// Appends `text` as the inside of a JSON string: quotes, backslashes and controls are escaped.
    package static func encode(_ text: [UInt8], into output: inout [UInt8]) {
        output.reserveCapacity(output.count + text.count + 2)
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case UInt8(ascii: "\n"): output.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                output.append(contentsOf: Array("\\u00".utf8))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            default: output.append(byte)
            }
        }
    }

    private static func plain(_ escape: UInt8) -> UInt8? {
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): escape
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    private static func scalar(_ raw: ArraySlice<UInt8>, _ index: inout Int) -> Unicode.Scalar? {
        guard let first = Self.unit(raw, &index) else { return nil }
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        var ahead = index
        guard ahead + 1 < raw.endIndex, raw[ahead] == UInt8(ascii: "\\"), raw[ahead + 1] == UInt8(ascii: "u") else {
            return "\u{FFFD}"
        }
        ahead += 2
        guard let second = Self.unit(raw, &ahead), (0xDC00..<0xE000).contains(second) else { return "\u{FFFD}" }
        index = ahead
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }

    private static func unit(_ raw: ArraySlice<UInt8>, _ index: inout Int) -> UInt32? {
        guard index + 4 <= raw.endIndex else { return nil }
        var value: UInt32 = 0
        for byte in raw[index..<index + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        index += 4
        return value
    }
}
