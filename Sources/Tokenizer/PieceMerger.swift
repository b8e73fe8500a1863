// A short piece is merged as byte-pair encoding is defined: the two neighbours that merge into the lowest rank, the leftmost
// first, until no two are left that merge. That is quadratic, but for a few units it is the fastest way: they stay in the
// first cache, and what is looked up are pairs that occur again and again.
//
// A character need not be put together from its bytes each time. If no token holds a part of it together with a
// neighbour, nothing can disturb its merges; and as a token's parts always have lower ranks than itself, they come before
// all merges that the whole character takes part in. Hence it may begin as one unit.

/// Merges the units of one piece. All memory is that of the caller.
struct PieceMerger {
    /// One bit each in the mask of the units that are left.
    static let limit = 64
    private typealias Lanes = SIMD8<Int32>
    private static let rows = Self.limit / 8

    private let index: TokenIndex
    private let ranks: UnsafeMutablePointer<Int32>
    /// For each unit what it and the next one merge into: the rank, and below it the unit's number in 6 bits, so that the
    /// lowest is the one to merge first. `max` if they do not merge, or the unit is gone.
    private let merges: UnsafeMutablePointer<Int32>
    /// The same memory.
    private let rows: UnsafeMutablePointer<Lanes>
    private var left: UInt64 = 0

    private init(index: TokenIndex, ranks: UnsafeMutablePointer<Int32>, merges: UnsafeMutablePointer<Lanes>) {
        self.index = index
        self.ranks = ranks
        self.rows = merges
        self.merges = UnsafeMutableRawPointer(merges).assumingMemoryBound(to: Int32.self)
    }

    /// Gives the tokens of a whole piece to `body`; false, without having given any, if it has too many units.
    @inline(__always)
    static func forEachToken(
        _ index: TokenIndex,
        _ piece: UnsafePointer<UInt8>,
        _ count: Int,
        _ body: (UInt32) -> Void
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * Self.rows) { memory in
            guard let base = memory.baseAddress else { return false }
            let ranks = UnsafeMutableRawPointer(base).assumingMemoryBound(to: Int32.self)
            var merger = PieceMerger(index: index, ranks: ranks, merges: base + Self.rows)
            guard let units = merger.split(piece, count) else { return false }
            merger.merge(units)
            while merger.left != 0 {
                body(UInt32(bitPattern: ranks[merger.left.trailingZeroBitCount]))
                merger.left &= merger.left &- 1
            }
            return true
        }
    }

    /// How many units the piece has, or nil if too many.
    @inline(__always)
    private func split(_ piece: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        var place = 0
        var units = 0
        while place < count {
            guard units < Self.limit else { return nil }
            let (rank, width) = self.index.characters.unit(piece, at: place, count)
            self.ranks[units] = rank
            units &+= 1
            place &+= width
        }
        return units
    }

    @inline(__always)
    private mutating func merge(_ units: Int) {
        guard units > 0 else { return }
        let last = (units &- 1) / 8
        self.rows[last] = Lanes(repeating: .max)
        for unit in 0..<(units &- 1) { self.look(unit, unit &+ 1) }
        self.merges[units &- 1] = .max
        self.left = UInt64.max &>> UInt64(64 &- units)
        while true {
            var lowest = self.rows[last]
            for row in 0..<last { lowest = pointwiseMin(lowest, self.rows[row]) }
            let best = lowest.min()
            guard best != .max else { return }
            self.take(best)
        }
    }

    @inline(__always)
    private mutating func take(_ best: Int32) {
        let unit = Int(best & 63)
        self.ranks[unit] = best >> 6
        let behind = self.left & ~((2 &<< UInt64(unit)) &- 1)
        let gone = behind.trailingZeroBitCount
        self.left &= ~(1 &<< UInt64(gone))
        self.merges[gone] = .max
        let next = behind & (behind &- 1)
        if next != 0 { self.look(unit, next.trailingZeroBitCount) } else { self.merges[unit] = .max }
        let before = self.left & ((1 &<< UInt64(unit)) &- 1)
        if before != 0 { self.look(63 &- before.leadingZeroBitCount, unit) }
    }

    /// Notes what a unit and the one behind it merge into.
    @inline(__always)
    private func look(_ unit: Int, _ next: Int) {
        let merged = self.index.merged(UInt32(bitPattern: self.ranks[unit]), UInt32(bitPattern: self.ranks[next]))
        self.merges[unit] = merged.map { Int32(bitPattern: $0) << 6 | Int32(truncatingIfNeeded: unit) } ?? .max
    }
}
