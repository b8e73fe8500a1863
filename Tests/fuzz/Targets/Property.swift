import Glibc

/// Ends the run when what must hold does not; libFuzzer then keeps the input.
func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
    guard !holds else { return }
    let line = Array("PROPERTY BROKEN: \(what())\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    abort()
}

/// An input of which the first bytes say how the rest is split: small pieces find most, so sizes are mostly small.
struct SplitInput {
    let bytes: [UInt8]
    private let sizes: [UInt8]

    /// Takes `count` bytes off the input for itself.
    init(_ input: [UInt8], sizes count: Int = 4) {
        self.sizes = Array(input.prefix(count))
        self.bytes = Array(input.dropFirst(count))
    }

    var pieces: [[UInt8]] { self.pieces(of: self.bytes) }

    /// Another text, or a part of this one, split as the input says.
    func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let size = self.sizes.isEmpty ? 1 : Int(self.sizes[pieces.count % self.sizes.count])
            let end = min(bytes.count, start + 1 + (size < 224 ? size % 16 : size))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }

    /// The first place of `needle` from `start` on.
    func place(of needle: [UInt8], from start: Int = 0) -> Int? {
        guard !needle.isEmpty, self.count >= needle.count, start <= self.count - needle.count else { return nil }
        return (start...(self.count - needle.count)).first { self[$0..<$0 + needle.count].elementsEqual(needle) }
    }

    func lowercasedASCII() -> [UInt8] { self.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 } }

    func trimmed() -> [UInt8] {
        let rest = self.drop { $0 == 0x20 || $0 == 0x09 }
        return Array(rest.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed())
    }
}
