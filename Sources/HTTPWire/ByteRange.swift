/// A run of bytes in some buffer; of a head, in the buffer that it was parsed from, counted from its first readable byte.
///
/// `@inlinable`: its accessors are called for every field of every head, across a module's border.
/// Plain numbers instead of a slice: nothing is retained, and a head of twenty fields costs no allocation.
@usableFromInline
package struct ByteRange: BitwiseCopyable, Sendable, Equatable {
    @usableFromInline package var start: UInt32
    @usableFromInline package var end: UInt32

    @inlinable package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    package static let empty = ByteRange(0, 0)

    @inlinable package var count: Int { Int(self.end) - Int(self.start) }
    @inlinable package var isEmpty: Bool { self.start == self.end }
    @inlinable package var lower: Int { Int(self.start) }
    @inlinable package var upper: Int { Int(self.end) }
}

/// Character classes of RFC 9110 and RFC 3986 as bit masks over ASCII: two constants, no table in memory.
enum CharacterClass {
    /// RFC 9110 §5.6.2: `tchar`.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        Self.contains(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    }

    /// RFC 3986 §3.3 and §3.4: what a path or a query may hold, `%` and `/` and `?` included.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        Self.contains(byte, low: 0xAFFF_FFF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    }

    /// RFC 9110 §5.5: visible characters, space, tab and obs-text. Neither CR, LF, NUL nor any other control.
    @inline(__always)
    static func isFieldValue(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == 0x09
    }

    /// RFC 3986 §3.2.2 and §3.2.3: a name, an address (IPv6 in brackets) and a port.
    static func isHost(_ byte: UInt8) -> Bool {
        Self.isToken(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
    }

    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    @inline(__always)
    private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        guard byte < 0x80 else { return false }
        return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte & 63)) & 1 == 1
    }
}
