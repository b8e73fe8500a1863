internal import Dispatch
import GatewayModel
import Glibc
import Synchronization

/// The gateway's memory of what it has sent: one pen per loop, a thread that keeps their segments, and recovery.
///
/// Every request that leaves has a `started` entry before it leaves and an `ended` entry at its close. Both survive
/// `kill -9`; the power going off loses what two `syncInterval`s wrote at most, and what came while the disk was at it.
package final class Journal: Sendable {
    package struct Options: Sendable {
        package var directory: String
        package var segmentBytes: Int
        /// Closed segments are removed, oldest first, when all together are larger; counted as `droppedSegments`.
        package var totalBytes: Int
        /// Segments whose records the ledger has stored are kept, for whoever reads the journal, up to this size.
        package var retiredBytes: Int
        package var syncInterval: Duration

        package init(
            directory: String,
            segmentBytes: Int = 8 << 20,
            totalBytes: Int = 1 << 30,
            retiredBytes: Int = 64 << 20,
            syncInterval: Duration = .seconds(1)
        ) {
            self.directory = directory
            self.segmentBytes = segmentBytes
            self.totalBytes = totalBytes
            self.retiredBytes = retiredBytes
            self.syncInterval = syncInterval
        }
    }

    private let options: Options
    private let process: UInt64
    private let supplies: [JournalWriter.Supply]
    /// Wakes the keeper, which sleeps otherwise: each waking takes the processor from a loop.
    private let work = DispatchSemaphore(value: 0)
    private let sequence = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<pthread_t?>(nil)
    /// Held from the making of a segment's file until the segment is known to be in use.
    private let making = Mutex(())

    /// Opens the journal for `writers` loops: makes the directory and first segments and closes the orphans of processes
    /// that died as `estimated`. Throws when the directory cannot be written.
    package init(_ options: Options, writers: Int) throws(JournalError) {
        self.options = options
        self.process = UInt64.random(in: 1...UInt64.max)
        let work = self.work
        self.supplies = (0..<writers).map { _ in JournalWriter.Supply { work.signal() } }
        guard mkdir(options.directory, 0o700) == 0 || errno == EEXIST else {
            throw JournalError(doing: "create", options.directory, errno)
        }
        try self.closeOrphans()
        for supply in self.supplies {
            let segment = try self.makeSegment(bytes: self.options.segmentBytes)
            supply.state.withLock { $0.spare = segment }
        }
        self.startKeeper()
    }

    /// Segments that were removed unread because the journal had reached its size.
    package var droppedSegments: UInt64 { self.dropped.load(ordering: .relaxed) }

    /// How often a segment could not be made, or not be brought to the disk whole: a full or broken disk.
    package var segmentFailures: UInt64 { self.failures.load(ordering: .relaxed) }

    /// The pen of loop `index`; to be asked for once.
    package func writer(_ index: Int) -> JournalWriter {
        JournalWriter(
            supply: self.supplies[index],
            process: self.process,
            first: UInt64(index),
            stride: UInt64(self.supplies.count)
        )
    }

    /// Brings everything to the disk and stops the keeper. The writers must not be used any more.
    package func close() {
        guard !self.isStopping.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.work.signal()
        if let thread = self.thread.withLock({ $0 }) { pthread_join(thread, nil) }
        for supply in self.supplies {
            let (current, spare, full) = supply.state.withLock { ($0.current, $0.spare, $0.full) }
            for segment in full { segment.sync() }
            current?.sync()
            if let spare { unlink(spare.path) }
        }
    }

    /// Names sort by the time of making, so that oldest means first: to the nanosecond, because a process that is
    /// restarted at once must close the orphans of the one before in a segment that is read later.
    private func makeSegment(bytes: Int) throws(JournalError) -> SegmentFile {
        let number = self.sequence.wrappingAdd(1, ordering: .relaxed).newValue
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = "\(Self.padded(UInt64(now.tv_sec), 12)).\(Self.padded(UInt64(now.tv_nsec), 9))"
        let name = "\(time)-\(Self.padded(number, 10))-\(self.process)"
        return try SegmentFile(creating: "\(self.options.directory)/\(name)\(Segment.suffix)", size: bytes)
    }

    private static func padded(_ number: UInt64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Gives every exchange that a dead process left open its end: it may have cost something, how much is not known.
    private func closeOrphans() throws(JournalError) {
        var reader = JournalReader(directory: self.options.directory)
        _ = try reader.newRecords()
        let orphans = reader.openRecords
        guard !orphans.isEmpty else { return }
        let supply = JournalWriter.Supply()
        let bytes = max(self.options.segmentBytes, orphans.count * 256 + 2 * Segment.payloadLimit)
        let segment = try self.makeSegment(bytes: bytes)
        supply.state.withLock { $0.spare = segment }
        let writer = JournalWriter(supply: supply, process: self.process, first: 0, stride: 1)
        for orphan in orphans where writer.beginEnded(orphan.id) {
            writer.put(.startedAt, orphan.startedAt)
            writer.put(.outcome, Outcome.failed.rawValue)
            writer.put(.code, ErrorCode.internalError.rawValue)
            writer.put(.usageSource, TokenUsage.Source.estimated.rawValue)
            writer.commit()
        }
        segment.sync()
    }
}

extension Journal {
    /// One thread for all writers: makes spare segments, syncs, removes the oldest. Everything that may block is here.
    private func startKeeper() {
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                let journal = Unmanaged<Journal>.fromOpaque(argument!).takeRetainedValue()
                journal.keep()
                return nil
            },
            retained.toOpaque()
        )
        guard result == 0 else {
            retained.release()
            return
        }
        self.thread.withLock { $0 = thread }
    }

    /// Sleeps until a writer has taken its spare segment, or it is time to sync.
    private func keep() {
        let interval = DispatchTimeInterval.nanoseconds(Int(self.options.syncInterval / .nanoseconds(1)))
        var nextSync = DispatchTime.now() + interval
        while !self.isStopping.load(ordering: .acquiring) {
            let isWanted = self.work.wait(timeout: nextSync) == .success
            // One that could not be made is tried again with the next sync.
            for supply in self.supplies { self.refill(supply) }
            guard !isWanted || DispatchTime.now() >= nextSync else { continue }
            nextSync = .now() + interval
            for supply in self.supplies { self.sync(supply) }
            self.removeOldest()
        }
    }

    private func sync(_ supply: JournalWriter.Supply) {
        let (current, full, stored) = supply.state.withLock { ($0.current, $0.full, $0.stored) }
        for segment in full {
            segment.sync()
            if segment.isDamaged { self.failures.wrappingAdd(1, ordering: .relaxed) }
        }
        current?.syncBehindWriter()
        for segment in stored { segment.releasePages() }
        supply.state.withLock { state in
            state.full.removeFirst(full.count)
            state.stored = full
        }
    }

    private func refill(_ supply: JournalWriter.Supply) {
        // Cleared first: the spare may be taken, and another one wanted, before this returns.
        guard supply.isWanting.exchange(false, ordering: .acquiringAndReleasing) else { return }
        guard supply.state.withLock({ $0.spare == nil }) else { return }
        do throws(JournalError) {
            try self.making.withLock { (_) throws(JournalError) in
                let segment = try self.makeSegment(bytes: self.options.segmentBytes)
                supply.state.withLock { $0.spare = segment }
            }
        } catch {
            supply.isWanting.store(true, ordering: .releasing)
            self.failures.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func removeOldest() {
        guard let paths = try? Segment.paths(in: self.options.directory) else { return }
        var excess = paths.count * self.options.segmentBytes - self.options.totalBytes
        let inUse = self.segmentsInUse
        for path in paths where excess > 0 && !inUse.contains(Segment.name(of: path)) {
            unlink(path)
            self.dropped.wrappingAdd(1, ordering: .relaxed)
            excess -= self.options.segmentBytes
        }
    }
}

// What a ledger's shipper needs: which segments may still grow, and that a segment is not needed any more.
extension Journal {
    /// The names of the segments that nobody writes to any more, oldest first.
    package var closedSegments: [String] {
        // With the lock, as a segment's file is there before it is in use.
        self.making.withLock { _ in
            let paths = (try? Segment.paths(in: self.options.directory)) ?? []
            let inUse = self.segmentsInUse
            return paths.map(Segment.name).filter { !inUse.contains($0) }
        }
    }

    /// The names of the segments that writers write to, or will, or that are on their way to the disk.
    private var segmentsInUse: Set<String> {
        Set(
            self.supplies.flatMap { supply in
                supply.state.withLock {
                    ([$0.current, $0.spare] + $0.full).compactMap { $0.map { Segment.name(of: $0.path) } }
                }
            }
        )
    }

    /// Sets segments aside whose records are all kept elsewhere, and removes the oldest of those set aside earlier. A
    /// process that starts does not read them again.
    package func retire(_ segments: [String]) {
        for name in segments {
            let path = "\(self.options.directory)/\(name)"
            rename(path + Segment.suffix, path + Segment.retiredSuffix)
        }
        guard let paths = try? Segment.paths(in: self.options.directory, includingRetired: true) else { return }
        let retired = paths.filter { $0.hasSuffix(Segment.retiredSuffix) }
        for path in retired.dropLast(self.options.retiredBytes / self.options.segmentBytes) { unlink(path) }
    }

    /// Where the segments lie, for a reader.
    package var directory: String { self.options.directory }
}
