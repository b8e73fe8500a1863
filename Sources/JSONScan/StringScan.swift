/// The loop that most bytes of a prompt go through.
enum StringScan {
    /// The first place from `start` on that a string cannot simply run over: a quote, a backslash, a control character,
    /// or the end of the bytes.
    ///
    /// WHY: unsafe loads: sixteen bytes at a time are tested at once, about one instruction per byte; bounds are checked
    /// by the loop's condition. `StringScanTests` compares it with the plain loop.
    static func plainEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        bytes.withUnsafeBytes { raw in
            var index = start
            let quote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
            let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
            let space = SIMD16<UInt8>(repeating: 0x20)
            while index &+ 16 <= raw.count {
                let block = raw.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
                let stops = (block .== quote) .| (block .== backslash) .| (block .< space)
                if any(stops) { break }
                index &+= 16
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
