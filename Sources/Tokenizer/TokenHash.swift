internal import CTokenizerTables
internal import Glibc

// Three hash tables with open addressing, filled once. They are at most half full, and what they hold is fixed, so the
// longest run of slots that a look-up can meet is fixed too, whatever the text.

/// The first 12 bytes of some text, zero-padded, and a length.
struct TokenKey {
    private(set) var low: UInt64
    /// Four bytes, then the length.
    private(set) var high: UInt64

    /// Tokens up to this length are told apart by their key alone.
    static let longest = 12

    /// Reads no more than `readable` bytes. The length is not set yet: see `prefix`.
    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, readable: Int) {
        if readable >= 12 {
            self.low = UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
            self.high = UInt64(UInt32(littleEndian: UnsafeRawPointer(start + 8).loadUnaligned(as: UInt32.self)))
        } else {
            (self.low, self.high) = Self.atEnd(start, readable)
        }
    }

    @inline(never)
    private static func atEnd(_ start: UnsafePointer<UInt8>, _ count: Int) -> (UInt64, UInt64) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        for at in 0..<min(count, 8) { low |= UInt64(start[at]) << UInt64(8 * at) }
        for at in 8..<max(count, 8) { high |= UInt64(start[at]) << UInt64(8 * (at - 8)) }
        return (low, high)
    }

    /// The key of the first `length` bytes; of more than `longest`, those stand for the others.
    @inline(__always)
    func prefix(_ length: Int) -> TokenKey {
        var key = self
        let bits = UInt64(truncatingIfNeeded: length &* 8)
        if length < 8 {
            key.low &= (1 &<< bits) &- 1
            key.high = 0
        } else if length < Self.longest {
            key.high &= (1 &<< (bits &- 64)) &- 1
        }
        key.high |= UInt64(truncatingIfNeeded: min(length, Self.longest &+ 1)) &<< 32
        return key
    }

    @inline(__always)
    var hash: UInt64 {
        let product = (self.low ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: self.high ^ 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }
}

/// Tokens of up to 12 bytes by their bytes.
struct ShortTokens {
    /// The key, and above it the rank in 24 bits.
    private typealias Slot = SIMD2<UInt64>
    private let table: HashTable<Slot>

    init(_ count: Int) { self.table = HashTable(count) }

    func insert(_ key: TokenKey, _ rank: UInt32) {
        var at = self.table.first(key.hash)
        while self.table[at].y != 0 { at = self.table.next(at) }
        self.table[at] = Slot(key.low, key.high | UInt64(rank) << 40)
    }

    @inline(__always)
    func find(_ key: TokenKey) -> UInt32? {
        var at = self.table.first(key.hash)
        while true {
            let slot = self.table[at]
            if slot.x == key.low, (slot.y ^ key.high) &<< 24 == 0 { return UInt32(truncatingIfNeeded: slot.y &>> 40) }
            // No key has the length zero.
            if slot.y == 0 { return nil }
            at = self.table.next(at)
        }
    }

    /// Begins to load what `find` will look at.
    @inline(__always)
    func prefetch(_ key: TokenKey) { self.table.prefetch(key.hash) }
}

/// Tokens of more than 12 bytes by their first 12. A token's bytes must be compared by who looks for it.
struct LongTokens {
    /// From the top: 32 bits of the hash, the length in 11, the rank in 21.
    private let table: HashTable<UInt64>

    init(_ count: Int) { self.table = HashTable(count) }

    /// The longest must come first.
    func insert(_ key: TokenKey, _ length: Int, _ rank: UInt32) {
        var at = self.table.first(key.hash)
        while self.table[at] != 0 { at = self.table.next(at) }
        self.table[at] = (key.hash & ~0xFFFF_FFFF) | UInt64(length) << 21 | UInt64(rank)
    }

    /// The first candidate that fits, the longest first. `key` is that of a long prefix.
    @inline(__always)
    func first(_ key: TokenKey, where fits: (_ length: Int, _ rank: UInt32) -> Bool) -> UInt32? {
        let hash = key.hash
        var at = self.table.first(hash)
        while true {
            let slot = self.table[at]
            if slot == 0 { return nil }
            let rank = UInt32(truncatingIfNeeded: slot & 0x1F_FFFF)
            if slot >> 32 == hash >> 32, fits(Int(truncatingIfNeeded: slot >> 21 & 0x7FF), rank) { return rank }
            at = self.table.next(at)
        }
    }
}

/// What two tokens merge into.
struct TokenPairs {
    /// The left token plus one, the right one, and the result, in 21 bits each.
    private let table: HashTable<UInt64>
    /// A bit for the hash of each pair. Most look-ups are for pairs that do not merge, and this answers nearly all of them
    /// from a table that stays in the processor's second cache.
    private let filter: UnsafeMutablePointer<UInt64>
    private static let filterBits = 20

    init(_ count: Int) {
        self.table = HashTable(count)
        self.filter = .allocate(capacity: 1 << Self.filterBits / 64)
        self.filter.initialize(repeating: 0, count: 1 << Self.filterBits / 64)
    }

    func insert(_ left: UInt32, _ right: UInt32, _ merged: UInt32) {
        let key = Self.key(left, right)
        let hash = Self.hash(key)
        let bit = Self.filterBit(hash)
        self.filter[bit >> 6] |= 1 << UInt64(bit & 63)
        var at = self.table.first(hash)
        while self.table[at] != 0 { at = self.table.next(at) }
        self.table[at] = key << 21 | UInt64(merged)
    }

    @inline(__always)
    func find(_ left: UInt32, _ right: UInt32) -> UInt32? {
        let key = Self.key(left, right)
        let hash = Self.hash(key)
        let bit = Self.filterBit(hash)
        guard self.filter[bit >> 6] & (1 &<< UInt64(bit & 63)) != 0 else { return nil }
        var at = self.table.first(hash)
        while true {
            let slot = self.table[at]
            if slot >> 21 == key { return UInt32(truncatingIfNeeded: slot & 0x1F_FFFF) }
            if slot == 0 { return nil }
            at = self.table.next(at)
        }
    }

    /// Begins to load what `find` and `insert` will look at.
    @inline(__always)
    func prefetch(_ left: UInt32, _ right: UInt32) { self.table.prefetch(Self.hash(Self.key(left, right))) }

    @inline(__always)
    private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 { (UInt64(left) &+ 1) << 21 | UInt64(right) }

    @inline(__always)
    private static func hash(_ key: UInt64) -> UInt64 { key &* 0x9E37_79B9_7F4A_7C15 }

    @inline(__always)
    private static func filterBit(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash &>> UInt64(64 - Self.filterBits))
    }
}

/// Slots for at least twice as many entries, zero at first, never freed. They lie in large pages where the system has
/// them: with small ones, most look-ups would miss the processor's cache of page addresses.
private struct HashTable<Slot> {
    private let slots: UnsafeMutablePointer<Slot>
    private let count: UInt64

    init(_ entries: Int) {
        let count = 2 * entries + 2
        self.count = UInt64(count)
        let size = count * MemoryLayout<Slot>.stride
        let memory = mmap(nil, size + Self.largePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { fatalError("no memory for a vocabulary") }
        let start = UnsafeMutableRawPointer(
            bitPattern: (UInt(bitPattern: memory) + UInt(Self.largePage) - 1) & ~(UInt(Self.largePage) - 1)
        )
        guard let start else { fatalError("no memory for a vocabulary") }
        madvise(start, size, MADV_HUGEPAGE)
        self.slots = start.bindMemory(to: Slot.self, capacity: count)
    }

    private static var largePage: Int { 2 << 20 }

    /// The upper bits of the hash choose the slot.
    @inline(__always)
    func first(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash.multipliedFullWidth(by: self.count).high) }

    @inline(__always)
    func next(_ at: Int) -> Int { at &+ 1 == Int(truncatingIfNeeded: self.count) ? 0 : at &+ 1 }

    subscript(_ at: Int) -> Slot {
        @inline(__always) get { self.slots[at] }
        @inline(__always) nonmutating set { self.slots[at] = newValue }
    }

    @inline(__always)
    func prefetch(_ hash: UInt64) { tokenizer_prefetch(self.slots + self.first(hash)) }
}
