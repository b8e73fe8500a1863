import Glibc

/// Values that each have a line of the processor's cache for themselves, in large pages where there are many: whoever reads one of a
/// hundred thousand waits for memory once. The elements of an array of that size begin anywhere, many lie on two lines, and small
/// pages are so many that the processor has forgotten where most of them are.
///
/// WHY: unsafe memory: it belongs to this object alone, and places are checked, as an array would.
final class CacheLines<Element: BitwiseCopyable> {
    let count: Int
    private let memory: UnsafeMutableRawPointer
    /// What was asked for, `memory` being the first large page within it.
    private let mapping: UnsafeMutableRawBufferPointer
    private static var lineBytes: Int { 64 }
    private static var largePageBytes: Int { 2 << 20 }

    /// As many copies of `element`, which takes no more than 64 bytes.
    init(repeating element: Element, count: Int) {
        precondition(MemoryLayout<Element>.size <= Self.lineBytes, "an element is larger than a line")
        self.count = count
        let bytes = count * Self.lineBytes
        let isLarge = bytes >= Self.largePageBytes
        self.mapping = Self.map(isLarge ? bytes + Self.largePageBytes : bytes)
        let start = self.mapping.baseAddress!
        self.memory = isLarge ? start.alignedUp(toMultipleOf: Self.largePageBytes) : start
        for place in 0..<count { self[place] = element }
    }

    deinit { munmap(self.mapping.baseAddress, self.mapping.count) }

    /// Fresh memory: what the heap gives again may lie on small pages already. Many elements have room to begin at a large page.
    private static func map(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
        let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        // WHY: fatal: as any array is that finds no memory, among them the ring's digests, which grow with its slots.
        guard let start, start != MAP_FAILED else { fatalError("no memory for \(bytes) bytes") }
        // Where the kernel has no large pages to give, or is told not to, it takes small ones.
        if bytes > Self.largePageBytes { madvise(start, bytes, MADV_HUGEPAGE) }
        return UnsafeMutableRawBufferPointer(start: start, count: bytes)
    }

    subscript(place: Int) -> Element {
        @inline(__always) get { self.line(place).load(as: Element.self) }
        @inline(__always) set { self.line(place).storeBytes(of: newValue, as: Element.self) }
    }

    @inline(__always)
    private func line(_ place: Int) -> UnsafeMutableRawPointer {
        precondition(place >= 0 && place < self.count, "there is no such line")
        return self.memory + place * Self.lineBytes
    }
}
