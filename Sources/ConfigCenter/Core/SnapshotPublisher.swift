internal import GatewayModel
internal import NIOCore
internal import Synchronization

/// Holds the newest snapshot and tells everyone who listens. Nobody waits for a slow listener: a watcher is only woken,
/// and takes whatever is newest when it gets to it.
final class SnapshotPublisher: Sendable {
    struct Published: Sendable {
        let snapshot: Snapshot
        /// The snapshot as one server-sent event, shared by all watchers.
        let event: ByteBuffer
    }

    private struct State {
        var newest: Published?
        var observers: [@Sendable (Snapshot) -> Void] = []
        var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var nextWatcher: UInt64 = 0
        var closed = false
        var publishes: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    init(watcherLimit: Int) { self.limit = watcherLimit }

    var version: UInt64? { self.state.withLock { $0.newest?.snapshot.version } }
    var newest: Published? { self.state.withLock { $0.newest } }
    var watcherCount: Int { self.state.withLock { $0.watchers.count } }
    var publishes: UInt64 { self.state.withLock { $0.publishes } }
    var hasRoom: Bool { self.state.withLock { $0.watchers.count < self.limit && !$0.closed } }

    /// Hands the snapshot to everyone, unless a newer one was published already.
    func publish(_ snapshot: Snapshot, encoded: [UInt8]) {
        var event = ByteBufferAllocator().buffer(capacity: encoded.count + 64)
        event.writeString("id: \(snapshot.version)\nevent: snapshot\ndata: ")
        event.writeBytes(encoded)
        event.writeString("\n\n")
        let published = Published(snapshot: snapshot, event: event)
        let (observers, watchers) = self.state.withLock { state in
            guard snapshot.version > state.newest?.snapshot.version ?? 0 else {
                return ([@Sendable (Snapshot) -> Void](), [AsyncStream<Void>.Continuation]())
            }
            state.newest = published
            state.publishes += 1
            return (state.observers, Array(state.watchers.values))
        }
        for observer in observers { observer(snapshot) }
        for watcher in watchers { watcher.yield() }
    }

    /// Calls the observer with the newest snapshot at once, if there is one, and with each one that follows.
    func observe(_ observer: @escaping @Sendable (Snapshot) -> Void) {
        let newest = self.state.withLock { state in
            state.observers.append(observer)
            return state.newest
        }
        if let newest { observer(newest.snapshot) }
    }

    /// A stream that is woken at each publish and each `wake`, at least once; nil when there are too many watchers.
    func watch() -> (id: UInt64, wakes: AsyncStream<Void>)? {
        let (wakes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        continuation.yield()
        return self.state.withLock { state in
            guard state.watchers.count < self.limit, !state.closed else { return nil }
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = continuation
            return (state.nextWatcher, wakes)
        }
    }

    func unwatch(_ id: UInt64) {
        self.state.withLock { $0.watchers.removeValue(forKey: id) }?.finish()
    }

    /// Wakes every watcher, so that it writes a heartbeat and notices a peer that is gone.
    func wake() {
        for watcher in self.state.withLock({ Array($0.watchers.values) }) { watcher.yield() }
    }

    /// Ends all streams; nobody can watch any more.
    func close() {
        let watchers = self.state.withLock { state in
            state.closed = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
    }
}
