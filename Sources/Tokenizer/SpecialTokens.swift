/// The special tokens of a vocabulary and where their names are in a text.
struct SpecialTokens: Sendable {
    struct Found {
        let name: String
        let id: UInt32
        let range: Range<Int>
    }

    private let names: [UInt32: String]
    /// A tree of the names' bytes: from a node (0 is the root) and a byte to the next node.
    private var edges: [Edge: Int] = [:]
    /// The token whose name ends at a node.
    private var ends: [Int: UInt32] = [:]
    private var firstBytes: Set<UInt8> = []

    private struct Edge: Hashable {
        let node: Int
        let byte: UInt8
    }

    init(_ tokens: [(id: UInt32, name: String)]) {
        self.names = Dictionary(tokens, uniquingKeysWith: { first, _ in first })
        for token in tokens { self.add(Array(token.name.utf8), token.id) }
    }

    private mutating func add(_ name: [UInt8], _ id: UInt32) {
        if let first = name.first { self.firstBytes.insert(first) }
        var node = 0
        for byte in name {
            let edge = Edge(node: node, byte: byte)
            node = self.edges[edge] ?? self.edges.count + 1
            self.edges[edge] = node
        }
        self.ends[node] = id
    }

    func name(of id: UInt32) -> String? { self.names[id] }

    /// The first name in the text, of several at one place the longest. No name contains much of another's start, so hardly
    /// a byte is looked at twice.
    func first(in text: Slice<UnsafeBufferPointer<UInt8>>) -> Found? {
        for start in text.indices where self.firstBytes.contains(text[start]) {
            if let found = self.longest(in: text[start...]) { return found }
        }
        return nil
    }

    private func longest(in text: Slice<UnsafeBufferPointer<UInt8>>) -> Found? {
        var node = 0
        var found: Found?
        for at in text.indices {
            guard let next = self.edges[Edge(node: node, byte: text[at])] else { break }
            node = next
            if let id = self.ends[node], let name = self.names[id] {
                found = Found(name: name, id: id, range: text.startIndex..<(at + 1))
            }
        }
        return found
    }
}
