import CByteScan
import GatewayModel

/// Builds JSON objects, each on a line of its own, in memory that is used again.
///
/// Everything is copied in blocks: a field costs two copies and, if it may have something to escape, one look for that; some
/// 40 instructions.
/// WHY: unsafe memory: room is made before each write, at most `roomFor`'s argument is written, and only `roomFor` grows it.
package struct JSONLine: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes written so far.
    package private(set) var count = 0
    /// What stands before the next field.
    private var separator = UInt8(ascii: "{")

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
    package mutating func begin() { self.separator = UInt8(ascii: "{") }

    /// Ends a line, which must have a field.
    package mutating func end() { self.raw("}\n") }

    package mutating func clear() { self.count = 0 }

    /// `text` must have nothing to escape.
    package mutating func put(_ key: StaticString, _ text: StaticString) {
        self.quoted(key, text.utf8Start, text.utf8CodeUnitCount)
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
        let digits = DecimalNumber(number)
        digits.write(to: self.roomFor(digits.count))
    }

    /// Bytes that have nothing to escape: names of resources, tokens of HTTP.
    package mutating func put(_ key: StaticString, plain text: [UInt8]) {
        text.withUnsafeBytes { self.put(key, plain: $0) }
    }

    package mutating func put(_ key: StaticString, plain text: UnsafeRawBufferPointer) {
        guard let start = text.baseAddress else { return self.put(key, "") }
        self.quoted(key, start, text.count)
    }

    /// Bytes from a wire; what is not UTF-8 among them is replaced, so that the line can be read.
    package mutating func put(_ key: StaticString, _ text: [UInt8]) {
        text.withUnsafeBytes { self.put(key, $0) }
    }

    package mutating func put(_ key: StaticString, _ text: UnsafeRawBufferPointer) {
        self.key(key)
        self.quoted(text)
    }

    /// A text that is `prefix` and the 32 hexadecimal digits of two words.
    package mutating func put(_ key: StaticString, prefix: StaticString, hex words: (UInt64, UInt64)) {
        let length = prefix.utf8CodeUnitCount
        let place = self.field(key, length + 34)
        place.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        Self.copy(prefix.utf8Start, place + 1, length)
        Self.write(hex: words.0, place + 1 + length)
        Self.write(hex: words.1, place + 17 + length)
        place.storeBytes(of: UInt8(ascii: "\""), toByteOffset: 33 + length, as: UInt8.self)
    }

    package mutating func put(_ key: StaticString, _ number: UInt64) {
        let digits = DecimalNumber(number)
        digits.write(to: self.field(key, digits.count))
    }

    package mutating func put(_ key: StaticString, _ flag: Bool) {
        let text: StaticString = flag ? "true" : "false"
        Self.copy(text.utf8Start, self.field(key, text.utf8CodeUnitCount), text.utf8CodeUnitCount)
    }

    /// A value that is JSON already.
    package mutating func put(_ key: StaticString, json: [UInt8]) {
        self.key(key)
        json.withUnsafeBytes { self.copy($0) }
    }

    /// Microseconds with three decimals, from nanoseconds, as a number of milliseconds.
    package mutating func put(milliseconds key: StaticString, _ nanoseconds: UInt64) {
        let whole = DecimalNumber(nanoseconds / 1_000_000)
        // Behind a one, so that zeros are digits like any other.
        let rest = DecimalNumber(1000 + nanoseconds / 1000 % 1000)
        let place = self.field(key, whole.count + 4)
        whole.write(to: place)
        rest.write(to: place + whole.count)
        place.storeBytes(of: UInt8(ascii: "."), toByteOffset: whole.count, as: UInt8.self)
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
        Self.copy(text.utf8Start, self.roomFor(count), count)
    }

    /// Writes a key, and says where the value's `count` bytes are to go.
    @inline(__always)
    private mutating func field(_ key: StaticString, _ count: Int) -> UnsafeMutableRawPointer {
        let length = key.utf8CodeUnitCount
        let place = self.roomFor(length &+ 4 &+ count)
        let quote = UInt16(UInt8(ascii: "\"")) << 8
        place.storeBytes(of: (quote | UInt16(self.separator)).littleEndian, as: UInt16.self)
        self.separator = UInt8(ascii: ",")
        Self.copy(key.utf8Start, place + 2, length)
        let end = UInt16(UInt8(ascii: ":")) << 8 | UInt16(UInt8(ascii: "\""))
        place.storeBytes(of: end.littleEndian, toByteOffset: 2 &+ length, as: UInt16.self)
        return place + (4 &+ length)
    }

    @inline(__always)
    private mutating func key(_ key: StaticString) { _ = self.field(key, 0) }

    private mutating func key(dynamic key: String) {
        self.byte(self.separator)
        self.separator = UInt8(ascii: ",")
        self.quoted(key)
        self.raw(":")
    }

    @inline(__always)
    private mutating func quoted(_ key: StaticString, _ start: UnsafeRawPointer, _ count: Int) {
        let place = self.field(key, count &+ 2)
        place.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        Self.copy(start, place + 1, count)
        place.storeBytes(of: UInt8(ascii: "\""), toByteOffset: 1 &+ count, as: UInt8.self)
    }

    /// Short texts without a call.
    @inline(__always)
    private static func copy(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int) {
        switch count {
        case 8...16:
            let last = (from + (count &- 8)).loadUnaligned(as: UInt64.self)
            to.storeBytes(of: from.loadUnaligned(as: UInt64.self), as: UInt64.self)
            to.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
        case 4...7:
            let last = (from + (count &- 4)).loadUnaligned(as: UInt32.self)
            to.storeBytes(of: from.loadUnaligned(as: UInt32.self), as: UInt32.self)
            to.storeBytes(of: last, toByteOffset: count &- 4, as: UInt32.self)
        default: to.copyMemory(from: from, byteCount: count)
        }
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

    private static func write(hex word: UInt64, _ place: UnsafeMutableRawPointer) {
        let high = HexWord.digits(of: UInt32(truncatingIfNeeded: word >> 32))
        let low = HexWord.digits(of: UInt32(truncatingIfNeeded: word))
        place.storeBytes(of: high.bigEndian, as: UInt64.self)
        place.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
}
