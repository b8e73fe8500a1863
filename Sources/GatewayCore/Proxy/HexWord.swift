/// Hexadecimal, eight digits at a time and without a table.
enum HexWord {
    /// The eight digits of `number` in ASCII, the first one in the highest byte.
    @inline(__always)
    static func digits(of number: UInt32) -> UInt64 {
        // Spread the nibbles over the bytes of a word; one above nine needs 39 more to be a letter.
        var nibbles = UInt64(number)
        nibbles = (nibbles << 16 | nibbles) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles << 8 | nibbles) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles << 4 | nibbles) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
    }
}
