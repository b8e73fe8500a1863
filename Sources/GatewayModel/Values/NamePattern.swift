/// A name or a glob over names: `*` stands for any run of characters, everything else for itself.
///
/// Exact names win over patterns, and patterns with more literal characters over those with fewer (`specificity`).
package struct NamePattern: Sendable, Hashable, CustomStringConvertible {
    private let bytes: [UInt8]
    /// Bytes before the first `*`.
    private let literalCount: Int

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
        self.literalCount = self.bytes.firstIndex(of: UInt8(ascii: "*")) ?? self.bytes.count
    }

    /// The pattern as it was written.
    package var text: String { String(decoding: self.bytes, as: UTF8.self) }

    package static let any = NamePattern("*")

    package var isExact: Bool { !self.bytes.contains(UInt8(ascii: "*")) }

    /// Orders patterns that match the same name: the larger wins. An exact name beats every pattern.
    package var specificity: Int {
        self.isExact ? Int.max : self.bytes.count(where: { $0 != UInt8(ascii: "*") })
    }

    package var description: String { self.text }

    package func matches(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { self.matches(UnsafeRawBufferPointer($0)) }
    }

    /// Whether `name` fits, in time linear in its length for one `*` and never worse than length × stars:
    /// only the last `*` is ever retried, because an earlier one can always give way to it.
    package func matches(_ name: UnsafeRawBufferPointer) -> Bool {
        let count = self.literalCount
        guard name.count >= count else { return false }
        for index in 0..<count where self.bytes[index] != name[index] { return false }
        // The usual patterns end here: a whole name, or a beginning with one star behind it.
        if count == self.bytes.count { return name.count == count }
        if count + 1 == self.bytes.count { return true }
        return self.matchesRest(name)
    }

    private func matchesRest(_ name: UnsafeRawBufferPointer) -> Bool {
        var pattern = self.literalCount
        var text = self.literalCount
        var star = -1
        var retry = 0
        while text < name.count {
            if pattern < self.bytes.count, self.bytes[pattern] == UInt8(ascii: "*") {
                star = pattern
                retry = text
                pattern += 1
            } else if pattern < self.bytes.count, self.bytes[pattern] == name[text] {
                pattern += 1
                text += 1
            } else if star >= 0 {
                pattern = star + 1
                retry += 1
                text = retry
            } else {
                return false
            }
        }
        while pattern < self.bytes.count, self.bytes[pattern] == UInt8(ascii: "*") { pattern += 1 }
        return pattern == self.bytes.count
    }
}
