/// The tokens of a piece under way. It grows without being moved, so that none of many small steps takes long.
struct RankStack {
    private var full: [[UInt32]] = []
    private var top: [UInt32] = []

    private static let chunk = 4096

    var count: Int { self.full.count * Self.chunk + self.top.count }

    @inline(__always)
    var last: UInt32? { self.top.last }

    @inline(__always)
    mutating func push(_ rank: UInt32) {
        if self.top.count == Self.chunk { self.beginChunk() }
        self.top.append(rank)
    }

    @inline(never)
    private mutating func beginChunk() {
        self.full.append(self.top)
        self.top = []
        self.top.reserveCapacity(Self.chunk)
    }

    mutating func pop() -> UInt32? {
        let rank = self.top.popLast()
        if self.top.isEmpty, let below = self.full.popLast() { self.top = below }
        return rank
    }

    mutating func removeAll() {
        self.full.removeAll()
        self.top.removeAll(keepingCapacity: true)
    }

    @inline(__always)
    func forEachRank(_ body: (UInt32) -> Void) {
        for chunk in self.full { chunk.forEach(body) }
        self.top.forEach(body)
    }
}
