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

    /// More than any answer can have of anything; sums over many of them stay within 64 bits.
    private static let countLimit: UInt64 = 1_000_000_000_000

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

    private func value(_ name: StaticString) -> TopLevelScanner.Member? {
        var scanner = TopLevelScanner(watching: [name])
        do throws(JSONFlaw) {
            try scanner.feed(self.bytes.span.extracting(self.range))
            try scanner.finish()
        } catch {
            return nil
        }
        guard var member = scanner[0] else { return nil }
        member.start += self.range.lowerBound
        member.end += self.range.lowerBound
        return member
    }
}
