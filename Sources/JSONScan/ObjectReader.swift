/// Reads numbers out of one small JSON object and the objects within it, such as a provider's `usage`.
///
/// For values that were captured already; not for prompts. Malformed input reads as absent.
package struct ObjectReader {
    private let bytes: [UInt8]
    private let range: Range<Int>

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        self.range = 0..<bytes.count
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    /// The member `name` as a count; nil when it is absent, null, negative or no integer.
    package func count(_ name: StaticString) -> UInt64? {
        guard let value = self.value(name), value.kind == .number else { return nil }
        var number: UInt64 = 0
        for byte in self.bytes[value.range] {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10, number < UInt64.max / 10 - 1 else { return nil }
            number = number * 10 + UInt64(digit)
        }
        return number
    }

    /// The member `name` as an object.
    package func object(_ name: StaticString) -> ObjectReader? {
        guard let value = self.value(name), value.kind == .object else { return nil }
        return ObjectReader(self.bytes, value.range)
    }

    /// The member `name` as decoded text.
    package func text(_ name: StaticString) -> [UInt8]? {
        guard let value = self.value(name), value.kind == .string else { return nil }
        return JSONText.decode(self.bytes[(value.start + 1)..<(value.end - 1)])
    }

    private struct Value {
        let kind: JSONKind
        let start: Int
        let end: Int
        var range: Range<Int> { self.start..<self.end }
    }

    /// The member `name` of this object; one pass, no allocation. The first of several holds.
    private func value(_ name: StaticString) -> Value? {
        var index = self.range.lowerBound + 1
        while index < self.range.upperBound {
            guard self.bytes[index] == UInt8(ascii: "\"") else {
                index += 1
                continue
            }
            let nameEnd = self.stringEnd(index)
            let isWanted = self.isAt(index + 1, nameEnd - 1, name)
            index = nameEnd
            while index < self.range.upperBound, isSpace(self.bytes[index]) || self.bytes[index] == UInt8(ascii: ":") {
                index += 1
            }
            guard index < self.range.upperBound else { return nil }
            let end = self.valueEnd(index)
            if isWanted { return Value(kind: Self.kind(self.bytes[index]), start: index, end: end) }
            index = end
        }
        return nil
    }

    /// Behind the closing quote of the string that begins at `start`.
    private func stringEnd(_ start: Int) -> Int {
        var index = start + 1
        while index < self.range.upperBound, self.bytes[index] != UInt8(ascii: "\"") {
            index += self.bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, self.range.upperBound)
    }

    private func valueEnd(_ start: Int) -> Int {
        switch self.bytes[start] {
        case UInt8(ascii: "\""): return self.stringEnd(start)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            var depth = 0
            var index = start
            while index < self.range.upperBound {
                switch self.bytes[index] {
                case UInt8(ascii: "\""):
                    index = self.stringEnd(index)
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    depth -= 1
                    if depth == 0 { return index + 1 }
                default: break
                }
                index += 1
            }
            return index
        default:
            var index = start
            while index < self.range.upperBound, isScalarByte(self.bytes[index]) { index += 1 }
            return max(index, start + 1)
        }
    }

    private func isAt(_ start: Int, _ end: Int, _ name: StaticString) -> Bool {
        guard end - start == name.utf8CodeUnitCount else { return false }
        for index in start..<end where self.bytes[index] != name.utf8Start[index - start] { return false }
        return true
    }

    private static func kind(_ byte: UInt8) -> JSONKind {
        switch byte {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }
}
