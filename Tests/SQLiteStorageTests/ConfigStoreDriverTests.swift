import Foundation
import SQLiteStorage
import Storage
import StorageConformance
import Testing

struct ConfigStoreDriverTests {
    @Test(arguments: ConfigStoreConformance.allCases)
    func theMemoryStoreConforms(_ behaviour: ConfigStoreConformance) async throws {
        try await behaviour.hold(MemoryConfigStore())
    }

    @Test(arguments: ConfigStoreConformance.allCases)
    func theSQLiteStoreConforms(_ behaviour: ConfigStoreConformance) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let store = try SQLiteConfigStore(path: directory.appending(path: "config.sqlite").path())
        try await behaviour.hold(store)
        try store.close()
    }
}
