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

    private let index: TokenIndex
    private let ranks: UnsafeMutablePointer<Int32>
    /// For each unit what it and the next one merge into, as `Int32`: the rank, and below it the unit's number in 6 bits, so
    /// that the lowest is the one to merge first. `max` if they do not merge, or the unit is gone. Raw, because it is written
    /// one by one and searched eight at a time.
    private let merges: UnsafeMutableRawPointer
    private var left: UInt64 = 0

    private init(index: TokenIndex, memory: UnsafeMutableRawPointer) {
        self.index = index
        self.ranks = memory.bindMemory(to: Int32.self, capacity: Self.limit)
        self.merges = memory + Self.limit * MemoryLayout<Int32>.size
    }

    /// Gives the tokens of a whole piece to `body`; false, without having given any, if it has too many units.
    @inline(__always)
    static func forEachToken(
        _ index: TokenIndex,
        _ piece: UnsafePointer<UInt8>,
        _ count: Int,
        _ body: (UInt32) -> Void
    ) -> Bool {
        let size = 2 * Self.limit * MemoryLayout<Int32>.size
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: MemoryLayout<Lanes>.alignment) { memory in
            guard let base = memory.baseAddress else { return false }
            var merger = PieceMerger(index: index, memory: base)
            guard let units = merger.split(piece, count) else { return false }
            merger.merge(units)
            while merger.left != 0 {
                body(UInt32(bitPattern: merger.ranks[merger.left.trailingZeroBitCount]))
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
        self.merges.storeBytes(
            of: Lanes(repeating: .max),
            toByteOffset: last * MemoryLayout<Lanes>.size,
            as: Lanes.self
        )
        for unit in 0..<(units &- 1) { self.look(unit, unit &+ 1) }
        self.note(.max, units &- 1)
        self.left = UInt64.max &>> UInt64(64 &- units)
        while true {
            var lowest = self.row(last)
            for row in 0..<last { lowest = pointwiseMin(lowest, self.row(row)) }
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
        self.note(.max, gone)
        let next = behind & (behind &- 1)
        if next != 0 { self.look(unit, next.trailingZeroBitCount) } else { self.note(.max, unit) }
        let before = self.left & ((1 &<< UInt64(unit)) &- 1)
        if before != 0 { self.look(63 &- before.leadingZeroBitCount, unit) }
    }

    /// Notes what a unit and the one behind it merge into.
    @inline(__always)
    private func look(_ unit: Int, _ next: Int) {
        let merged = self.index.merged(UInt32(bitPattern: self.ranks[unit]), UInt32(bitPattern: self.ranks[next]))
        self.note(merged.map { Int32(bitPattern: $0) << 6 | Int32(truncatingIfNeeded: unit) } ?? .max, unit)
    }

    @inline(__always)
    private func note(_ merge: Int32, _ unit: Int) {
        self.merges.storeBytes(of: merge, toByteOffset: unit &* MemoryLayout<Int32>.size, as: Int32.self)
    }

    /// What eight units merge into.
    @inline(__always)
    private func row(_ row: Int) -> Lanes {
        self.merges.load(fromByteOffset: row &* MemoryLayout<Lanes>.size, as: Lanes.self)
    }
}
