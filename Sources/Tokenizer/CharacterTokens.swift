/// The units that merging begins with: bytes, and characters where they may be put together at once.
struct CharacterTokens {
    /// By scalar value up to U+FFFF, the token that the character's bytes merge into; -1 if they do not.
    private let ranks: UnsafeMutablePointer<Int32>
    private let byteRanks: UnsafeMutablePointer<Int32>
    /// A bit for each two bytes, the second the first of a character, that some token holds together with only a part of
    /// one of the two characters.
    private let crossings: UnsafeMutablePointer<UInt64>

    init() {
        self.ranks = .allocate(capacity: 1 << 16)
        self.ranks.initialize(repeating: -1, count: 1 << 16)
        self.byteRanks = .allocate(capacity: 1 << 8)
        self.byteRanks.initialize(repeating: -1, count: 1 << 8)
        self.crossings = .allocate(capacity: 1 << 10)
        self.crossings.initialize(repeating: 0, count: 1 << 10)
    }

    /// Whether each byte is a token: only then every text has tokens.
    var isComplete: Bool { !UnsafeBufferPointer(start: self.byteRanks, count: 1 << 8).contains(-1) }

    func insert(_ token: UnsafeBufferPointer<UInt8>, _ rank: UInt32, isMerged: Bool) {
        if token.count == 1 { self.byteRanks[Int(token[0])] = Int32(bitPattern: rank) }
        guard token.count > 1, token.contains(where: { $0 >= 0x80 }) else { return }
        if !Self.isWhole(token) {
            self.insertCrossings(token)
        } else if isMerged {
            if token.count == 2, token[0] >= 0xC0 {
                self.ranks[Self.slot(token[0], token[1])] = Int32(bitPattern: rank)
            }
            if token.count == 3, token[0] >= 0xE0 {
                self.ranks[Self.slot(token[0], token[1], token[2])] = Int32(bitPattern: rank)
            }
        }
    }

    private func insertCrossings(_ token: UnsafeBufferPointer<UInt8>) {
        for at in 1..<token.count where token[at] & 0xC0 != 0x80 {
            let bit = Int(token[at - 1]) << 8 | Int(token[at])
            self.crossings[bit >> 6] |= 1 << UInt64(bit & 63)
        }
    }

    /// Whether a token consists of whole characters.
    private static func isWhole(_ token: UnsafeBufferPointer<UInt8>) -> Bool {
        var missing = 0
        for byte in token {
            guard (byte & 0xC0 == 0x80) == (missing > 0) else { return false }
            missing = missing > 0 ? missing - 1 : byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3
        }
        return missing == 0
    }

    @inline(__always)
    private static func slot(_ first: UInt8, _ second: UInt8) -> Int { Int(first & 0x1F) << 6 | Int(second & 0x3F) }

    @inline(__always)
    private static func slot(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Int {
        Int(first & 0x0F) << 12 | Int(second & 0x3F) << 6 | Int(third & 0x3F)
    }
}

extension CharacterTokens {
    /// The unit at a place of a piece of `count` bytes, and how many bytes it has.
    @inline(__always)
    func unit(_ piece: UnsafePointer<UInt8>, at place: Int, _ count: Int) -> (rank: Int32, width: Int) {
        if piece[place] >= 0xC0 {
            let (rank, width) = self.character(piece + place, count &- place)
            let end = place &+ width
            if rank >= 0, place == 0 || !self.isCrossed(piece + place), end == count || !self.isCrossed(piece + end) {
                return (rank, width)
            }
        }
        return (self.byteRanks[Int(piece[place])], 1)
    }

    @inline(__always)
    private func character(_ start: UnsafePointer<UInt8>, _ count: Int) -> (rank: Int32, width: Int) {
        switch start[0] {
        case 0xE0..<0xF0 where count >= 3 && start[1] & 0xC0 == 0x80 && start[2] & 0xC0 == 0x80:
            let slot = Self.slot(start[0], start[1], start[2])
            // Below are overlong forms, which are no characters.
            return (slot < 0x800 ? -1 : self.ranks[slot], 3)
        case 0xC2..<0xE0 where count >= 2 && start[1] & 0xC0 == 0x80:
            return (self.ranks[Self.slot(start[0], start[1])], 2)
        default: return (-1, 1)
        }
    }

    /// Whether a token may reach across the border before `place` without holding both characters whole. Behind a character
    /// may also be a stray byte, which tokens hold together with a character's end.
    @inline(__always)
    private func isCrossed(_ place: UnsafePointer<UInt8>) -> Bool {
        if place[0] & 0xC0 == 0x80 { return true }
        let bit = Int(place[-1]) << 8 | Int(place[0])
        return self.crossings[bit >> 6] & (1 &<< UInt64(bit & 63)) != 0
    }
}
