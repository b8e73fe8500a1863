/// A number's decimal digits, eight at a time and without a table; made once, because their count is asked for first.
///
/// Eight digits are split in halves within one word, three times: into two numbers below ten thousand, four below a hundred,
/// eight digits. Quotients are products by a reciprocal, exact for numbers so small: 10 486/2²⁰ for a hundredth of what is below
/// ten thousand, 103/2¹⁰ for a tenth of what is below a hundred (Granlund and Montgomery, "Division by Invariant Integers
/// using Multiplication").
@usableFromInline
package struct DecimalNumber {
    /// What stands before the last eight digits.
    @usableFromInline let head: UInt64
    /// The last eight digits, the first one in the lowest byte; not ASCII yet.
    @usableFromInline let tail: UInt64
    /// How many digits there are, leading zeros aside.
    @usableFromInline package let count: Int

    @inlinable package init(_ number: UInt64) {
        if number < 100_000_000 {
            self.head = 0
            self.tail = Self.digits(number)
            self.count = 8 - min(self.tail.trailingZeroBitCount / 8, 7)
        } else {
            self.head = number / 100_000_000
            self.tail = Self.digits(number % 100_000_000)
            self.count = self.head < 10 ? 9 : 8 + Self.headCount(self.head)
        }
    }

    /// Writes the digits in ASCII: `count` bytes.
    @inlinable package func write(to place: UnsafeMutableRawPointer) {
        let ascii = self.tail | 0x3030_3030_3030_3030
        guard self.count < 8 else {
            if self.count == 9 {
                place.storeBytes(of: UInt8(truncatingIfNeeded: self.head) | 0x30, as: UInt8.self)
            } else if self.count > 9 {
                Self.writeHead(self.head, to: place)
            }
            place.storeBytes(of: ascii.littleEndian, toByteOffset: self.count - 8, as: UInt64.self)
            return
        }
        var rest = ascii >> UInt64(8 * (8 - self.count))
        for index in 0..<self.count {
            place.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: index, as: UInt8.self)
            rest >>= 8
        }
    }

    /// Numbers so long are rare.
    @usableFromInline static func headCount(_ head: UInt64) -> Int { DecimalNumber(head).count }

    @usableFromInline static func writeHead(_ head: UInt64, to place: UnsafeMutableRawPointer) {
        DecimalNumber(head).write(to: place)
    }

    @inlinable @inline(__always)
    static func digits(_ number: UInt64) -> UInt64 {
        let halves = number / 10_000 | (number % 10_000) << 32
        let hundreds = (halves &* 10_486) >> 20 & 0x0000_007F_0000_007F
        let pairs = (halves &- 100 &* hundreds) << 16 &+ hundreds
        let tens = (pairs &* 103) >> 10 & 0x000F_000F_000F_000F
        return tens &+ (pairs &- 10 &* tens) << 8
    }
}
