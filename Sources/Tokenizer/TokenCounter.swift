/// Counts the tokens of a text that comes in pieces of bytes, cut anywhere: the count is that of the whole text.
///
/// Each call does a bounded amount of work, so that an event loop may count a long prompt between other things. What is
/// kept is the piece of text under way, a word as a rule.
package struct TokenCounter: Sendable {
    private let tokenizer: Tokenizer
    private var scanner: PieceScanner
    private var encoder = PieceEncoder()
    /// Bytes not yet counted, from `start` on; before it lies what has been counted and not yet been thrown away.
    private var pending: [UInt8] = []
    private var start = 0
    /// The end of the piece under way, once it is known.
    private var end: Int?
    private var count = 0
    /// Whether the piece under way is too long for a token, so that it is being encoded while it grows.
    private var isEncoding = false

    package init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        self.scanner = PieceScanner(tokenizer.grammar, tokenizer.classes)
    }

    /// Takes the next bytes of the text and counts what can be counted. The work is proportional to the bytes given; 8 kB
    /// take well under a millisecond. In rare texts some of it is put off to the next call.
    package mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.pending.append(contentsOf: bytes)
        var work = 4 * bytes.count + 1024
        _ = self.advance(isWhole: false, work: &work)
    }

    /// Takes the next bytes of the text.
    package mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { self.add($0) } }

    /// How many tokens the text is: nothing more comes. The work is proportional to what had to wait, which is little as a
    /// rule; `settle` bounds it.
    package mutating func finish() -> Int {
        var work = Int.max
        _ = self.advance(isWhole: true, work: &work)
        return self.count
    }

    /// The same in bounded steps: nil if there is still work to do. `work` is about a byte scanned or a token tried. No
    /// bytes may be added after the first call.
    package mutating func settle(work: Int) -> Int? {
        var work = work
        return self.advance(isWhole: true, work: &work) ? self.count : nil
    }
}

extension TokenCounter {
    /// Counts pieces until the bytes or the work are used up; true if everything there is has been counted.
    private mutating func advance(isWhole: Bool, work: inout Int) -> Bool {
        let pending = self.pending
        let isDone = pending.withUnsafeBufferPointer { text -> Bool in
            guard let bytes = text.baseAddress else { return true }
            while work > 0 {
                if self.end == nil { self.end = self.scan(bytes, text.count, isWhole: isWhole, work: &work) }
                guard let end = self.end else {
                    let isDone = isWhole && self.start == text.count
                    if !isDone { self.encodeCertain(bytes, text.count, work: &work) }
                    return isDone
                }
                guard self.countPiece(bytes, end, text.count, work: &work) else { return false }
            }
            return false
        }
        self.throwAway()
        return isDone
    }

    private mutating func scan(
        _ bytes: UnsafePointer<UInt8>,
        _ count: Int,
        isWhole: Bool,
        work: inout Int
    ) -> Int? {
        let before = self.scanner.position
        let reach = min(count, before &+ min(work, count))
        let end = self.scanner.next(in: bytes, reach, isWhole: isWhole && reach == count)
        work -= max(1, (end ?? self.scanner.position) - before)
        return end
    }

    /// Returns false if the work was used up before the piece's end.
    private mutating func countPiece(
        _ bytes: UnsafePointer<UInt8>,
        _ end: Int,
        _ count: Int,
        work: inout Int
    ) -> Bool {
        let piece = bytes + self.start
        let length = end - self.start
        let index = self.tokenizer.index
        if !self.isEncoding, index.find(piece, length, readable: count - self.start) != nil {
            self.count += 1
        } else if self.isEncoding || !PieceMerger.forEachToken(index, piece, length, { _ in self.count += 1 }) {
            self.isEncoding = true
            guard self.encode(bytes, length, count, isWhole: true, work: &work) else { return false }
            self.count += self.encoder.ranks.count
            self.encoder.reset()
            self.isEncoding = false
        }
        self.start = end
        self.end = nil
        return true
    }

    /// Begins to encode a piece that can no longer be one token.
    private mutating func encodeCertain(_ bytes: UnsafePointer<UInt8>, _ count: Int, work: inout Int) {
        let length = self.scanner.certain - self.start
        guard self.isEncoding || length > self.tokenizer.index.longest else { return }
        self.isEncoding = true
        _ = self.encode(bytes, length, count, isWhole: false, work: &work)
    }

    private mutating func encode(
        _ bytes: UnsafePointer<UInt8>,
        _ length: Int,
        _ count: Int,
        isWhole: Bool,
        work: inout Int
    ) -> Bool {
        self.encoder.advance(
            self.tokenizer.index,
            bytes + self.start,
            length,
            readable: count - self.start,
            isWhole: isWhole,
            work: &work
        )
    }

    /// Drops the bytes that have been counted when they are most of what is kept, so that each byte is moved once.
    private mutating func throwAway() {
        guard self.start > 0, self.start >= self.pending.count / 2 else { return }
        self.pending.removeSubrange(..<self.start)
        self.scanner.forget(self.start)
        self.end? -= self.start
        self.start = 0
    }
}
