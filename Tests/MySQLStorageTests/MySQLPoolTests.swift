import Dispatch
import MySQLStorage
import Synchronization
import Testing

@Suite(.enabled(if: TestServer.program != nil, Comment(rawValue: TestServer.whyNot)))
struct MySQLPoolTests {
    private static let number = MySQLStatement("number", "SELECT n FROM t WHERE id = ?")
    private static let update = MySQLStatement("update", "UPDATE t SET n = n + ? WHERE id = ?")
    private static let ownID = MySQLStatement("own id", "SELECT CONNECTION_ID() AS id")

    private static func pool(_ options: MySQLPool.Options = .init()) async throws -> MySQLPool {
        let address = try await TestServer.shared.value.address()
        let connection = try MySQLConnection(address)
        try connection.execute(MySQLStatement("create", "CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)"))
        try connection.execute(MySQLStatement("fill", "INSERT INTO t VALUES (1, 0), (2, 0)"))
        return MySQLPool(address, options)
    }

    private static func number(_ pool: MySQLPool, _ id: Int64) async throws -> Int64? {
        try await pool.read { try $0.first(Self.number, id)?.read("n") }
    }

    @Test func aConnectionKilledWithinATransactionIsReplaced() async throws {
        let pool = try await Self.pool(.init(connections: 1))
        let address = pool.address
        let error = await #expect(throws: MySQLError.self) {
            try await pool.write { rows in
                try rows.execute(Self.update, Int64(5), Int64(1))
                let id = try rows.first(Self.ownID)?.read("id", as: Int64.self) ?? 0
                try MySQLConnection(address).execute(MySQLStatement("kill", "KILL \(id)"))
                try rows.execute(Self.update, Int64(5), Int64(2))
            }
        }
        #expect(error?.isConnectionLost == true)
        #expect(try await Self.number(pool, 1) == 0)
        try await pool.write { _ = try $0.execute(Self.update, Int64(1), Int64(1)) }
        #expect(try await Self.number(pool, 1) == 1)
        await pool.close()
    }

    /// The second begins when the first holds its row; each then wants the other's. The server undoes one of them.
    @Test func aDeadlockBeginsAgainAndNothingIsLost() async throws {
        let pool = try await Self.pool()
        let (runs, barrier) = (Counter(), Barrier(2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (first, second) in [(Int64(1), Int64(2)), (2, 1)] {
                group.addTask {
                    try await pool.write { rows in
                        runs.value.add(1, ordering: .relaxed)
                        try rows.execute(Self.update, Int64(1), first)
                        barrier.meet()
                        try rows.execute(Self.update, Int64(1), second)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(runs.value.load(ordering: .relaxed) == 3)
        #expect(try await Self.number(pool, 1) == 2)
        #expect(try await Self.number(pool, 2) == 2)
        await pool.close()
    }

    /// Another session holds the row for longer than all attempts wait.
    @Test func aLockThatIsNeverHadEndsAfterTheAttempts() async throws {
        let timeouts = MySQLConnection.Timeouts(connect: 5, answer: 30, lock: 1)
        let pool = try await Self.pool(.init(attempts: 2, timeouts: timeouts))
        let holder = try MySQLConnection(pool.address)
        try holder.execute(MySQLStatement("begin", "SET autocommit = 0"))
        try holder.execute(Self.update, [Int64(1), Int64(1)])
        let runs = Counter()
        let error = await #expect(throws: MySQLError.self) {
            try await pool.write { rows in
                runs.value.add(1, ordering: .relaxed)
                // Work that goes on after the server's refusal must not be committed.
                _ = try? rows.execute(Self.update, Int64(1), Int64(1))
                _ = try? rows.execute(Self.update, Int64(1), Int64(2))
            }
        }
        #expect(error?.code == 1205)
        #expect(runs.value.load(ordering: .relaxed) == 2)
        #expect(try await Self.number(pool, 2) == 0)
        withExtendedLifetime(holder) {}
        await pool.close()
    }

    @Test func saysThatNoConnectionBecameFree() async throws {
        let pool = try await Self.pool(.init(connections: 1, queue: 1, acquireTimeout: .milliseconds(100)))
        let (entered, leave) = (Gate(), Gate())
        async let busy: Void = pool.read { _ in
            entered.open()
            leave.wait()
        }
        await entered.opened()
        let exhausted = await #expect(throws: MySQLError.self) { try await Self.number(pool, 1) }
        #expect(exhausted?.local == .exhausted)
        #expect(exhausted?.description.contains("none of 1 connections became free within 0.1 seconds") == true)
        leave.open()
        try await busy
        #expect(try await Self.number(pool, 1) == 0)
        await pool.close()
    }

    @Test func refusesMoreThanItsQueueHolds() async throws {
        let pool = try await Self.pool(.init(connections: 1, queue: 0))
        let (entered, leave) = (Gate(), Gate())
        async let busy: Void = pool.read { _ in
            entered.open()
            leave.wait()
        }
        await entered.opened()
        let full = await #expect(throws: MySQLError.self) { try await Self.number(pool, 1) }
        #expect(full?.local == .queueFull)
        leave.open()
        try await busy
        await pool.close()
        let closed = await #expect(throws: MySQLError.self) { try await Self.number(pool, 1) }
        #expect(closed?.local == .closed)
    }

    @Test func aReadThatWritesIsRefusedAndATransactionEndsWithItsWork() async throws {
        let pool = try await Self.pool()
        let error = await #expect(throws: MySQLError.self) {
            try await pool.read { _ = try $0.execute(Self.update, Int64(1), Int64(1)) }
        }
        #expect(error?.isReadOnly == true)
        let kept = Kept()
        try await pool.write { rows in kept.rows = rows }
        let ended = #expect(throws: MySQLError.self) { try kept.rows?.execute(Self.update, Int64(1), Int64(1)) }
        #expect(ended?.local == .closed)
        await pool.close()
    }

    /// Carries a transaction out of its work, which nobody should do.
    private final class Kept: @unchecked Sendable {  // WHY: written before and read after the one await.
        var rows: MySQLTransaction?
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}

/// Lets threads pass when something has happened.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { self.semaphore.signal() }

    func wait() { self.semaphore.wait() }

    /// The same, from a task.
    func opened() async {
        await withCheckedContinuation { done in
            DispatchQueue.global().async {
                self.semaphore.wait()
                done.resume()
            }
        }
    }
}

/// Holds the first threads until so many have come; lets all pass afterwards.
private final class Barrier: Sendable {
    private let missing: Mutex<Int>
    private let count: Int
    private let semaphore = DispatchSemaphore(value: 0)

    init(_ count: Int) {
        self.count = count
        self.missing = Mutex(count)
    }

    func meet() {
        let left = self.missing.withLock { missing in
            missing -= 1
            return missing
        }
        if left < 0 { return }
        if left == 0 { for _ in 1..<self.count { self.semaphore.signal() } } else { self.semaphore.wait() }
    }
}
