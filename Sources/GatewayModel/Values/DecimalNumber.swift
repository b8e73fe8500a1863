/// Decimal digits, eight at a time and without a table.
///
/// Eight digits are split in halves within one word, three times: into two numbers below ten thousand, four below a hundred,
/// eight digits. Quotients are products by a reciprocal, exact for numbers so small: 10 486/2²⁰ for a hundredth of what is below
/// ten thousand, 103/2¹⁰ for a tenth of what is below a hundred (Granlund and Montgomery, "Division by Invariant Integers
/// using Multiplication").
@usableFromInline
package enum DecimalNumber {
    /// Bytes that there must be at the place of a number, however short it is: the digits of the longest.
    @usableFromInline package static let room = 20

    /// Writes the digits of `number` in ASCII and says how many there are. Behind them, within `room`, anything may be left.
    @inlinable @inline(__always)
    package static func write(_ number: UInt64, to place: UnsafeMutableRawPointer) -> Int {
        if number < 10 {
            place.storeBytes(of: UInt8(truncatingIfNeeded: number) | 0x30, as: UInt8.self)
            return 1
        }
        return Self.writeLong(number, to: place)
    }

    @usableFromInline static func writeLong(_ number: UInt64, to place: UnsafeMutableRawPointer) -> Int {
        guard number < 100_000_000 else {
            let count = Self.writeLong(number / 100_000_000, to: place)
            let tail = Self.digits(number % 100_000_000) | Self.zeros
            place.storeBytes(of: tail.littleEndian, toByteOffset: count, as: UInt64.self)
            return count + 8
        }
        let digits = Self.digits(number)
        // Some digit is not zero, and that one's lowest set bit lies within its byte.
        let leading = digits.trailingZeroBitCount & ~7
        place.storeBytes(of: ((digits | Self.zeros) >> UInt64(leading)).littleEndian, as: UInt64.self)
        return 8 - leading / 8
    }

    private static let zeros: UInt64 = 0x3030_3030_3030_3030

    /// The digits of a number of at most eight, the first one in the lowest byte; not ASCII yet.
    @inline(__always)
    private static func digits(_ number: UInt64) -> UInt64 {
        let halves = number / 10_000 | (number % 10_000) << 32
        let hundreds = (halves &* 10_486) >> 20 & 0x0000_007F_0000_007F
        let pairs = (halves &- 100 &* hundreds) << 16 &+ hundreds
        let tens = (pairs &* 103) >> 10 & 0x000F_000F_000F_000F
        return tens &+ (pairs &- 10 &* tens) << 8
    }
}
