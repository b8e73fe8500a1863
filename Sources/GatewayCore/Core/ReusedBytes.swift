import HTTPWire

/// A few bytes in memory that is used again for the next request: an array would be asked at every change whether others
/// share it, and counted whenever it is looked at.
///
/// WHY: unsafe memory: it belongs to this value alone, which cannot be copied.
struct ReusedBytes: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0
    /// Memory beyond this is given back when it is cleared: a connection at rest keeps little.
    private static let keptBytes = 1024

    /// Takes no memory until there are bytes.
    init() {}

    deinit { self.memory?.deallocate() }

    var isEmpty: Bool { self.count == 0 }

    /// The bytes, until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.memory, count: self.count) }

    /// A copy.
    var array: [UInt8] { Array(self.bytes) }

    /// A copy, repaired where it is not UTF-8.
    var text: String { String(decoding: self.bytes, as: UTF8.self) }

    /// Forgets the bytes.
    @inline(__always)
    mutating func clear() {
        self.count = 0
        if self.capacity > Self.keptBytes { self.giveBack() }
    }

    private mutating func giveBack() {
        self.memory?.deallocate()
        (self.memory, self.capacity) = (nil, 0)
    }

    /// Holds a copy of `bytes` from now on, which may not be its own.
    mutating func set(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > self.capacity { self.makeRoom(bytes.count) }
        self.count = bytes.count
        guard let start = bytes.baseAddress, let memory = self.memory else { return }
        memory.copyMemory(from: start, byteCount: bytes.count)
    }

    mutating func set(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.set($0) } }

    /// Holds a copy of what stands at `range`.
    mutating func set(_ bytes: borrowing Span<UInt8>, _ range: ByteRange) {
        bytes.extracting(range.lower..<range.upper).withUnsafeBytes { self.set($0) }
    }

    /// The old bytes are not kept.
    private mutating func makeRoom(_ count: Int) {
        self.giveBack()
        // Names and paths come in a few lengths: most fit at the second try at the latest.
        self.capacity = (count + 31) & ~31
        self.memory = .allocate(byteCount: self.capacity, alignment: 16)
    }
}
