package import GatewayModel
package import Pricing
internal import ServiceKit
package import Storage
internal import Synchronization

/// Prices the records that gateways ship and has them stored.
package final class UsageLedger: Sendable {
    /// Records in one transaction of the store.
    static let batchLimit = 5000

    package let store: any LedgerStore
    /// Nil until the first configuration has come.
    private let book = Mutex<PriceBook?>(nil)
    private let counts = Mutex(Counts())

    /// What metrics say.
    struct Counts {
        var ingested = IngestReport()
        var refused: UInt64 = 0
        var unpriced: UInt64 = 0
        var droppedDays: UInt64 = 0
    }

    package init(_ store: any LedgerStore) { self.store = store }

    /// Prices by this configuration from now on, unless a newer one is in force.
    package func adopt(_ snapshot: Snapshot) {
        let book = PriceBook(snapshot)
        self.book.withLock { current in
            if current.map({ $0.version < book.version }) ?? true { current = book }
        }
    }

    /// The prices in force. Throws `ServiceProblem` when none are known yet.
    package func prices() throws -> PriceBook {
        guard let book = self.book.withLock({ $0 }) else {
            throw ServiceProblem(.overloaded, "No configuration has come yet, and with it the prices. Try again.")
        }
        return book
    }

    /// Stores the records, each once however often it comes. Throws when it is not certain that they are stored.
    @discardableResult
    package func ingest(_ records: [UsageRecord]) async throws -> IngestReport {
        let book = try self.prices()
        var unpriced: UInt64 = 0
        let entries = zip(records, book.costs(of: records)).map { record, price in
            if price == nil, record.usage.total > 0 { unpriced += 1 }
            // What used nothing has no price to be remembered by.
            let price = record.usage.total > 0 ? price : nil
            return LedgerEntry(record, cost: price?.cost, priceVersion: price?.version ?? "")
        }
        let report = try await self.store.ingest(entries)
        self.counts.withLock { [unpriced] counts in
            counts.ingested.stored += report.stored
            counts.ingested.duplicates += report.duplicates
            counts.ingested.expired += report.expired
            counts.unpriced += unpriced
        }
        return report
    }

    /// Removes the records of all days before the last `days`, today included.
    func keepDays(_ days: Int, now: Int64) async throws {
        let first = UsageDay(now / 86_400 - Int64(days) + 1)
        let dropped = try await self.store.dropDays(before: first)
        self.counts.withLock { $0.droppedDays += UInt64(dropped.count) }
    }

    func noteRefused(_ count: Int) { self.counts.withLock { $0.refused += UInt64(count) } }

    /// As Prometheus reads it.
    var exposition: String {
        let counts = self.counts.withLock { $0 }
        let rows: [(String, String, UInt64)] = [
            ("token_service_records_stored_total", "Usage records stored.", UInt64(counts.ingested.stored)),
            (
                "token_service_records_duplicate_total", "Usage records that were stored before.",
                UInt64(counts.ingested.duplicates)
            ),
            (
                "token_service_records_expired_total", "Usage records of days that have been removed.",
                UInt64(counts.ingested.expired)
            ),
            ("token_service_records_refused_total", "Usage records that could not be read.", counts.refused),
            ("token_service_records_unpriced_total", "Usage records with tokens and without a price.", counts.unpriced),
            ("token_service_days_removed_total", "Days whose records were removed.", counts.droppedDays),
        ]
        return rows.map { "# HELP \($0) \($1)\n# TYPE \($0) counter\n\($0) \($2)\n" }.joined()
    }
}
