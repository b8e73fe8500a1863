import CByteScan
import GatewayModel
import NIOCore

/// Writes the many small pieces of a message into memory that was reserved once, instead of asking the buffer for room and
/// uniqueness at each of about sixty pieces.
///
/// WHY: unsafe memory: every write checks the room that is left and traps beyond it, as an array would.
struct ByteWriter: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    private init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    /// Appends to `out` what `body` writes, at most `limit` bytes. Some more room is reserved, since a number stores
    /// whole words.
    @inline(__always)
    static func append(to out: inout ByteBuffer, atMost limit: Int, _ body: (inout ByteWriter) -> Void) {
        _ = out.writeWithUnsafeMutableBytes(minimumWritableBytes: limit + DecimalNumber.room) { memory in
            var writer = ByteWriter(memory)
            body(&writer)
            return writer.count
        }
    }

    /// Where the next bytes go, at most `count`.
    @inline(__always)
    private func place(_ count: Int) -> UnsafeMutableRawPointer {
        precondition(count <= self.memory.count - self.count, "a message is longer than the room reserved for it")
        return self.memory.baseAddress! + self.count
    }

    @inline(__always)
    private mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
        let place = self.place(count)
        self.count += count
        return place
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        self.take(count).copyMemory(from: text.utf8Start, byteCount: count)
    }

    @inline(__always)
    mutating func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.write($0) }
    }

    @inline(__always)
    mutating func write(_ bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBytes { self.write($0) }
    }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        self.take(bytes.count).copyMemory(from: start, byteCount: bytes.count)
    }

    /// `bytes` as the value of a field: what no value may hold becomes `?`.
    mutating func writePlain(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        let place = self.take(bytes.count).assumingMemoryBound(to: UInt8.self)
        for index in 0..<bytes.count {
            let byte = start[index]
            place[index] = byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte
        }
    }

    /// A number that is not negative, in decimal.
    mutating func write(_ number: Int) {
        self.count += DecimalNumber.write(UInt64(number), to: self.place(DecimalNumber.room))
    }

    /// A number as eight hexadecimal digits.
    @inline(__always)
    mutating func write(hex number: UInt32) {
        self.take(8).storeBytes(of: HexWord.digits(of: number).bigEndian, as: UInt64.self)
    }

    /// As `RecordID.description` says it.
    mutating func write(_ id: RecordID) {
        self.write("req_")
        hex_digits(id.process, id.count, self.take(32).assumingMemoryBound(to: UInt8.self))
    }
}
