import Foundation
import GRDB
import GatewayModel
import SQLiteStorage
import Storage
import StorageConformance
import Testing

struct LedgerStoreDriverTests {
    @Test(arguments: LedgerStoreConformance.allCases)
    func theSQLiteStoreConforms(_ behaviour: LedgerStoreConformance) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "ledger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "ledger.sqlite").path()
        let store = try SQLiteLedgerStore(path: path)
        try await behaviour.hold(store) { try SQLiteLedgerStore(path: path) }
        try store.close()
    }
}

/// What a check finds in a ledger whose sums somebody has changed.
struct LedgerCheckTests {
    @Test(arguments: [
        "UPDATE usageByHour SET output = output + 1", "UPDATE usageByDay SET costRest = 3", "DELETE FROM usageByHour",
        "UPDATE usageOfAllKeysByHour SET requests = 0", "DELETE FROM usageOfAllKeysByDay",
        "INSERT INTO usageByHour SELECT hour + 1, series, 1,0,0,0,0,0,0,0,0,0,0,0,0,0,0 FROM usageByHour",
    ])
    func findsAndRepairsEveryDifference(_ damage: String) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "ledger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "ledger.sqlite").path()
        let store = try SQLiteLedgerStore(path: path)
        let day = LedgerStoreConformance.day
        _ = try await store.ingest((1...9).map { LedgerStoreConformance.entry($0) })
        #expect(
            try await store.verify(day, repair: true)
                == DayVerdict(day: day, records: 9, differences: 0, isRepaired: false)
        )
        let before = try await store.usage(UsageQuery(hours: day.hours, time: .hour))
        try await DatabaseQueue(path: path).write { db in try db.execute(sql: damage) }
        #expect(try await store.verify(day, repair: false).differences > 0)
        #expect(try await store.verify(day, repair: true).isRepaired)
        #expect(try await store.verify(day, repair: false).differences == 0)
        #expect(try await store.usage(UsageQuery(hours: day.hours, time: .hour)) == before)
    }
}
