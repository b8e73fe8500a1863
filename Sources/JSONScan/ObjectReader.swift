/// Reads numbers out of one small JSON object and the objects within it, such as a provider's `usage`.
///
/// For values that were captured already; not for prompts. Malformed input reads as absent.
package struct ObjectReader {
    private struct Member {
        let name: Range<Int>
        let value: Range<Int>
    }

    /// Members beyond this are not looked at; no provider's object has half as many.
    private static let memberLimit = 64

    /// More than any answer can have of anything; sums over many of them stay within 64 bits.
    private static let countLimit: UInt64 = 1_000_000_000_000

    private let bytes: [UInt8]
    /// Found in one pass, so that asking for several costs little more than asking for one.
    private let members: [Member]

    package init(_ bytes: [UInt8]) { self.init(bytes, 0..<bytes.count) }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.members = Self.members(bytes.span, range)
    }

    /// The member `name` as a count; nil when it is absent, null, negative, no integer, or beyond all reason.
    package func count(_ name: StaticString) -> UInt64? {
        guard let value = self.value(name), value.kind == .number else { return nil }
        var number: UInt64 = 0
        for byte in self.bytes[value.range] {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10, number <= Self.countLimit else { return nil }
            number = number * 10 + UInt64(digit)
        }
        return number <= Self.countLimit ? number : nil
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
        let range: Range<Int>
        var start: Int { self.range.lowerBound }
        var end: Int { self.range.upperBound }
    }

    /// The member `name` of this object; none when there are several, because readers disagree on which one holds.
    private func value(_ name: StaticString) -> Value? {
        var found: Value?
        for member in self.members where member.name.count == name.utf8CodeUnitCount {
            guard matches(self.bytes.span, member.name.lowerBound, member.name.upperBound, name) else { continue }
            guard found == nil else { return nil }
            found = Value(kind: Self.kind(self.bytes[member.value.lowerBound]), range: member.value)
        }
        return found
    }

    /// Every member, or none of an object that is not closed.
    private static func members(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [Member] {
        var members: [Member] = []
        members.reserveCapacity(8)
        var index = range.lowerBound + 1
        while index < range.upperBound, members.count < Self.memberLimit {
            if bytes[index] == UInt8(ascii: "}") { return members }
            guard bytes[index] == UInt8(ascii: "\"") else {
                index += 1
                continue
            }
            let nameEnd = Self.stringEnd(bytes, index, range.upperBound)
            let name = index + 1..<max(index + 1, nameEnd - 1)
            index = nameEnd
            while index < range.upperBound, isSpace(bytes[index]) || bytes[index] == UInt8(ascii: ":") { index += 1 }
            guard index < range.upperBound else { break }
            let end = Self.valueEnd(bytes, index, range.upperBound)
            members.append(Member(name: name, value: index..<end))
            index = end
        }
        return members.count == Self.memberLimit ? members : []
    }

    /// Behind the closing quote of the string that begins at `start`.
    private static func stringEnd(_ bytes: borrowing Span<UInt8>, _ start: Int, _ limit: Int) -> Int {
        var index = start + 1
        while true {
            index = StringScan.plainEnd(bytes, from: index)
            guard index < limit else { return limit }
            if bytes[index] == UInt8(ascii: "\"") { return index + 1 }
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
            if index >= limit { return limit }
        }
    }

    private static func valueEnd(_ bytes: borrowing Span<UInt8>, _ start: Int, _ limit: Int) -> Int {
        var index = start
        switch bytes[start] {
        case UInt8(ascii: "\""): return Self.stringEnd(bytes, start, limit)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            var depth = 0
            while index < limit {
                switch bytes[index] {
                case UInt8(ascii: "\""):
                    index = Self.stringEnd(bytes, index, limit)
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    depth -= 1
                    if depth == 0 { return index + 1 }
                default: break
                }
                index += 1
            }
            return limit
        default:
            while index < limit, isScalarByte(bytes[index]) { index += 1 }
            return max(index, start + 1)
        }
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
