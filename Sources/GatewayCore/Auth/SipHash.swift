/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", and the authors'
/// reference implementation for the 128-bit form). Under a key that never leaves the process nobody can look for
/// collisions, and 128 bits leave none to chance.
struct SipHash {
    private let key: (UInt64, UInt64)

    /// A hash under a fresh random key.
    init() {
        self.init(key: (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max)))
    }

    init(key: (UInt64, UInt64)) { self.key = key }

    func hash(_ bytes: UnsafeRawBufferPointer) -> Fingerprint {
        var state = State(self.key)
        let whole = bytes.count & ~7
        var index = 0
        while index < whole {
            state.absorb(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        var last = UInt64(bytes.count & 0xFF) << 56
        while index < bytes.count {
            last |= UInt64(bytes[index]) << (8 * UInt64(index - whole))
            index += 1
        }
        state.absorb(last)
        return state.finish()
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(_ key: (UInt64, UInt64)) {
            self.v0 = key.0 ^ 0x736F_6D65_7073_6575
            self.v1 = key.1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE
            self.v2 = key.0 ^ 0x6C79_6765_6E65_7261
            self.v3 = key.1 ^ 0x7465_6462_7974_6573
        }

        @inline(__always)
        mutating func absorb(_ word: UInt64) {
            self.v3 ^= word
            self.round()
            self.round()
            self.v0 ^= word
        }

        mutating func finish() -> Fingerprint {
            self.v2 ^= 0xEE
            for _ in 0..<4 { self.round() }
            let high = self.v0 ^ self.v1 ^ self.v2 ^ self.v3
            self.v1 ^= 0xDD
            for _ in 0..<4 { self.round() }
            return Fingerprint(high: high, low: self.v0 ^ self.v1 ^ self.v2 ^ self.v3)
        }

        @inline(__always)
        private mutating func round() {
            self.v0 = self.v0 &+ self.v1
            self.v1 = (self.v1 << 13 | self.v1 >> 51) ^ self.v0
            self.v0 = self.v0 << 32 | self.v0 >> 32
            self.v2 = self.v2 &+ self.v3
            self.v3 = (self.v3 << 16 | self.v3 >> 48) ^ self.v2
            self.v0 = self.v0 &+ self.v3
            self.v3 = (self.v3 << 21 | self.v3 >> 43) ^ self.v0
            self.v2 = self.v2 &+ self.v1
            self.v1 = (self.v1 << 17 | self.v1 >> 47) ^ self.v2
            self.v2 = self.v2 << 32 | self.v2 >> 32
        }
    }
}

/// 128 bits that stand for a credential within this process.
///
/// Uniform already, so that any of its bits are hash enough.
struct Fingerprint: Hashable {
    let high: UInt64
    let low: UInt64

    @inline(__always)
    static func == (left: Self, right: Self) -> Bool { left.low == right.low && left.high == right.high }
}
