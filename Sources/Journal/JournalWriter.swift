package import GatewayModel
import Glibc
import Synchronization

/// One loop's pen: writes entries into its own segment, without lock, system call or allocation.
///
/// An entry is begun, filled and committed; until `commit()` it does not exist. Bound to the loop that it was given to.
package final class JournalWriter {
    /// Where full segments go and new ones come from; the keeper's thread is on the other side.
    final class Supply: Sendable {
        struct State {
            var spare: SegmentFile?
            var current: SegmentFile?
            /// Full, and not on the disk yet.
            var full: [SegmentFile] = []
        }

        let state = Mutex(State())
        /// Set when the spare was taken; the keeper clears it.
        let isWanting = Atomic<Bool>(true)
    }

    private let supply: Supply
    private let process: UInt64
    private var count: UInt64
    private let stride: UInt64
    private var segment: SegmentFile?
    private var base: UnsafeMutableRawPointer
    private var offset: Int
    private var limit: Int
    private var cursor: Int = 0

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

    package func put(_ field: EntryField, _ number: UInt64) {
        let width = number <= 0xFF ? 1 : number <= 0xFFFF_FFFF ? 4 : 8
        guard self.header(field, width) else { return }
        var left = number
        for _ in 0..<width {
            self.base.storeBytes(of: UInt8(truncatingIfNeeded: left), toByteOffset: self.cursor, as: UInt8.self)
            self.cursor += 1
            left >>= 8
        }
    }

    package func put(_ field: EntryField, _ text: [UInt8]) {
        text.withUnsafeBytes { self.put(field, $0) }
    }

    package func put(_ field: EntryField, _ text: String) {
        var text = text
        text.withUTF8 { self.put(field, UnsafeRawBufferPointer($0)) }
    }

    package func put(_ field: EntryField, _ text: UnsafeRawBufferPointer) {
        guard self.header(field, text.count), let start = text.baseAddress else { return }
        self.base.advanced(by: self.cursor).copyMemory(from: start, byteCount: text.count)
        self.cursor += text.count
    }

    /// Makes the entry exist: the check, then, last of all, the length.
    package func commit() {
        let payload = self.offset + 8
        let length = self.cursor - payload
        let check = checkSum(UnsafeRawBufferPointer(start: self.base.advanced(by: payload), count: length))
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
        self.base.storeBytes(of: kind.rawValue, toByteOffset: self.cursor, as: UInt8.self)
        self.base.storeBytes(of: id.process, toByteOffset: self.cursor + 1, as: UInt64.self)
        self.base.storeBytes(of: id.count, toByteOffset: self.cursor + 9, as: UInt64.self)
        self.cursor += 17
        return true
    }

    /// The tag and length of a field; false when the entry has no room for it, and the field is left out.
    private func header(_ field: EntryField, _ count: Int) -> Bool {
        guard self.cursor + count + 4 <= self.offset + 8 + Segment.payloadLimit else { return false }
        self.base.storeBytes(of: field.rawValue, toByteOffset: self.cursor, as: UInt8.self)
        if count < 255 {
            self.base.storeBytes(of: UInt8(count), toByteOffset: self.cursor + 1, as: UInt8.self)
            self.cursor += 2
        } else {
            self.base.storeBytes(of: 255, toByteOffset: self.cursor + 1, as: UInt8.self)
            self.base.storeBytes(of: UInt16(count), toByteOffset: self.cursor + 2, as: UInt16.self)
            self.cursor += 4
        }
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
        guard let next else { return }
        self.segment = next
        self.base = next.bytes
        self.offset = Segment.headerBytes
        self.limit = next.size
    }
}
