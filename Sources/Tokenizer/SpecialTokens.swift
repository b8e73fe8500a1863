/// The special tokens of a vocabulary and where their names are in a text.
struct SpecialTokens: Sendable {
    struct Found {
        let name: String
        let id: UInt32
        let range: Range<Int>
    }

    private let names: [UInt32: String]
    /// In the order of their bytes, so that those with the same start are beside one another.
    private let sorted: [(name: [UInt8], id: UInt32)]
    private let isFirstByte: [Bool]

    init(_ tokens: [(id: UInt32, name: String)]) {
        self.names = Dictionary(tokens, uniquingKeysWith: { first, _ in first })
        self.sorted = tokens.map { (Array($0.name.utf8), $0.id) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        var isFirstByte = [Bool](repeating: false, count: 256)
        for (name, _) in self.sorted { isFirstByte[Int(name[0])] = true }
        self.isFirstByte = isFirstByte
    }

    func name(of id: UInt32) -> String? { self.names[id] }

    /// The first name in the text, of several at one place the longest. No name contains much of another's start, so hardly
    /// a byte is looked at twice.
    func first(in text: Slice<UnsafeBufferPointer<UInt8>>) -> Found? {
        for start in text.indices where self.isFirstByte[Int(text[start])] {
            if let found = self.longest(in: text[start...]) { return found }
        }
        return nil
    }

    private func longest(in text: Slice<UnsafeBufferPointer<UInt8>>) -> Found? {
        // Those that begin as the text does, as far as it has been looked at.
        var candidates = self.sorted.indices
        var found: Found?
        for (depth, byte) in text.enumerated() {
            candidates = self.narrowed(candidates, depth, byte)
            guard let first = candidates.first else { break }
            let (name, id) = self.sorted[first]
            if name.count == depth + 1, let name = self.names[id] {
                found = Found(name: name, id: id, range: text.startIndex..<(text.startIndex + depth + 1))
            }
        }
        return found
    }

    private func narrowed(_ range: Range<Int>, _ depth: Int, _ byte: UInt8) -> Range<Int> {
        // A name that ends before `depth` comes first.
        let lower = self.first(in: range) { $0.count > depth && $0[depth] >= byte }
        return lower..<self.first(in: lower..<range.upperBound) { $0[depth] > byte }
    }

    /// The first of a range that fulfils a condition that all behind it fulfil, too.
    private func first(in range: Range<Int>, where condition: ([UInt8]) -> Bool) -> Int {
        var range = range
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = condition(self.sorted[middle].name) ? range.lowerBound..<middle : (middle + 1)..<range.upperBound
        }
        return range.lowerBound
    }
}
