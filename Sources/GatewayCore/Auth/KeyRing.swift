import Crypto
import GatewayModel

/// Tells whose key a request presents. One per loop.
///
/// A key is verified by HMAC-SHA-256 under the installation's pepper once; after that a fingerprint of 128 bits under a
/// key of this process stands in front of it, so that the hot path costs a hash of the key's few bytes and one look at
/// one slot, whether ten keys are known or a hundred thousand.
struct KeyRing {
    /// Open addressing, at most half full. 24 bytes, so that a look-up touches one line of the cache.
    private struct Slot {
        var fingerprint = Fingerprint(high: 0, low: 0)
        /// Where the key stands in the table of `generation`; `unknown`: it is in that table no more.
        var index = Self.empty
        /// The table's, cut to 32 bits: a ring never meets two tables that are 2³² publishes apart.
        var generation: UInt32 = 0

        static let empty: Int32 = -1
        static let unknown: Int32 = -2
    }

    private let hash = SipHash()
    private var slots = [Slot](repeating: Slot(), count: 64)
    /// Of the key in the slot of the same place; looked at when a new table has come.
    private var digests = [KeyDigest?](repeating: nil, count: 64)
    private var count = 0
    /// Beyond this the ring is emptied: keys are then verified anew, which is slower and nothing else.
    private let capacity: Int
    private(set) var evictions: UInt64 = 0

    init(capacity: Int = 200_000) { self.capacity = capacity }

    /// The index in `table` of the key that is presented, or nil. An unknown key is not remembered, so that guessing
    /// cannot push the known ones out.
    mutating func find(_ presented: UnsafeRawBufferPointer, in table: RoutingTable) -> Int? {
        let fingerprint = self.hash.hash(presented)
        let generation = UInt32(truncatingIfNeeded: table.generation)
        let place = self.place(of: fingerprint)
        let slot = self.slots[place]
        if slot.index == Slot.empty { return self.verify(presented, fingerprint, in: table) }
        if slot.generation == generation { return slot.index >= 0 ? Int(slot.index) : nil }
        let index = self.digests[place].flatMap { table.keyIndex($0) }
        self.slots[place].index = index.map { Int32($0) } ?? Slot.unknown
        self.slots[place].generation = generation
        return index
    }

    /// Computes the key's digest and remembers the key if the table has it.
    private mutating func verify(
        _ presented: UnsafeRawBufferPointer,
        _ fingerprint: Fingerprint,
        in table: RoutingTable
    ) -> Int? {
        let code = HMAC<SHA256>.authenticationCode(for: presented, using: table.keyPepper)
        guard let digest = KeyDigest(Array(code)), let index = table.keyIndex(digest) else { return nil }
        if self.count >= self.capacity {
            self.reset(slots: self.slots.count)
            self.evictions += 1
        } else if self.count * 2 >= self.slots.count {
            self.grow()
        }
        let slot = Slot(
            fingerprint: fingerprint,
            index: Int32(index),
            generation: UInt32(truncatingIfNeeded: table.generation)
        )
        self.insert(slot, digest)
        return index
    }

    /// The place of the slot that has `fingerprint`, else of the empty one where it belongs.
    @inline(__always)
    private func place(of fingerprint: Fingerprint) -> Int {
        let mask = self.slots.count &- 1
        var place = Int(truncatingIfNeeded: fingerprint.low) & mask
        while self.slots[place].index != Slot.empty, self.slots[place].fingerprint != fingerprint {
            place = (place &+ 1) & mask
        }
        return place
    }

    private mutating func insert(_ slot: Slot, _ digest: KeyDigest?) {
        let place = self.place(of: slot.fingerprint)
        self.slots[place] = slot
        self.digests[place] = digest
        self.count += 1
    }

    private mutating func grow() {
        let (slots, digests) = (self.slots, self.digests)
        self.reset(slots: slots.count * 2)
        for place in slots.indices where slots[place].index != Slot.empty { self.insert(slots[place], digests[place]) }
    }

    private mutating func reset(slots: Int) {
        self.slots = Array(repeating: Slot(), count: slots)
        self.digests = Array(repeating: nil, count: slots)
        self.count = 0
    }
}
