internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// A bounded number of threads, each with a connection of its own, so that calls which block never hold up a task or an
/// event loop. Work beyond them waits in a bounded queue for a bounded time.
package final class MySQLPool: Sendable {
    package struct Options: Sendable {
        /// Threads, and connections to the server: 1 to 64.
        package var connections: Int
        /// Pieces of work that may wait for one: 0 to 100 000.
        package var queue: Int
        /// How long one may wait.
        package var acquireTimeout: Duration
        /// How often a transaction is begun when others stand in its way, the first time included.
        package var attempts: Int
        package var timeouts: MySQLConnection.Timeouts

        package init(
            connections: Int = 4,
            queue: Int = 256,
            acquireTimeout: Duration = .seconds(10),
            attempts: Int = 5,
            timeouts: MySQLConnection.Timeouts = .standard
        ) {
            self.connections = min(max(connections, 1), 64)
            self.queue = min(max(queue, 0), 100_000)
            self.acquireTimeout = acquireTimeout
            self.attempts = max(attempts, 1)
            self.timeouts = timeouts
        }
    }

    package let address: MySQLAddress
    private let options: Options
    private let state = Mutex(State())
    /// One signal for each piece of work, and one for each thread when the pool closes.
    private let work = DispatchSemaphore(value: 0)
    private let timers = DispatchQueue(label: "mysql-pool-timeouts")

    /// Connects to nothing yet: the first piece of work does.
    package init(_ address: MySQLAddress, _ options: Options = Options()) {
        self.address = address
        self.options = options
    }

    /// Runs the work in a transaction that may change rows, and undoes it when the work throws. The work may run several
    /// times: on a deadlock (1213) or a lock not had in time (1205) all of it begins again. Throws `MySQLError`, or what
    /// the work throws.
    package func write<Result: Sendable>(
        _ work: @escaping @Sendable (MySQLTransaction) throws -> Result
    ) async throws -> Result {
        try await self.perform { try $0.transaction(.write, work) }
    }

    /// Runs the work on one consistent state; what it changes is an error (1792).
    package func read<Result: Sendable>(
        _ work: @escaping @Sendable (MySQLTransaction) throws -> Result
    ) async throws -> Result {
        try await self.perform { try $0.transaction(.read, work) }
    }

    /// Applies what the database lacks of the migrations, on a connection of its own with patient timeouts.
    package func migrate(_ migrations: MySQLMigrations) async throws {
        let address = self.address
        try await self.perform { _ in try migrations.run(MySQLConnection(address, timeouts: .migrating)) }
    }

    /// Refuses what waits, lets what runs end, and returns when all connections are closed.
    package func close() async {
        let waiting = self.state.withLock { $0.close() }
        for job in waiting { job.refuse(Self.closed) }
        await withCheckedContinuation { done in
            let (threads, isDone) = self.state.withLock { state in
                if state.threads > 0 { state.closing.append(done) }
                return (state.threads, state.threads == 0)
            }
            for _ in 0..<threads { self.work.signal() }
            if isDone { done.resume() }
        }
    }
}

extension MySQLPool {
    /// A piece of work, of which exactly one of the two is called.
    fileprivate struct Job: Sendable {
        let id: UInt64
        let run: @Sendable (MySQLWorker) -> Void
        let refuse: @Sendable (MySQLError) -> Void
    }

    /// What a new job leads to.
    private enum Admission {
        case queued
        case queuedBehindOthers
        case needsThread
        case refused(MySQLError)
    }

    private struct State {
        var isClosed = false
        var threads = 0
        /// Threads that wait for work.
        var idle = 0
        var queue: [Job] = []
        var closing: [CheckedContinuation<Void, Never>] = []

        mutating func admit(_ job: Job, _ options: Options) -> Admission {
            if self.isClosed { return .refused(MySQLPool.closed) }
            // Those that an idle thread or a new one takes at once do not wait.
            let canGrow = self.threads < options.connections
            if self.queue.count < self.idle {
                self.queue.append(job)
                return .queued
            }
            if canGrow {
                self.threads += 1
                self.idle += 1
                self.queue.append(job)
                return .needsThread
            }
            guard self.queue.count - self.idle < options.queue else { return .refused(MySQLPool.full(options)) }
            self.queue.append(job)
            return .queuedBehindOthers
        }

        mutating func next() -> Job? {
            guard !self.queue.isEmpty else { return nil }
            self.idle -= 1
            return self.queue.removeFirst()
        }

        mutating func remove(_ id: UInt64) -> Job? {
            guard let index = self.queue.firstIndex(where: { $0.id == id }) else { return nil }
            return self.queue.remove(at: index)
        }

        mutating func close() -> [Job] {
            self.isClosed = true
            defer { self.queue = [] }
            return self.queue
        }

        /// True when the thread must end; then it is no longer counted.
        mutating func mustEnd() -> Bool {
            guard self.isClosed else { return false }
            self.threads -= 1
            self.idle -= 1
            return true
        }

        mutating func takeClosing() -> [CheckedContinuation<Void, Never>] {
            guard self.isClosed, self.threads == 0 else { return [] }
            defer { self.closing = [] }
            return self.closing
        }
    }

    private static let numbers = Atomic<UInt64>(0)

    private func perform<Result: Sendable>(
        _ body: @escaping @Sendable (MySQLWorker) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let id = Self.numbers.add(1, ordering: .relaxed).newValue
            let job = Job(id: id) { worker in
                let result = Swift.Result { try body(worker) }
                continuation.resume(with: result)
            } refuse: {
                continuation.resume(throwing: $0)
            }
            switch self.state.withLock({ $0.admit(job, self.options) }) {
            case .queued: self.work.signal()
            case .queuedBehindOthers:
                self.work.signal()
                self.expire(id)
            case .needsThread:
                self.startThread()
                self.work.signal()
            case .refused(let error): job.refuse(error)
            }
        }
    }

    private func expire(_ id: UInt64) {
        let seconds = self.options.acquireTimeout / .seconds(1)
        self.timers.asyncAfter(deadline: .now() + seconds) {
            guard let job = self.state.withLock({ $0.remove(id) }) else { return }
            job.refuse(Self.exhausted(self.options))
        }
    }

    private func startThread() {
        let thread = Thread { self.serve() }
        thread.name = "mysql"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// A thread's life: it ends with the pool, and its connection with it.
    private func serve() {
        // A peer that went away must not end the process: OpenSSL writes without asking for that.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        self.work(through: MySQLWorker(self.address, self.options))
        for done in self.state.withLock({ $0.takeClosing() }) { done.resume() }
    }

    private func work(through worker: MySQLWorker) {
        while true {
            self.work.wait()
            // Nothing is there when the work was refused meanwhile.
            if let job = self.state.withLock({ $0.next() }) {
                job.run(worker)
                self.state.withLock { $0.idle += 1 }
            } else if self.state.withLock({ $0.mustEnd() }) {
                return
            }
        }
    }

    private static let closed = MySQLError(.closed, in: "the store's pool", "it is closed")

    private static func full(_ options: Options) -> MySQLError {
        MySQLError(
            .queueFull,
            in: "the store's pool",
            "\(options.connections) connections are busy and \(options.queue) pieces of work wait already; try again later"
        )
    }

    private static func exhausted(_ options: Options) -> MySQLError {
        MySQLError(
            .exhausted,
            in: "the store's pool",
            "none of \(options.connections) connections became free within \(options.acquireTimeout); the database is "
                + "slow, or does too much for so few"
        )
    }
}
