internal import Glibc

// Three hash tables with open addressing, filled once. They are at most half full, and what they hold is fixed, so the
// longest run of slots that a look-up can meet is fixed too, whatever the text.

/// The first 16 bytes of some text, zero-padded.
struct TokenKey: Hashable {
    var low: UInt64
    var high: UInt64

    /// Tokens up to this length are told apart by their key alone: the byte behind them holds the length.
    static let longest = 15

    private init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// Reads no more than `readable` bytes.
    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, readable: Int) {
        if readable >= 16 {
            self.low = UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
            self.high = UInt64(littleEndian: UnsafeRawPointer(start + 8).loadUnaligned(as: UInt64.self))
        } else {
            self = Self.atEnd(start, readable)
        }
    }

    @inline(never)
    private static func atEnd(_ start: UnsafePointer<UInt8>, _ count: Int) -> TokenKey {
        var key = TokenKey(low: 0, high: 0)
        for at in 0..<min(count, 8) { key.low |= UInt64(start[at]) << UInt64(8 * at) }
        for at in 8..<max(count, 8) { key.high |= UInt64(start[at]) << UInt64(8 * (at - 8)) }
        return key
    }

    /// The key of the first `length` bytes, at most `longest`.
    @inline(__always)
    func prefix(_ length: Int) -> TokenKey {
        var key = self
        let bits = UInt64(truncatingIfNeeded: length &* 8)
        if length < 8 {
            key.low &= (1 &<< bits) &- 1
            key.high = 0
        } else {
            key.high &= (1 &<< (bits &- 64)) &- 1
        }
        key.high |= UInt64(truncatingIfNeeded: length) &<< 56
        return key
    }

    @inline(__always)
    var hash: UInt64 {
        let product = (self.low ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: self.high ^ 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }
}

/// Tokens of up to 15 bytes by their bytes.
struct ShortTokens {
    private struct Slot {
        var low: UInt64
        var high: UInt64
        var rank: UInt64
    }
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64

    init(_ count: Int) {
        let capacity = tableSize(for: count)
        self.mask = UInt64(capacity - 1)
        self.slots = allocateTable(capacity)
        // No key has the length zero.
        self.slots.initialize(repeating: Slot(low: 0, high: 0, rank: 0), count: capacity)
    }

    func insert(_ key: TokenKey, _ rank: UInt32) {
        var at = key.hash & self.mask
        while self.slots[Int(at)].high != 0 { at = (at + 1) & self.mask }
        self.slots[Int(at)] = Slot(low: key.low, high: key.high, rank: UInt64(rank))
    }

    @inline(__always)
    func find(_ key: TokenKey) -> UInt32? {
        var at = key.hash & self.mask
        while true {
            let slot = self.slots + Int(truncatingIfNeeded: at)
            if slot.pointee.low == key.low, slot.pointee.high == key.high {
                return UInt32(truncatingIfNeeded: slot.pointee.rank)
            }
            if slot.pointee.high == 0 { return nil }
            at = (at &+ 1) & self.mask
        }
    }
}

/// Tokens of 16 bytes and more by their first 16: those that share them lie behind one another, the longest first.
struct LongTokens {
    private struct Slot {
        var low: UInt64
        var high: UInt64
        var start: UInt32
        var count: UInt32
    }
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64
    private let ranks: UnsafeMutablePointer<UInt32>

    /// `tokens` holds the keys of all long tokens; those with the same key are in order.
    init(_ tokens: [(key: TokenKey, rank: UInt32)]) {
        let capacity = tableSize(for: tokens.count)
        self.mask = UInt64(capacity - 1)
        self.slots = allocateTable(capacity)
        self.slots.initialize(repeating: Slot(low: 0, high: 0, start: 0, count: 0), count: capacity)
        self.ranks = .allocate(capacity: max(tokens.count, 1))
        let groups = Dictionary(grouping: tokens) { $0.key }
        var start = 0
        for (key, group) in groups {
            for (at, token) in group.enumerated() { self.ranks[start + at] = token.rank }
            self.slots[self.slot(key)] = Slot(
                low: key.low,
                high: key.high,
                start: UInt32(start),
                count: UInt32(group.count)
            )
            start += group.count
        }
    }

    @inline(__always)
    func candidates(_ key: TokenKey) -> UnsafeBufferPointer<UInt32> {
        let slot = self.slots[self.slot(key)]
        return UnsafeBufferPointer(start: self.ranks + Int(slot.start), count: Int(slot.count))
    }

    /// The slot of the key, or the empty one where it would be.
    @inline(__always)
    private func slot(_ key: TokenKey) -> Int {
        var at = key.hash & self.mask
        while true {
            let slot = self.slots + Int(truncatingIfNeeded: at)
            if slot.pointee.count == 0 || (slot.pointee.low == key.low && slot.pointee.high == key.high) {
                return Int(truncatingIfNeeded: at)
            }
            at = (at &+ 1) & self.mask
        }
    }
}

/// What two tokens merge into. A slot holds both and the result in 21 bits each.
struct TokenPairs {
    private let slots: UnsafeMutablePointer<UInt64>
    private let shift: UInt64
    private let mask: UInt64

    init(_ count: Int) {
        precondition(count < 1 << 21, "a vocabulary has at most two million tokens")
        let capacity = tableSize(for: count)
        self.mask = UInt64(capacity - 1)
        self.shift = UInt64(64 - capacity.trailingZeroBitCount)
        self.slots = allocateTable(capacity)
        self.slots.initialize(repeating: .max, count: capacity)
    }

    func insert(_ left: UInt32, _ right: UInt32, _ merged: UInt32) {
        let key = UInt64(left) << 21 | UInt64(right)
        var at = self.slot(key)
        while self.slots[Int(at)] != .max { at = (at + 1) & self.mask }
        self.slots[Int(at)] = key << 21 | UInt64(merged)
    }

    @inline(__always)
    func find(_ left: UInt32, _ right: UInt32) -> UInt32? {
        let key = UInt64(left) << 21 | UInt64(right)
        var at = self.slot(key)
        while true {
            let slot = self.slots[Int(truncatingIfNeeded: at)]
            if slot >> 21 == key { return UInt32(truncatingIfNeeded: slot & 0x1F_FFFF) }
            if slot == .max { return nil }
            at = (at &+ 1) & self.mask
        }
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> UInt64 { (key &* 0x9E37_79B9_7F4A_7C15) >> self.shift }
}

/// A power of two, at least twice the count.
private func tableSize(for count: Int) -> Int {
    1 << (Int.bitWidth - (2 * max(count, 1) - 1).leadingZeroBitCount)
}

/// Memory for a table that is never freed, in large pages where the system has them: with small ones, most look-ups would
/// miss the processor's cache of page addresses.
private func allocateTable<Slot>(_ capacity: Int) -> UnsafeMutablePointer<Slot> {
    let size = capacity * MemoryLayout<Slot>.stride
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 2 << 20, size) == 0, let memory else { fatalError("no memory for a vocabulary") }
    madvise(memory, size, MADV_HUGEPAGE)
    return memory.bindMemory(to: Slot.self, capacity: capacity)
}
