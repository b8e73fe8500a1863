import Crypto
import GatewayModel

/// Tells whose key a request presents. One per loop.
///
/// A key is verified by HMAC-SHA-256 under the installation's pepper once; after that a fingerprint of 128 bits under a
/// key of this process stands in front of it, so that the hot path costs a hash of the key's few bytes and one look-up.
struct KeyRing {
    private struct Known {
        let digest: KeyDigest
        /// Where the digest was found in the table of `version`; nil: it was in none.
        var index: Int?
        var version: UInt64
    }

    private let hash = SipHash()
    private var known: [Fingerprint: Known] = [:]
    /// Beyond this the ring is emptied: keys are then verified anew, which is slower and nothing else.
    private let capacity: Int
    private(set) var evictions: UInt64 = 0

    init(capacity: Int = 200_000) { self.capacity = capacity }

    /// The index in `table` of the key that is presented, or nil. An unknown key is not remembered, so that guessing
    /// cannot push the known ones out.
    mutating func find(_ presented: UnsafeRawBufferPointer, in table: RoutingTable) -> Int? {
        let fingerprint = self.hash.hash(presented)
        if let entry = self.known[fingerprint] {
            if entry.version == table.generation { return entry.index }
            let index = table.keyIndex(entry.digest)
            self.known[fingerprint] = Known(digest: entry.digest, index: index, version: table.generation)
            return index
        }
        let code = HMAC<SHA256>.authenticationCode(for: presented, using: table.keyPepper)
        guard let digest = KeyDigest(Array(code)), let index = table.keyIndex(digest) else { return nil }
        if self.known.count >= self.capacity {
            self.known.removeAll(keepingCapacity: true)
            self.evictions += 1
        }
        self.known[fingerprint] = Known(digest: digest, index: index, version: table.generation)
        return index
    }
}
