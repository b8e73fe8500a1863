import JSONScan
import Synchronization

/// How the answer to a recorded request ended.
enum AnswerEnd: String, Sendable, CaseIterable {
    /// It is still being answered.
    case open
    /// The whole answer was sent.
    case complete
    /// The caller closed the connection before the end.
    case clientGone = "client_gone"
    /// A dial cut it.
    case cut
}

/// The last requests as they were received, and how many there were: `GET /-/requests` and `GET /-/count` show it.
/// Bounded in requests and in bytes of each body; what is forgotten stays counted.
final class RequestRecorder: Sendable {
    struct Entry: Sendable {
        let id: Int
        let method: String
        let path: String
        let query: String
        let headers: [(String, String)]
        let receivedAt: Double
        var body: [UInt8] = []
        var bodyBytes = 0
        var status = 0
        var end = AnswerEnd.open
    }

    private struct State {
        var entries: [Entry] = []
        var received = 0
        var ends: [AnswerEnd: Int] = [:]
        var byPath: [String: Int] = [:]
        var firstID = 0
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let bodyBytes: Int

    init(capacity: Int, bodyBytes: Int) {
        self.capacity = max(capacity, 1)
        self.bodyBytes = bodyBytes
    }

    /// Records a request whose head has arrived; returns its number. `endpoint` is the closed name that it is counted by.
    func begin(endpoint: String, _ make: (Int) -> Entry) -> Int {
        self.state.withLock { state in
            let id = state.firstID + state.received
            state.received += 1
            state.ends[.open, default: 0] += 1
            state.byPath[endpoint, default: 0] += 1
            if state.entries.count >= self.capacity { state.entries.removeFirst() }
            state.entries.append(make(id))
            return id
        }
    }

    /// Adds the body, as far as it is remembered.
    func setBody(_ body: some Collection<UInt8>, of id: Int) {
        let kept = Array(body.prefix(self.bodyBytes))
        self.change(id) {
            $0.body = kept
            $0.bodyBytes = body.count
        }
    }

    /// Adds the status of the answer.
    func setStatus(_ status: Int, of id: Int) {
        self.change(id) { $0.status = status }
    }

    /// Records how the answer ended.
    func end(_ id: Int, _ end: AnswerEnd) {
        self.state.withLock { state in
            guard id >= state.firstID else { return }
            state.ends[.open, default: 0] -= 1
            state.ends[end, default: 0] += 1
            if let index = Self.index(of: id, in: state) { state.entries[index].end = end }
        }
    }

    /// Forgets all requests and counts; those still open are not counted when they end.
    func reset() {
        self.state.withLock { state in
            state = State(firstID: state.firstID + state.received)
        }
    }

    /// The requests that are remembered, oldest first.
    var requests: JSON {
        let entries = self.state.withLock { $0.entries }
        return ["requests": .array(entries.map(\.json))]
    }

    /// How many requests were received, by how they ended and by endpoint.
    var counts: JSON {
        let state = self.state.withLock { $0 }
        var counts: JSON = ["received": .int(state.received)]
        for end in AnswerEnd.allCases { counts = counts.setting(end.rawValue, .int(state.ends[end] ?? 0)) }
        let byPath = state.byPath.sorted { $0.key < $1.key }.map { JSON.Member(name: $0.key, value: .int($0.value)) }
        return counts.setting("endpoints", .object(byPath))
    }

    private func change(_ id: Int, _ body: (inout Entry) -> Void) {
        self.state.withLock { state in
            if let index = Self.index(of: id, in: state) { body(&state.entries[index]) }
        }
    }

    private static func index(of id: Int, in state: State) -> Int? {
        guard let first = state.entries.first?.id, id >= first else { return nil }
        return id - first
    }
}

extension RequestRecorder.Entry {
    fileprivate var json: JSON {
        let text = String(validating: self.body, as: UTF8.self)
        return [
            "id": .int(self.id),
            "method": .string(self.method),
            "path": .string(self.path),
            "query": .string(self.query),
            "headers": .array(self.headers.map { .array([.string($0.0), .string($0.1)]) }),
            "received_at": .double(self.receivedAt),
            "body": .optional(text),
            "body_hex": text == nil ? .string(self.body.map(Self.hex).joined()) : .null,
            "body_bytes": .int(self.bodyBytes),
            "status": .int(self.status),
            "end": .string(self.end.rawValue),
        ]
    }

    private static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
