import CByteScan

// A stream is lines ended by LF, CR or CRLF; a blank line ends an event; lines that begin with ":" are comments
// (WHATWG HTML §9.2.6). An event is forwarded as the bytes it came in; only its borders and its data are looked at.

/// Finds the borders of server-sent events in bytes that may have been split anywhere.
package enum SSEScanner {
    /// The end of the event that begins at `start` (behind its blank line), or nil until more bytes come.
    ///
    /// `searched` says how far an earlier call has looked, so that an event in many pieces is not searched anew for each;
    /// it is advanced. Costs about an instruction per byte.
    package static func eventEnd(_ bytes: borrowing Span<UInt8>, from start: Int, searched: inout Int) -> Int? {
        // A line's beginning is needed to tell a blank line, so the search resumes at the last one.
        var lineStart = max(start, searched)
        while true {
            let end = LineScan.lineEnd(bytes, from: lineStart)
            guard end < bytes.count else { break }
            let isCarriageReturn = bytes[end] == UInt8(ascii: "\r")
            // A CR at the very end may be half of a CRLF.
            guard !isCarriageReturn || end + 1 < bytes.count else { break }
            let next = end + (isCarriageReturn && bytes[end + 1] == UInt8(ascii: "\n") ? 2 : 1)
            if end == lineStart {
                searched = next
                return next
            }
            lineStart = next
        }
        searched = lineStart
        return nil
    }

    /// The value of the first `data:` line of the event in `range`, which is the whole data with all providers that this
    /// gateway knows: none of them splits JSON over several lines.
    package static func data(_ bytes: borrowing Span<UInt8>, in range: Range<Int>) -> Range<Int>? {
        self.field("data", bytes, in: range)
    }

    /// The value of the first line that sets `name`.
    package static func field(
        _ name: StaticString,
        _ bytes: borrowing Span<UInt8>,
        in range: Range<Int>
    ) -> Range<Int>? {
        var lineStart = range.lowerBound
        while lineStart < range.upperBound {
            let end = LineScan.lineEnd(bytes, from: lineStart)
            if let value = self.value(name, bytes, lineStart, end) { return value }
            lineStart = end + 1
        }
        return nil
    }

    private static func value(
        _ name: StaticString,
        _ bytes: borrowing Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Range<Int>? {
        let count = name.utf8CodeUnitCount
        guard end - start > count, bytes[start + count] == UInt8(ascii: ":"),
            LineScan.begins(name, bytes, in: start..<end)
        else { return nil }
        var lower = start + count + 1
        if lower < end, bytes[lower] == UInt8(ascii: " ") { lower += 1 }
        return lower..<end
    }
}

/// The searches that every streamed byte goes through.
enum LineScan {
    /// The place of the next CR or LF from `start` on, or the end of the bytes.
    @inline(__always)
    static func lineEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        guard start < bytes.count else { return bytes.count }
        return bytes.withUnsafeBufferPointer { Int(byte_scan_line_end($0.baseAddress, start, $0.count)) }
    }

    /// The place of the first `needle` in `range`, or nil.
    @inline(__always)
    static func find(_ needle: StaticString, _ bytes: borrowing Span<UInt8>, in range: Range<Int>) -> Int? {
        let place = bytes.extracting(range).withUnsafeBufferPointer {
            Int(byte_scan_find($0.baseAddress, $0.count, needle.utf8Start, needle.utf8CodeUnitCount))
        }
        return place < range.count ? range.lowerBound + place : nil
    }

    /// Whether the bytes of `range` begin with `word`.
    @inline(__always)
    static func begins(_ word: StaticString, _ bytes: borrowing Span<UInt8>, in range: Range<Int>) -> Bool {
        guard range.count >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where bytes[range.lowerBound + index] != word.utf8Start[index] {
            return false
        }
        return true
    }
}
