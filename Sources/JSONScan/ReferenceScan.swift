import CByteScan

/// Finds the ids of stored objects that stand anywhere in a document, however deep: the strings under given names.
///
/// A provider lets a call name a file within its messages; whoever checks whose file that is must find every such place.
/// Names written with escapes are found as well.
package enum ReferenceScan {
    /// The strings that are values of members called one of `names`, or elements of an array that is. `bytes` are JSON that
    /// `TopLevelScanner` has accepted. Costs one pass; most bodies are told apart without it by `mayNameFiles`.
    package static func strings(named names: [StaticString], in bytes: borrowing Span<UInt8>) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var index = 0
        /// Whether the strings that follow are values of a wanted member.
        var isWanted = false
        var arrayDepth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                let end = Self.stringEnd(bytes, from: index + 1)
                let text = Self.text(bytes, index + 1..<end)
                index = min(end + 1, bytes.count)
                if Self.isName(bytes, &index) {
                    // Within a wanted array everything is, also behind an object that no such array should hold.
                    isWanted = arrayDepth > 0 || names.contains { equals(text, $0) }
                } else if isWanted {
                    found.append(text)
                }
                continue
            case UInt8(ascii: "[") where isWanted: arrayDepth += 1
            case UInt8(ascii: "]") where arrayDepth > 0:
                arrayDepth -= 1
                if arrayDepth == 0 { isWanted = false }
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "{"):
                if arrayDepth == 0 { isWanted = false }
            default: break
            }
            index += 1
        }
        return found
    }

    /// Whether a document can name a file at all: it has `file_id`, or an escape that could hide it. Costs less than an
    /// instruction per byte.
    package static func mayNameFiles(_ bytes: borrowing Span<UInt8>) -> Bool {
        bytes.withUnsafeBytes { raw in
            let start = raw.baseAddress?.assumingMemoryBound(to: UInt8.self)
            var index = Int(byte_scan_underscore(start, 0, raw.count))
            while index < raw.count {
                if Self.isAt(raw, index, "\\u00") || Self.isAt(raw, index - 4, "file_id") { return true }
                index = Int(byte_scan_underscore(start, index + 1, raw.count))
            }
            return false
        }
    }

    private static func isAt(_ raw: UnsafeRawBufferPointer, _ start: Int, _ needle: StaticString) -> Bool {
        guard start >= 0, start &+ needle.utf8CodeUnitCount <= raw.count else { return false }
        for offset in 0..<needle.utf8CodeUnitCount where raw[start &+ offset] != needle.utf8Start[offset] {
            return false
        }
        return true
    }

    private static func stringEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while true {
            index = StringScan.plainEnd(bytes, from: index)
            guard index < bytes.count, bytes[index] != UInt8(ascii: "\"") else { return index }
            index = min(index + (bytes[index] == UInt8(ascii: "\\") ? 2 : 1), bytes.count)
        }
    }

    private static func text(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var raw: [UInt8] = []
        raw.reserveCapacity(min(range.count, 256))
        // Longer strings are prompts, neither names nor ids.
        for index in range.prefix(1024) { raw.append(bytes[index]) }
        return JSONText.decode(raw[...]) ?? raw
    }

    /// Whether the string that has just ended is a member's name; moves behind the colon.
    private static func isName(_ bytes: borrowing Span<UInt8>, _ index: inout Int) -> Bool {
        var next = index
        while next < bytes.count, isSpace(bytes[next]) { next += 1 }
        guard next < bytes.count, bytes[next] == UInt8(ascii: ":") else { return false }
        index = next + 1
        return true
    }
}
