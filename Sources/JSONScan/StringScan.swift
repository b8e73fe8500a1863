import CByteScan

/// The loop that most bytes of a prompt go through.
enum StringScan {
    /// The first place from `start` on that a string cannot simply run over: a quote, a backslash, a control character,
    /// or the end of the bytes. `StringScanTests` compares it with the plain loop.
    @inline(__always)
    static func plainEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        guard start < bytes.count else { return bytes.count }
        return bytes.withUnsafeBufferPointer { Int(byte_scan_string_end($0.baseAddress, start, $0.count)) }
    }
}
