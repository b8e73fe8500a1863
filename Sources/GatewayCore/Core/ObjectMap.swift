import Glibc
import Synchronization

// One object per line, fields separated by a tab:
//
//   + id namespace upstream        the object was created
//   - id                           it was deleted
//
// The file is read once at start, written anew then if most of it speaks of objects that are gone, and appended to; a line
// that does not fit this form is skipped.

/// Whose an object is that a provider keeps (a file, a batch, a stored response), and where it lies.
///
/// Without it one tenant could read another's files by guessing ids, because the provider sees one customer. Shared by
/// all loops; asked only for calls that create or name an object.
package final class ObjectMap: Sendable {
    struct Owner: Sendable, Equatable {
        let namespace: String
        let upstream: String
    }

    private struct State {
        /// The number tells an object from an earlier one of the same id.
        var owners: [String: (owner: Owner, number: UInt64)] = [:]
        /// Ids in the order in which they came, for forgetting the oldest; from `first` on. Some are deleted since.
        var order: [(id: String, number: UInt64)] = []
        var first = 0
        var number: UInt64 = 0

        func isLiving(_ place: (id: String, number: UInt64)) -> Bool { self.owners[place.id]?.number == place.number }
    }

    private let state: Mutex<State>
    private let descriptor: Int32
    private let capacity: Int
    private let dropped = Atomic<UInt64>(0)

    /// Opens the map's file, making it if need be; `capacity` bounds the objects that are remembered. A file larger than
    /// `compactionBytes` is written anew first when most of it is of objects that are gone.
    package init(
        path: String,
        capacity: Int = 1_000_000,
        compactionBytes: Int = 1 << 20
    ) throws(ObjectMapError) {
        self.capacity = capacity
        Self.compact(path, beyond: compactionBytes)
        self.descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else {
            throw ObjectMapError(description: "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        self.state = Mutex(State())
        self.load()
    }

    deinit { close(self.descriptor) }

    /// Objects that were forgotten because the map was full.
    package var droppedObjects: UInt64 { self.dropped.load(ordering: .relaxed) }

    func owner(of id: String) -> Owner? { self.state.withLock { $0.owners[id]?.owner } }

    /// Places kept for forgetting the oldest first.
    var rememberedPlaces: Int { self.state.withLock { $0.order.count } }

    /// Remembers a new object. One small write to the page cache.
    func add(_ id: String, _ owner: Owner) {
        guard Self.isPlain(id) else { return }
        let isNew = self.state.withLock { self.insert(id, owner, into: &$0) }
        if isNew { self.append("+\t\(id)\t\(owner.namespace)\t\(owner.upstream)\n") }
    }

    func remove(_ id: String) {
        let wasThere = self.state.withLock { $0.owners.removeValue(forKey: id) != nil }
        if wasThere { self.append("-\t\(id)\n") }
    }

    private func insert(_ id: String, _ owner: Owner, into state: inout State) -> Bool {
        guard state.owners[id] == nil else { return false }
        state.number += 1
        state.owners[id] = (owner, state.number)
        state.order.append((id, state.number))
        while state.owners.count > self.capacity {
            let oldest = state.order[state.first]
            state.first += 1
            guard state.isLiving(oldest) else { continue }
            state.owners[oldest.id] = nil
            self.dropped.wrappingAdd(1, ordering: .relaxed)
        }
        if state.order.count > 4096, state.order.count > 2 * state.owners.count {
            state.order = state.order[state.first...].filter { state.isLiving($0) }
            state.first = 0
        }
        return true
    }

    /// An id that could break a line is the provider's mistake; such an object stays unreachable.
    private static func isPlain(_ id: String) -> Bool {
        (1...256).contains(id.utf8.count) && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private func append(_ line: String) {
        var line = line
        _ = line.withUTF8 { write(self.descriptor, $0.baseAddress, $0.count) }
    }

    private func load() {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(self.descriptor, $0.baseAddress!, $0.count) }
            guard count > 0 else { break }
            text += buffer[..<count]
        }
        self.state.withLock { state in
            for line in text.split(separator: UInt8(ascii: "\n")) {
                let fields = line.split(separator: UInt8(ascii: "\t")).map { String(decoding: $0, as: UTF8.self) }
                if fields.count == 4, fields[0] == "+" {
                    _ = self.insert(fields[1], Owner(namespace: fields[2], upstream: fields[3]), into: &state)
                } else if fields.count == 2, fields[0] == "-" {
                    state.owners[fields[1]] = nil
                }
            }
        }
    }
}

/// The map's file cannot be opened.
package struct ObjectMapError: Error, CustomStringConvertible {
    package let description: String
}
