import Glibc

/// A fixed map from byte strings to small numbers: open addressing, built once, looked up without allocation.
struct BytesTable: Sendable {
    private struct Slot {
        var start: UInt32 = 0
        var count: UInt32 = 0
        /// -1 is an empty slot.
        var value: Int32 = -1
    }

    private var slots: [Slot]
    private var bytes: [UInt8] = []
    private let mask: Int

    /// Of equal keys the first wins.
    init(_ entries: [(key: String, value: Int)]) {
        var capacity = 8
        while capacity < entries.count * 2 { capacity *= 2 }
        self.mask = capacity - 1
        self.slots = Array(repeating: Slot(), count: capacity)
        for entry in entries { self.insert(Array(entry.key.utf8), entry.value) }
    }

    private mutating func insert(_ key: [UInt8], _ value: Int) {
        var index = key.withUnsafeBytes { Self.hash($0) } & self.mask
        while self.slots[index].value >= 0 {
            if key.withUnsafeBytes({ self.holds($0, at: index) }) { return }
            index = (index + 1) & self.mask
        }
        self.slots[index] = Slot(start: UInt32(self.bytes.count), count: UInt32(key.count), value: Int32(value))
        self.bytes += key
    }

    /// The value of `key`, or nil.
    func find(_ key: UnsafeRawBufferPointer) -> Int? {
        var index = Self.hash(key) & self.mask
        while self.slots[index].value >= 0 {
            if self.holds(key, at: index) { return Int(self.slots[index].value) }
            index = (index + 1) & self.mask
        }
        return nil
    }

    private func holds(_ key: UnsafeRawBufferPointer, at index: Int) -> Bool {
        let slot = self.slots[index]
        guard Int(slot.count) == key.count else { return false }
        guard let start = key.baseAddress else { return true }
        return self.bytes.withUnsafeBytes { memcmp($0.baseAddress! + Int(slot.start), start, key.count) == 0 }
    }

    /// FNV-1a's step (draft-eastlake-fnv), over words of eight bytes instead of bytes, and one mixing shift for each. The
    /// keys are the operator's; a caller can only look up.
    private static func hash(_ key: UnsafeRawBufferPointer) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(key.count)
        var index = 0
        while index &+ 8 <= key.count {
            hash = (hash ^ key.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* 0x100_0000_01B3
            hash ^= hash >> 29
            index &+= 8
        }
        while index < key.count {
            hash = (hash ^ UInt64(key[index])) &* 0x100_0000_01B3
            index &+= 1
        }
        return Int(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
