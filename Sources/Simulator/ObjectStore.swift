import JSONScan
import Synchronization

/// An object that a provider keeps for its customers.
struct StoredObject: Sendable {
    /// What it is listed under: `files`, `batches`, `responses`, `completions`.
    let kind: Kind
    let id: String
    /// What `GET` answers.
    var json: JSON
    /// The items or messages that belong to it, or the content of a file.
    var items: [JSON] = []
    var content: [UInt8] = []

    enum Kind: String, Sendable {
        case file, batch, response, completion
    }

    fileprivate var cost: Int {
        self.content.count + self.json.bytes.count + self.items.reduce(256) { $0 + $1.bytes.count }
    }
}

/// The objects of a simulator, in memory and bounded in bytes: the oldest are forgotten first.
final class ObjectStore: Sendable {
    private struct State {
        var objects: [StoredObject] = []
        var cost = 0
    }

    private let state = Mutex(State())
    private let maximumBytes: Int

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Keeps an object, in the place of one with the same id if there is one.
    func put(_ object: StoredObject) {
        let cost = object.cost
        self.state.withLock { state in
            if let index = Self.index(object.kind, object.id, state) {
                state.cost += cost - state.objects[index].cost
                state.objects[index] = object
            } else {
                state.objects.append(object)
                state.cost += cost
            }
            while state.cost > self.maximumBytes, !state.objects.isEmpty {
                state.cost -= state.objects.removeFirst().cost
            }
        }
    }

    func get(_ kind: StoredObject.Kind, _ id: String) -> StoredObject? {
        self.state.withLock { state in Self.index(kind, id, state).map { state.objects[$0] } }
    }

    /// Forgets an object; false when there was none.
    func remove(_ kind: StoredObject.Kind, _ id: String) -> Bool {
        self.state.withLock { state in
            guard let index = Self.index(kind, id, state) else { return false }
            state.cost -= state.objects.remove(at: index).cost
            return true
        }
    }

    /// All objects of a kind, newest first, as providers list them.
    func list(_ kind: StoredObject.Kind) -> [StoredObject] {
        self.state.withLock { state in state.objects.reversed().filter { $0.kind == kind } }
    }

    private static func index(_ kind: StoredObject.Kind, _ id: String, _ state: State) -> Int? {
        state.objects.lastIndex { $0.kind == kind && $0.id == id }
    }
}
