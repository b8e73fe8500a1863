import CByteScan
package import GatewayModel

/// Builds JSON objects, each on a line of its own, in memory that is used again.
///
/// Whoever writes many lines gets each key compiled in as a few stores of constants, and its value copied in words.
/// WHY: unsafe memory: room is made before each write, at most `roomFor`'s argument is written, and only `grow` moves it.
@usableFromInline
package struct JSONLine: ~Copyable {
    @usableFromInline var memory: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    /// Bytes written so far.
    @usableFromInline package private(set) var count = 0

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
    @inlinable @inline(__always)
    package mutating func begin() { self.byte(UInt8(ascii: "{")) }

    /// Ends a line, which must have a field.
    package mutating func end() {
        // The last field has left a comma.
        self.count -= 1
        self.raw("}\n")
    }

    package mutating func clear() { self.count = 0 }

    @inlinable @inline(__always)
    package mutating func put(_ key: StaticString, _ text: String) {
        self.key(key)
        self.putText(text)
    }

    /// A key that is known only at run time.
    package mutating func put(dynamic key: String, _ text: String) {
        self.key(dynamic: key)
        self.putText(text)
    }

    package mutating func put(dynamic key: String, _ number: UInt64) {
        self.key(dynamic: key)
        self.putNumber(number)
    }

    /// Bytes from a wire; what is not UTF-8 among them is replaced, so that the line can be read.
    @inlinable @inline(__always)
    package mutating func put(_ key: StaticString, _ text: [UInt8]) {
        text.withUnsafeBytes { self.put(key, $0) }
    }

    @inlinable @inline(__always)
    package mutating func put(_ key: StaticString, _ text: UnsafeRawBufferPointer) {
        self.key(key)
        self.putText(text)
    }

    @inlinable @inline(__always)
    package mutating func put(_ key: StaticString, _ number: UInt64) {
        self.key(key)
        self.putNumber(number)
    }

    @inlinable @inline(__always)
    package mutating func put(_ key: StaticString, _ flag: Bool) {
        self.key(key)
        if flag { self.raw("true,") } else { self.raw("false,") }
    }

    /// As `RecordID.description` says it.
    package mutating func put(_ key: StaticString, _ id: RecordID) {
        self.key(key)
        self.raw("\"req_")
        hex_digits(id.process, id.count, self.roomFor(32).assumingMemoryBound(to: UInt8.self))
        self.count += 32
        self.raw("\",")
    }

    /// A value that is JSON already.
    package mutating func put(_ key: StaticString, json: [UInt8]) {
        self.key(key)
        json.withUnsafeBytes { self.copy($0) }
        self.raw(",")
    }

    /// Microseconds with three decimals, from nanoseconds, as a number of milliseconds.
    @inlinable @inline(__always)
    package mutating func put(milliseconds key: StaticString, _ nanoseconds: UInt64) {
        self.key(key)
        self.putMilliseconds(nanoseconds)
    }
}

// Keys, and the pieces that values are made of: each value is followed by a comma.
extension JSONLine {
    /// Where the next `count` bytes go.
    @inlinable @inline(__always)
    mutating func roomFor(_ count: Int) -> UnsafeMutableRawPointer {
        if self.capacity - self.count < count { self.grow(count) }
        return self.memory + self.count
    }

    @usableFromInline @inline(never)
    mutating func grow(_ count: Int) {
        let larger = max(self.capacity * 2, self.count + count)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        fresh.copyMemory(from: self.memory, byteCount: self.count)
        self.memory.deallocate()
        self.memory = fresh
        self.capacity = larger
    }

    @inlinable @inline(__always)
    mutating func key(_ key: StaticString) {
        let length = key.utf8CodeUnitCount
        let place = self.roomFor(length &+ 3)
        place.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        (place + 1).copyMemory(from: key.utf8Start, byteCount: length)
        let end = UInt16(UInt8(ascii: ":")) << 8 | UInt16(UInt8(ascii: "\""))
        place.storeBytes(of: end.littleEndian, toByteOffset: 1 &+ length, as: UInt16.self)
        self.count &+= length &+ 3
    }

    private mutating func key(dynamic key: String) {
        self.putText(key)
        // In place of the comma.
        self.count -= 1
        self.byte(UInt8(ascii: ":"))
    }

    @inlinable @inline(__always)
    mutating func raw(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        self.roomFor(length).copyMemory(from: text.utf8Start, byteCount: length)
        self.count &+= length
    }

    @inlinable @inline(__always)
    mutating func byte(_ byte: UInt8) {
        self.roomFor(1).storeBytes(of: byte, as: UInt8.self)
        self.count &+= 1
    }

    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        self.roomFor(bytes.count).copyMemory(from: start, byteCount: bytes.count)
        self.count += bytes.count
    }

    @usableFromInline
    mutating func putNumber(_ number: UInt64) {
        let place = self.roomFor(DecimalNumber.room &+ 1)
        let count = DecimalNumber.write(number, to: place)
        place.storeBytes(of: UInt8(ascii: ","), toByteOffset: count, as: UInt8.self)
        self.count &+= count &+ 1
    }

    @usableFromInline
    mutating func putMilliseconds(_ nanoseconds: UInt64) {
        let place = self.roomFor(DecimalNumber.room &+ 6)
        let whole = DecimalNumber.write(nanoseconds / 1_000_000, to: place)
        // Behind a one, so that zeros are digits like any other; the point takes its place.
        _ = DecimalNumber.write(1000 + nanoseconds / 1000 % 1000, to: place + whole)
        place.storeBytes(of: UInt8(ascii: "."), toByteOffset: whole, as: UInt8.self)
        place.storeBytes(of: UInt8(ascii: ","), toByteOffset: whole &+ 4, as: UInt8.self)
        self.count &+= whole &+ 5
    }

    @usableFromInline
    mutating func putText(_ text: String) {
        text.utf8.span.withUnsafeBytes { self.putText($0) }
    }

    @usableFromInline
    mutating func putText(_ text: UnsafeRawBufferPointer) {
        let bytes = text.assumingMemoryBound(to: UInt8.self)
        // As much as a short text is copied with, its quotes and its comma.
        let place = self.roomFor(text.count &+ 19).assumingMemoryBound(to: UInt8.self)
        place[0] = UInt8(ascii: "\"")
        guard byte_scan_copy_printable(bytes.baseAddress, text.count, place + 1) != 0 else {
            return self.putEscaped(bytes)
        }
        place[text.count &+ 1] = UInt8(ascii: "\"")
        place[text.count &+ 2] = UInt8(ascii: ",")
        self.count &+= text.count &+ 3
    }

    @inline(never)
    private mutating func putEscaped(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.byte(UInt8(ascii: "\""))
        self.escape(bytes)
        self.raw("\",")
    }

    /// What is not UTF-8 is replaced; what could end the string or the line, or move a terminal's cursor, is escaped.
    private mutating func escape(_ bytes: UnsafeBufferPointer<UInt8>) {
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
}
