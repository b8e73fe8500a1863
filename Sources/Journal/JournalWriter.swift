package import GatewayModel
import Glibc
import Synchronization

/// One loop's pen: writes entries into its own segment, without lock, system call or allocation.
///
/// An entry is begun, filled and committed; until `commit()` it does not exist. Bound to the loop that it was given to.
@usableFromInline
package final class JournalWriter {
    /// Where full segments go and new ones come from; the keeper's thread is on the other side.
    final class Supply: Sendable {
        struct State {
            var spare: SegmentFile?
            var current: SegmentFile?
            /// Full, and not on the disk yet.
            var full: [SegmentFile] = []
            /// Full and on the disk; their pages stay until whoever reads the journal has had an interval for it.
            var stored: [SegmentFile] = []
        }

        let state = Mutex(State())
        /// Set when the spare was taken; the keeper clears it.
        let isWanting = Atomic<Bool>(true)
        /// Called after that; must not block.
        let wanted: @Sendable () -> Void

        init(_ wanted: @escaping @Sendable () -> Void = {}) { self.wanted = wanted }
    }

    private let supply: Supply
    private let process: UInt64
    private var count: UInt64
    private let stride: UInt64
    private var segment: SegmentFile?
    @usableFromInline var base: UnsafeMutableRawPointer
    private var offset: Int
    private var limit: Int
    @usableFromInline var cursor: Int = 0
    /// Where the entry that is being written must end.
    @usableFromInline var entryEnd: Int = 0
    /// Tag, width, and the eight bytes that are written whatever the width.
    @usableFromInline static let roomOfNumber = 10

    /// `first` and `stride` make the counts of several writers of one process disjoint.
    init(supply: Supply, process: UInt64, first: UInt64, stride: UInt64) {
        self.supply = supply
        self.process = process
        self.count = first
        self.stride = stride
        self.base = UnsafeMutableRawPointer(bitPattern: 8)!
        self.offset = 0
        self.limit = 0
        self.roll()
    }

    /// A new identity for an exchange.
    package func nextID() -> RecordID {
        self.count += self.stride
        return RecordID(process: self.process, count: self.count)
    }

    /// Begins the entry that is written before a request leaves. False: there is no room, the entry cannot be written.
    package func beginStarted(_ id: RecordID) -> Bool { self.begin(.started, id) }

    /// Begins the entry that closes an exchange.
    package func beginEnded(_ id: RecordID) -> Bool { self.begin(.ended, id) }

    /// `@inlinable`, as the other ways to put: some thirty fields per exchange are written from another module.
    @inlinable @inline(__always)
    package func put(_ field: EntryField, _ number: UInt64) {
        let width = number <= 0xFF ? 1 : number <= 0xFFFF_FFFF ? 4 : 8
        guard self.cursor + Self.roomOfNumber <= self.entryEnd else { return }
        let place = self.base + self.cursor
        place.storeBytes(of: field.rawValue, as: UInt8.self)
        place.storeBytes(of: UInt8(width), toByteOffset: 1, as: UInt8.self)
        // Always eight bytes: those behind the width are zeros, which is what stands there already.
        place.storeBytes(of: number.littleEndian, toByteOffset: 2, as: UInt64.self)
        self.cursor += 2 + width
    }

    @inlinable package func put(_ field: EntryField, _ text: [UInt8]) {
        text.withUnsafeBytes { self.put(field, $0) }
    }

    package func put(_ field: EntryField, _ text: String) {
        text.utf8.span.withUnsafeBytes { self.put(field, $0) }
    }

    @inlinable package func put(_ field: EntryField, _ text: UnsafeRawBufferPointer) {
        let header = text.count < 255 ? 2 : 4
        // A field that the entry has no room for is left out.
        guard let start = text.baseAddress, self.cursor + header + text.count <= self.entryEnd else { return }
        let place = self.base + self.cursor
        place.storeBytes(of: field.rawValue, as: UInt8.self)
        if header == 2 {
            place.storeBytes(of: UInt8(text.count), toByteOffset: 1, as: UInt8.self)
        } else {
            place.storeBytes(of: 255, toByteOffset: 1, as: UInt8.self)
            place.storeBytes(of: UInt16(text.count).littleEndian, toByteOffset: 2, as: UInt16.self)
        }
        (place + header).copyMemory(from: start, byteCount: text.count)
        self.cursor += header + text.count
    }

    /// Puts as much of a text as the entry has room for.
    @inlinable package func put(cut field: EntryField, _ text: UnsafeRawBufferPointer) {
        let room = self.entryEnd - self.cursor - 4
        guard room > 0 else { return }
        self.put(field, UnsafeRawBufferPointer(rebasing: text.prefix(room)))
    }

    /// Puts a field, or several, that `EntryField.encoded` has made: names that many entries repeat.
    @inlinable @inline(__always)
    package func put(encoded fields: [UInt8]) {
        guard self.cursor + fields.count <= self.entryEnd else { return }
        fields.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            (self.base + self.cursor).copyMemory(from: start, byteCount: bytes.count)
        }
        self.cursor += fields.count
    }

    /// Makes the entry exist: the check, then, last of all, the length.
    package func commit() {
        let payload = self.offset + 8
        let length = self.cursor - payload
        let check = Segment.check(UnsafeRawBufferPointer(start: self.base.advanced(by: payload), count: length))
        self.base.storeBytes(of: check, toByteOffset: self.offset + 4, as: UInt32.self)
        atomicMemoryFence(ordering: .releasing)
        self.base.storeBytes(of: UInt32(length), toByteOffset: self.offset, as: UInt32.self)
        self.offset = (self.cursor + 7) & ~7
        self.segment?.written.store(self.offset, ordering: .releasing)
    }

    private func begin(_ kind: EntryKind, _ id: RecordID) -> Bool {
        if self.offset + 8 + Segment.payloadLimit > self.limit { self.roll() }
        guard self.offset + 8 + Segment.payloadLimit <= self.limit else { return false }
        self.cursor = self.offset + 8
        self.entryEnd = self.cursor + Segment.payloadLimit
        self.base.storeBytes(of: kind.rawValue, toByteOffset: self.cursor, as: UInt8.self)
        self.base.storeBytes(of: id.process, toByteOffset: self.cursor + 1, as: UInt64.self)
        self.base.storeBytes(of: id.count, toByteOffset: self.cursor + 9, as: UInt64.self)
        self.cursor += 17
        return true
    }

    /// Goes on in the spare segment, if the keeper has one ready.
    private func roll() {
        let next = self.supply.state.withLock { state -> SegmentFile? in
            guard let spare = state.spare else { return nil }
            state.spare = nil
            if let full = state.current { state.full.append(full) }
            state.current = spare
            return spare
        }
        self.supply.isWanting.store(true, ordering: .releasing)
        // Once for each spare: on a full disk the keeper tries again by itself, not for every request.
        guard let next else { return }
        self.supply.wanted()
        self.segment = next
        self.base = next.bytes
        self.offset = Segment.headerBytes
        self.limit = next.size
    }
}
