package import GatewayModel

/// A ledger store on a database of SQL: a driver brings transactions and how records are stored in one, the rest is the same
/// for all.
package protocol LedgerDriver: LedgerStore {
    /// Runs the work alone among writers, and undoes all of it when it throws. The work may run several times.
    func write<Result: Sendable>(
        _ work: @escaping @Sendable (any LedgerDatabase) throws -> Result
    ) async throws -> Result

    /// Runs the work on one consistent state.
    func read<Result: Sendable>(
        _ work: @escaping @Sendable (any LedgerDatabase) throws -> Result
    ) async throws -> Result
}

extension LedgerDriver {
    package func usage(_ query: UsageQuery) async throws -> [UsageRow] {
        try await self.read { try LedgerReader($0).usage(query) }
    }

    package func records(_ query: RecordQuery) async throws -> [LedgerEntry] {
        try await self.read { try LedgerReader($0).records(query) }
    }

    package func missing(among records: [UsageRecord]) async throws -> [UsageRecord] {
        try await self.read { try LedgerReader($0).missing(among: records) }
    }

    package func days() async throws -> [UsageDay] { try await self.read { try LedgerTables($0).verifiable() } }

    package func dropDays(before day: UsageDay) async throws -> [UsageDay] {
        let old = try await self.write { try LedgerTables($0).raiseFirstDay(to: day) }
        // One day at a time, so that others may write between them.
        for day in old { try await self.write { try LedgerTables($0).drop(day) } }
        return old
    }

    package func verify(_ day: UsageDay, repair: Bool) async throws -> DayVerdict {
        guard repair else { return try await self.read { try LedgerCheck($0, day).verdict() } }
        return try await self.write { try LedgerCheck($0, day).repaired() }
    }
}
