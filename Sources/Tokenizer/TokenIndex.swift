internal import CTokenizerTables

/// A vocabulary ready for use: its tokens by their bytes, and which two tokens merge into which. Tokens are named by rank,
/// their place in the order of merging.
///
/// The bytes stay in the binary; the indexes beside them (3 to 11 MB) are built when a vocabulary is first used and never
/// freed. Reading needs no lock.
final class TokenIndex: @unchecked Sendable {
    // WHY: unchecked: everything is written in `init` only.
    let count: Int
    private let lengths: UnsafePointer<UInt16>
    private let bytes: UnsafePointer<UInt8>
    private let offsets: UnsafeMutablePointer<UInt32>
    /// The parts of each token; a single byte is its own.
    private let lefts: UnsafeRawPointer
    private let rights: UnsafeRawPointer
    let longest: Int

    private let short: ShortTokens
    private let long: LongTokens
    private let pairs: TokenPairs
    let characters = CharacterTokens()
    /// By the first three bytes: a bit for each length up to 12 that tokens with these bytes have; bit 0 for longer ones.
    private let lengthMasks: UnsafeMutablePointer<UInt16>

    init(_ table: tokenizer_table) {
        guard let start = table.bytes, table.count >= 8 else { preconditionFailure("the vocabulary's table is empty") }
        let raw = UnsafeRawPointer(start)
        self.count = Int(raw.loadUnaligned(as: UInt32.self))
        let size = Int(raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        precondition(table.count >= 12 + 10 * self.count + size, "the vocabulary's table is cut off")
        self.lengths = (raw + 8).assumingMemoryBound(to: UInt16.self)
        self.lefts = raw + 8 + 2 * self.count
        self.rights = self.lefts + 4 * self.count
        self.bytes = (self.rights + 4 * self.count).assumingMemoryBound(to: UInt8.self)
        self.offsets = .allocate(capacity: self.count + 1)
        self.lengthMasks = .allocate(capacity: 1 << Self.maskBits)
        self.lengthMasks.initialize(repeating: 0, count: 1 << Self.maskBits)
        var offset: UInt32 = 0
        var longest = 0
        var longOnes = 0
        for rank in 0..<self.count {
            let length = Int(self.lengths[rank])
            self.offsets[rank] = offset
            offset += UInt32(length)
            longest = max(longest, length)
            if length > TokenKey.longest { longOnes += 1 }
        }
        precondition(self.count < 1 << 21 && longest < 1 << 11, "the vocabulary is too large for its index")
        self.offsets[self.count] = offset
        self.longest = longest
        self.short = ShortTokens(self.count)
        self.pairs = TokenPairs(self.count)
        self.long = LongTokens(longOnes)
        self.fillTokens()
        precondition(self.characters.isComplete, "the vocabulary lacks a byte")
        self.fillPairs()
    }

    /// The special tokens, which lie behind the bytes of the others.
    func specialTokens() -> [(id: UInt32, name: String)] {
        var at = UnsafeRawPointer(self.bytes + Int(self.offsets[self.count]))
        let count = at.loadUnaligned(as: UInt32.self)
        at += 4
        return (0..<count).map { _ in
            let id = at.loadUnaligned(as: UInt32.self)
            let length = Int(at.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
            let name = UnsafeRawBufferPointer(start: at + 6, count: length)
            at += 6 + length
            return (id, String(decoding: name, as: UTF8.self))
        }
    }

    func length(of rank: UInt32) -> Int { Int(self.lengths[Int(rank)]) }

    @inline(__always)
    private func left(of rank: UInt32) -> UInt32 {
        self.lefts.loadUnaligned(fromByteOffset: Int(rank) &* 4, as: UInt32.self)
    }

    @inline(__always)
    private func right(of rank: UInt32) -> UInt32 {
        self.rights.loadUnaligned(fromByteOffset: Int(rank) &* 4, as: UInt32.self)
    }

    /// The bytes of a token, which stay where they are for ever.
    func bytes(of rank: UInt32) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: self.bytes + Int(self.offsets[Int(rank)]), count: self.length(of: rank))
    }
}

extension TokenIndex {
    private static let maskBits = 17

    private static func maskSlot(_ low: UInt64) -> Int {
        Int(truncatingIfNeeded: ((low & 0xFF_FFFF) &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - Self.maskBits))
    }

    private func fillTokens() {
        var long: [UInt32] = []
        for rank in 0..<UInt32(self.count) {
            self.prefetchSlot(of: rank &+ 16)
            let token = self.bytes(of: rank)
            guard let start = token.baseAddress, token.count > 0 else { continue }
            self.characters.insert(token, rank, isMerged: self.left(of: rank) != rank)
            let key = self.key(of: rank, start)
            self.lengthMasks[Self.maskSlot(key.low)] |= token.count <= TokenKey.longest ? 1 << UInt16(token.count) : 1
            if token.count <= TokenKey.longest {
                self.short.insert(key.prefix(token.count), rank)
            } else {
                long.append(rank)
            }
        }
        for rank in long.sorted(by: { self.lengths[Int($0)] > self.lengths[Int($1)] }) {
            let token = self.bytes(of: rank)
            guard let start = token.baseAddress else { continue }
            self.long.insert(self.key(of: rank, start).prefix(token.count), token.count, rank)
        }
    }

    private func prefetchSlot(of rank: UInt32) {
        guard rank < self.count else { return }
        let token = self.bytes(of: rank)
        guard let start = token.baseAddress, token.count <= TokenKey.longest else { return }
        self.short.prefetch(self.key(of: rank, start).prefix(token.count))
    }

    /// More than the token may be read, since other tokens follow.
    private func key(of rank: UInt32, _ start: UnsafePointer<UInt8>) -> TokenKey {
        TokenKey(start, readable: self.bytes + Int(self.offsets[self.count]) - start)
    }

    private func fillPairs() {
        for rank in 0..<UInt32(self.count) {
            let next = min(rank &+ 16, UInt32(self.count &- 1))
            self.pairs.prefetch(self.left(of: next), self.right(of: next))
            let (left, right) = (self.left(of: rank), self.right(of: rank))
            if left != rank { self.pairs.insert(left, right, rank) }
        }
    }
}

extension TokenIndex {
    /// The token of these very bytes. `readable` is how many may be read from `start`, at least `count`.
    @inline(__always)
    func find(_ start: UnsafePointer<UInt8>, _ count: Int, readable: Int) -> UInt32? {
        let key = TokenKey(start, readable: readable)
        if count <= TokenKey.longest { return self.short.find(key.prefix(count)) }
        return self.findLong(key, start, count)
    }

    /// Begins to load what `find` will look at, if that is likely to be far away.
    @inline(__always)
    func prefetch(_ start: UnsafePointer<UInt8>, _ count: Int, readable: Int) {
        if count <= TokenKey.longest { self.short.prefetch(TokenKey(start, readable: readable).prefix(count)) }
    }

    /// What two tokens merge into, or nil.
    @inline(__always)
    func merged(_ left: UInt32, _ right: UInt32) -> UInt32? { self.pairs.find(left, right) }

    @inline(never)
    private func findLong(_ key: TokenKey, _ start: UnsafePointer<UInt8>, _ count: Int) -> UInt32? {
        self.long.first(key.prefix(count)) { length, rank in length == count && self.matches(rank, start, count) }
    }

    private func matches(_ rank: UInt32, _ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let token = self.bytes(of: rank)
        guard token.count <= count, let other = token.baseAddress else { return false }
        for at in 0..<token.count where start[at] != other[at] { return false }
        return true
    }

    /// The longest token that the `count` bytes at `start` begin with and that is shorter than `limit`; nil if there is
    /// none. The cost is that of a look-up for each length that tokens with the same first three bytes have.
    @inline(__always)
    func longestToken(_ start: UnsafePointer<UInt8>, _ count: Int, readable: Int, below limit: Int) -> UInt32? {
        let key = TokenKey(start, readable: readable)
        var mask: UInt16 = count >= 3 ? self.lengthMasks[Self.maskSlot(key.low)] | 0b110 : 0b110
        if mask & 1 != 0, limit > TokenKey.longest + 1, count > TokenKey.longest {
            if let rank = self.longestLong(key, start, count, below: limit) { return rank }
        }
        let most = min(count, limit &- 1, TokenKey.longest)
        mask &= ((2 << UInt16(truncatingIfNeeded: most)) &- 1) & ~1
        while mask != 0 {
            let length = 15 &- mask.leadingZeroBitCount
            if let rank = self.short.find(key.prefix(length)) { return rank }
            mask &= ~(1 << UInt16(truncatingIfNeeded: length))
        }
        return nil
    }

    @inline(never)
    private func longestLong(
        _ key: TokenKey,
        _ start: UnsafePointer<UInt8>,
        _ count: Int,
        below limit: Int
    ) -> UInt32? {
        self.long.first(key.prefix(count)) { length, rank in length < limit && self.matches(rank, start, count) }
    }

    /// Whether merging by rank leaves these two tokens beside each other, rather than merging across their border.
    ///
    /// The merges that made both are undone, the newest first: as long as no pair at the border would have merged before
    /// the merge that is undone, the border was never crossed. (The idea is that of GitHub's Rust crate `bpe`.)
    @inline(__always)
    func mayStandBeside(_ first: UInt32, _ second: UInt32) -> Bool {
        var left = first
        var right = second
        var limit = UInt32.max
        while true {
            if let merged = self.pairs.find(left, right), merged < limit { return false }
            if left > right {
                limit = left
                left = self.right(of: left)
                if left == limit {
                    limit = right &+ 1
                    right = self.left(of: right)
                    if right &+ 1 == limit { return true }
                }
            } else {
                limit = right &+ 1
                right = self.left(of: right)
                if right &+ 1 == limit {
                    limit = left
                    left = self.right(of: left)
                    if left == limit { return true }
                }
            }
        }
    }
}
