/// The loop that most bytes of a prompt go through.
enum StringScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The first place from `start` on that a string cannot simply run over: a quote, a backslash, a control character,
    /// or the end of the bytes.
    ///
    /// WHY: unsafe loads: eight bytes at a time are tested in one word; bounds are checked by the loop's condition. A byte is
    /// found where subtracting borrows into its high bit (Warren, "Hacker's Delight", 6-1, "Find first 0-byte"): the lowest
    /// bit that is found is exact, and the lowest is the first byte. `StringScanTests` compares it with the plain loop.
    static func plainEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        bytes.withUnsafeBytes { raw in
            var index = start
            while index &+ 8 <= raw.count {
                let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let quotes = word ^ (Self.ones &* UInt64(UInt8(ascii: "\"")))
                let backslashes = word ^ (Self.ones &* UInt64(UInt8(ascii: "\\")))
                let found =
                    ((quotes &- Self.ones) & ~quotes) | ((backslashes &- Self.ones) & ~backslashes)
                    | ((word &- Self.ones &* 0x20) & ~word)
                let stops = found & Self.highs
                if stops != 0 { return index &+ stops.trailingZeroBitCount / 8 }
                index &+= 8
            }
            while index < raw.count, !Self.isStop(raw[index]) { index &+= 1 }
            return index
        }
    }

    @inline(__always)
    static func isStop(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20
    }
}
