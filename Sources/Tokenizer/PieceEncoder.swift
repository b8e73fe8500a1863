// Byte-pair encoding merges the pair of neighbours with the lowest rank, the leftmost first, until no pair is left that
// merges. `PieceMerger` does so with short pieces, but that is quadratic. The result of a long piece, or one that is still
// growing, is found from the left instead: tokens stand for a text exactly if every two neighbours may stand beside each
// other, and there is only one such sequence. So the longest token is tried first, then shorter ones, and if none fits, the
// token before is taken back. A place where nothing fitted is never tried again; hence the time is linear in the length of
// the piece.

/// Encodes one long piece, which may still be growing.
struct PieceEncoder {
    private(set) var ranks = RankStack()
    /// How many bytes `ranks` stand for.
    private var position = 0
    /// Tokens at `position` must be shorter than this: the longer ones have been tried.
    private var limit = Int.max
    /// A bit for each place that no sequence leads on from.
    private var dead: [UInt64] = [0]

    /// Forgets the piece; keeps the memory.
    @inline(__always)
    mutating func reset() {
        self.ranks.removeAll()
        for word in 0...min(self.position >> 6, self.dead.count &- 1) { self.dead[word] = 0 }
        self.position = 0
        self.limit = .max
    }

    /// Goes on with a piece of which `count` bytes are known, until its end or until `work` is used up: one for each
    /// token that is tried. If the piece is not whole, it stops where a longer token could follow. Returns whether it
    /// came to the end of the whole piece.
    mutating func advance(
        _ index: TokenIndex,
        _ start: UnsafePointer<UInt8>,
        _ count: Int,
        readable: Int,
        isWhole: Bool,
        work: inout Int
    ) -> Bool {
        while self.position < count {
            guard isWhole || count &- self.position >= index.longest, work > 0 else { return false }
            work &-= 1
            if self.repeatsLast(index, start, count) { continue }
            let rest = start + self.position
            if let rank = index.longestToken(
                rest,
                count &- self.position,
                readable: readable &- self.position,
                below: self.limit
            ) {
                self.tryToken(rank, index)
            } else {
                self.takeBack(index)
            }
        }
        return isWhole
    }

    /// Encodes a whole piece.
    mutating func encode(_ index: TokenIndex, _ start: UnsafePointer<UInt8>, _ count: Int, readable: Int) {
        var work = Int.max
        _ = self.advance(index, start, count, readable: readable, isWhole: true, work: &work)
    }

    /// Takes the token before once more, if the text repeats it and it may stand beside itself. As there is only one
    /// result, the order of trying is free, and in a run of spaces this spares trying all their numbers everywhere.
    @inline(__always)
    private mutating func repeatsLast(_ index: TokenIndex, _ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard self.limit == .max, let last = self.ranks.last else { return false }
        let length = index.length(of: last)
        let end = self.position &+ length
        guard end <= count, start[self.position] == start[self.position &- length], !self.isDead(end) else {
            return false
        }
        for at in self.position..<end where start[at] != start[at &- length] { return false }
        guard index.mayStandBeside(last, last) else { return false }
        self.ranks.push(last)
        self.position = end
        return true
    }

    @inline(__always)
    private mutating func tryToken(_ rank: UInt32, _ index: TokenIndex) {
        let length = index.length(of: rank)
        let end = self.position &+ length
        guard !self.isDead(end), self.ranks.last.map({ index.mayStandBeside($0, rank) }) ?? true else {
            self.limit = length
            return
        }
        self.ranks.push(rank)
        self.position = end
        self.limit = .max
    }

    /// No token fits at `position`.
    private mutating func takeBack(_ index: TokenIndex) {
        guard let last = self.ranks.pop() else { preconditionFailure("a byte is not a token of the vocabulary") }
        while self.dead.count <= self.position >> 6 { self.dead.append(0) }
        self.dead[self.position >> 6] |= 1 << UInt64(self.position & 63)
        let length = index.length(of: last)
        self.position -= length
        // A repeated token was tried out of turn, so the longer ones may be still to try.
        self.limit = self.ranks.last == last ? .max : length
    }

    @inline(__always)
    private func isDead(_ place: Int) -> Bool {
        place >> 6 < self.dead.count && self.dead[place >> 6] & (1 << UInt64(place & 63)) != 0
    }
}
