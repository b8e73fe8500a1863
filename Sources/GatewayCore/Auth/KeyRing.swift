import Crypto
import GatewayModel
import HTTPWire

/// What is remembered of a table's key: enough to admit most requests. Besides it they read the key's name only.
struct FoundKey: BitwiseCopyable {
    /// Its place in the table.
    let index: Int32
    let namespace: Int32
    /// Seconds since 1970; `Int64.max` means never.
    let expires: Int64
    /// Where the table has its name.
    let name: ByteRange
    /// It has limits of its own, or may not call every model; the table says which.
    let hasRules: Bool
}

/// Tells whose key a request presents. One per loop.
///
/// A key is verified by HMAC-SHA-256 under the installation's pepper once; after that a fingerprint of 128 bits under a
/// key of this process stands in front of it, so that the hot path costs a hash of the key's few bytes and one look at
/// one slot, whether ten keys are known or a hundred thousand.
struct KeyRing: ~Copyable {
    /// Open addressing, at most half full.
    private struct Slot: BitwiseCopyable {
        var fingerprint = Fingerprint(high: 0, low: 0)
        /// The table's that `key` is of, cut to 32 bits: a ring never meets two tables that are 2³² publishes apart.
        var generation: UInt32 = 0
        var isTaken = false
        /// Nil: the key is in that table no more.
        var key: FoundKey?
    }

    private let hash = SipHash()
    private var slots = CacheLines(repeating: Slot(), count: Self.fewest)
    /// Of the key in the slot of the same place; looked at when a new table has come.
    private var digests = [KeyDigest?](repeating: nil, count: Self.fewest)
    private var count = 0
    /// Beyond this the ring is emptied: keys are then verified anew, which is slower and nothing else.
    private let capacity: Int
    private(set) var evictions: UInt64 = 0
    private static let fewest = 64

    init(capacity: Int = 200_000) { self.capacity = capacity }

    /// The key of `table` that is presented, or nil. An unknown key is not remembered, so that guessing cannot push the known ones
    /// out.
    mutating func find(_ presented: UnsafeRawBufferPointer, in table: RoutingTable) -> FoundKey? {
        let fingerprint = self.hash.hash(presented)
        let place = self.place(of: fingerprint)
        var slot = self.slots[place]
        guard slot.isTaken else { return self.verify(presented, fingerprint, in: table) }
        let generation = UInt32(truncatingIfNeeded: table.generation)
        if slot.generation != generation {
            slot.key = self.digests[place].flatMap { table.key($0) }
            slot.generation = generation
            self.slots[place] = slot
        }
        return slot.key
    }

    /// Computes the key's digest and remembers the key if the table has it.
    private mutating func verify(
        _ presented: UnsafeRawBufferPointer,
        _ fingerprint: Fingerprint,
        in table: RoutingTable
    ) -> FoundKey? {
        let code = HMAC<SHA256>.authenticationCode(for: presented, using: table.keyPepper)
        guard let digest = KeyDigest(Array(code)), let key = table.key(digest) else { return nil }
        if self.count >= self.capacity {
            self.reset(slots: self.slots.count)
            self.evictions += 1
        } else if self.count * 2 >= self.slots.count {
            self.grow()
        }
        let generation = UInt32(truncatingIfNeeded: table.generation)
        self.insert(Slot(fingerprint: fingerprint, generation: generation, isTaken: true, key: key), digest)
        return key
    }

    /// The place of the slot that has `fingerprint`, else of the empty one where it belongs.
    @inline(__always)
    private func place(of fingerprint: Fingerprint) -> Int {
        let mask = self.slots.count &- 1
        var place = Int(truncatingIfNeeded: fingerprint.low) & mask
        while self.slots[place].isTaken, self.slots[place].fingerprint != fingerprint { place = (place &+ 1) & mask }
        return place
    }

    private mutating func insert(_ slot: Slot, _ digest: KeyDigest?) {
        let place = self.place(of: slot.fingerprint)
        self.slots[place] = slot
        self.digests[place] = digest
        self.count += 1
    }

    private mutating func grow() {
        let (old, digests) = (self.slots, self.digests)
        self.reset(slots: old.count * 2)
        for place in 0..<old.count where old[place].isTaken { self.insert(old[place], digests[place]) }
    }

    private mutating func reset(slots count: Int) {
        self.slots = CacheLines(repeating: Slot(), count: count)
        self.digests = Array(repeating: nil, count: count)
        self.count = 0
    }
}
