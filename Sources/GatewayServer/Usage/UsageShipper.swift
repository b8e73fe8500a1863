package import GatewayModel
package import Journal
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Brings the journal's records to the ledger, in batches and in order, and sets aside the segments that are shipped.
///
/// A batch is sent until the ledger says that it is stored; the ledger stores a record that comes twice once. So whatever
/// dies in between, each record is stored exactly once, as long as the journal has it.
package final class UsageShipper: Service {
    package struct Options: Sendable {
        /// Records in one batch.
        package var batch = 500
        /// How often the journal is looked at when it had nothing more.
        package var interval = Duration.milliseconds(250)
        /// The wait before a batch is sent again, doubled from the shortest to the longest, and shortened at random.
        package var backoff: ClosedRange<Duration> = .milliseconds(200) ... .seconds(15)
        /// How long shipping goes on after everything else has stopped.
        package var farewell = Duration.seconds(3)

        package init() {}
    }

    private let journal: Journal
    private let options: Options
    private let logger: Logger
    private let counts: ShippingCounts
    private let send: @Sendable ([UsageRecord]) async throws -> Void

    /// `send` returns when the ledger has stored the records, and throws when that is not certain.
    package init(
        _ journal: Journal,
        options: Options = Options(),
        counts: ShippingCounts,
        logger: Logger,
        send: @escaping @Sendable ([UsageRecord]) async throws -> Void
    ) {
        self.journal = journal
        self.options = options
        self.counts = counts
        self.logger = logger
        self.send = send
    }

    package func run() async throws {
        let position = await cancelWhenGracefulShutdown {
            var position = Position(reader: JournalReader(directory: self.journal.directory))
            while !Task.isCancelled {
                if await !self.ship(&position) { try? await Task.sleep(for: self.options.interval) }
            }
            return position
        }
        await self.takeLeave(position)
    }

    /// How far the shipping is.
    private struct Position: Sendable {
        var reader: JournalReader
        /// Read, and not stored when the task was cancelled.
        var unsent: [UsageRecord] = []
    }

    /// Ships what the last exchanges have left, for as long as is given to it; what remains waits for the next start.
    private func takeLeave(_ position: Position) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var position = position
                while await self.ship(&position), !Task.isCancelled {}
            }
            group.addTask { try? await Task.sleep(for: self.options.farewell) }
            await group.next()
            group.cancelAll()
        }
    }

    /// One batch. True: there may be more.
    private func ship(_ position: inout Position) async -> Bool {
        let closed = self.journal.closedSegments
        let isResent = !position.unsent.isEmpty
        do throws(JournalError) {
            if !isResent {
                position.unsent = try position.reader.newRecords(limit: self.options.batch)
            }
        } catch {
            self.logger.error("the journal cannot be read", metadata: ["gateway.cause": "\(error)"])
            return false
        }
        guard await self.deliver(position.unsent) else { return false }
        position.unsent = []
        // What is closed was asked for before the journal was read, unless it was read in an earlier call.
        guard !position.reader.hasMore, !isResent else { return true }
        self.journal.retire(position.reader.spentSegments(of: closed))
        return false
    }

    /// Sends until the records are stored. False: the task was cancelled before.
    private func deliver(_ records: [UsageRecord]) async -> Bool {
        guard let oldest = records.first?.startedAt else { return true }
        self.counts.wait(since: oldest)
        var wait = self.options.backoff.lowerBound
        while true {
            do {
                try await self.send(records)
                self.counts.delivered(UInt64(records.count))
                return true
            } catch {
                if Task.isCancelled { return false }
                self.counts.failed()
                self.logger.warning("usage records not shipped", metadata: ["gateway.cause": "\(error)"])
            }
            guard (try? await Task.sleep(for: wait * Double.random(in: 0.5...1))) != nil else { return false }
            wait = min(wait * 2, self.options.backoff.upperBound)
        }
    }
}

/// What is known of the shipping, for metrics.
package final class ShippingCounts: Sendable {
    private let records = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)
    private let waitingSince = Atomic<UInt64>(0)

    package init() {}

    /// Records that the ledger has stored.
    package var shipped: UInt64 { self.records.load(ordering: .relaxed) }

    /// Batches that had to be sent again.
    package var failedBatches: UInt64 { self.failures.load(ordering: .relaxed) }

    /// When the oldest record began that is read and not stored, in nanoseconds since 1970; 0 when none waits.
    package var oldestWaiting: UInt64 { self.waitingSince.load(ordering: .relaxed) }

    func wait(since start: UInt64) { self.waitingSince.store(start, ordering: .relaxed) }

    func failed() { self.failures.wrappingAdd(1, ordering: .relaxed) }

    func delivered(_ count: UInt64) {
        self.records.wrappingAdd(count, ordering: .relaxed)
        self.waitingSince.store(0, ordering: .relaxed)
    }
}
