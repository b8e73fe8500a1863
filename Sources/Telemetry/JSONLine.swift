import CByteScan
import GatewayModel

/// Builds JSON objects, each on a line of its own, in memory that is used again.
///
/// Everything is copied in blocks: a field costs two copies and one look for what must be escaped, some 60 instructions.
/// WHY: unsafe memory: room is made before each write, at most `roomFor`'s argument is written, and only `roomFor` grows it.
package struct JSONLine: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes written so far.
    package private(set) var count = 0
    private var isFirst = true

    package init(capacity: Int = 1024) {
        self.memory = .allocate(byteCount: capacity, alignment: 16)
        self.capacity = capacity
    }

    deinit { self.memory.deallocate() }

    /// A copy of what was written.
    package var bytes: [UInt8] { self.withBytes { [UInt8]($0) } }

    /// Lends what was written.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(start: self.memory, count: self.count))
    }

    /// Begins a line, keeping what was written before.
    package mutating func begin() {
        self.raw("{")
        self.isFirst = true
    }

    package mutating func end() { self.raw("}\n") }

    package mutating func clear() { self.count = 0 }

    package mutating func put(_ key: StaticString, _ text: StaticString) {
        self.key(key)
        self.quoted(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func put(_ key: StaticString, _ text: String) {
        self.key(key)
        self.quoted(text)
    }

    /// A key that is known only at run time.
    package mutating func put(dynamic key: String, _ text: String) {
        self.key(dynamic: key)
        self.quoted(text)
    }

    package mutating func put(dynamic key: String, _ number: UInt64) {
        self.key(dynamic: key)
        self.digits(number)
    }

    /// Bytes from a wire; what is not UTF-8 among them is replaced, so that the line can be read.
    package mutating func put(_ key: StaticString, _ text: [UInt8]) {
        self.key(key)
        text.withUnsafeBytes { self.quoted($0) }
    }

    /// A text that is `prefix` and the 32 hexadecimal digits of two words.
    package mutating func put(_ key: StaticString, prefix: StaticString, hex words: (UInt64, UInt64)) {
        self.key(key)
        self.raw("\"")
        self.raw(prefix)
        self.hex(words.0)
        self.hex(words.1)
        self.raw("\"")
    }

    package mutating func put(_ key: StaticString, _ number: UInt64) {
        self.key(key)
        self.digits(number)
    }

    package mutating func put(_ key: StaticString, _ flag: Bool) {
        self.key(key)
        self.raw(flag ? "true" : "false")
    }

    /// A value that is JSON already.
    package mutating func put(_ key: StaticString, json: [UInt8]) {
        self.key(key)
        json.withUnsafeBytes { self.copy($0) }
    }

    /// Microseconds with three decimals, from nanoseconds, as a number of milliseconds.
    package mutating func put(milliseconds key: StaticString, _ nanoseconds: UInt64) {
        self.key(key)
        self.digits(nanoseconds / 1_000_000)
        let rest = nanoseconds / 1000 % 1000
        self.raw(".")
        self.digit(rest / 100)
        self.digit(rest / 10 % 10)
        self.digit(rest % 10)
    }
}

extension JSONLine {
    /// Where the next `count` bytes go.
    @inline(__always)
    private mutating func roomFor(_ count: Int) -> UnsafeMutableRawPointer {
        if self.capacity - self.count < count { self.grow(count) }
        let place = self.memory + self.count
        self.count += count
        return place
    }

    @inline(never)
    private mutating func grow(_ count: Int) {
        let larger = max(self.capacity * 2, self.count + count)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        fresh.copyMemory(from: self.memory, byteCount: self.count)
        self.memory.deallocate()
        self.memory = fresh
        self.capacity = larger
    }

    @inline(__always)
    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        self.roomFor(bytes.count).copyMemory(from: start, byteCount: bytes.count)
    }

    @inline(__always)
    private mutating func raw(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        self.roomFor(count).copyMemory(from: text.utf8Start, byteCount: count)
    }

    @inline(__always)
    private mutating func key(_ key: StaticString) {
        self.raw(self.isFirst ? "\"" : ",\"")
        self.isFirst = false
        self.raw(key)
        self.raw("\":")
    }

    private mutating func key(dynamic key: String) {
        if !self.isFirst { self.raw(",") }
        self.isFirst = false
        self.quoted(key)
        self.raw(":")
    }

    private mutating func quoted(_ text: String) {
        var text = text
        text.withUTF8 { self.quoted(UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    private mutating func quoted(_ text: UnsafeRawBufferPointer) {
        let bytes = text.assumingMemoryBound(to: UInt8.self)
        let isPlain = byte_scan_unprintable(bytes.baseAddress, 0, bytes.count) == bytes.count
        self.raw("\"")
        if isPlain { self.copy(text) } else { self.escaped(bytes) }
        self.raw("\"")
    }

    /// What is not UTF-8 is replaced; what could end the string or the line, or move a terminal's cursor, is escaped.
    @inline(never)
    private mutating func escaped(_ bytes: UnsafeBufferPointer<UInt8>) {
        for byte in String(decoding: bytes, as: UTF8.self).utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.raw("\\")
                self.byte(byte)
            case 0..<0x20, 0x7F:
                let digits: StaticString = "0123456789abcdef"
                self.raw("\\u00")
                self.byte(digits.utf8Start[Int(byte >> 4)])
                self.byte(digits.utf8Start[Int(byte & 15)])
            default: self.byte(byte)
            }
        }
    }

    @inline(__always)
    private mutating func byte(_ byte: UInt8) { self.roomFor(1).storeBytes(of: byte, as: UInt8.self) }

    @inline(__always)
    private mutating func digit(_ digit: UInt64) { self.byte(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)) }

    private mutating func hex(_ word: UInt64) {
        let place = self.roomFor(16)
        let high = HexWord.digits(of: UInt32(truncatingIfNeeded: word >> 32))
        let low = HexWord.digits(of: UInt32(truncatingIfNeeded: word))
        place.storeBytes(of: high.bigEndian, as: UInt64.self)
        place.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    private mutating func digits(_ number: UInt64) {
        var count = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        let place = self.roomFor(count)
        rest = number
        while count > 0 {
            count -= 1
            let digit = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            place.storeBytes(of: digit, toByteOffset: count, as: UInt8.self)
            rest /= 10
        }
    }
}
