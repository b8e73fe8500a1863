import GatewayModel
import MySQLStorage
import Storage
import StorageConformance
import Testing

@Suite(.enabled(if: TestServer.program != nil, Comment(rawValue: TestServer.whyNot)))
struct MySQLConfigStoreTests {
    @Test(arguments: ConfigStoreConformance.allCases)
    func conforms(_ behaviour: ConfigStoreConformance) async throws {
        let store = try await MySQLConfigStore(MySQLPool(TestServer.shared.value.address()))
        try await behaviour.hold(store)
        await store.close()
    }

    /// Four pools stand for four processes: they share nothing but the database, the migrations included.
    @Test func noVersionIsLostOrDoubledAmongFourWriters() async throws {
        let address = try await TestServer.shared.value.address()
        let given = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let store = try await MySQLConfigStore(MySQLPool(address))
                    var versions: [UInt64] = []
                    for _ in 0..<25 { versions.append(try await Self.publish(store)) }
                    await store.close()
                    return versions
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for versions in given { #expect(versions == versions.sorted()) }
        #expect(given.flatMap { $0 }.sorted() == (1...100).map { UInt64($0) })
    }

    private static func publish(_ store: MySQLConfigStore) async throws -> UInt64 {
        try await store.write { rows in
            let next = try rows.newestVersion() + 1
            try rows.insert(
                SnapshotRecord(version: next, createdAt: 1, author: "a", reason: "r", contentHash: "h", sealed: [1])
            )
            return next
        }
    }

    @Test func anOlderProgramRefusesANewerSchema() async throws {
        let address = try await TestServer.shared.value.address()
        let pool = MySQLPool(address)
        let table = "CREATE TABLE IF NOT EXISTS one (a INT)"
        try await pool.migrate(MySQLMigrations("part", [table, "CREATE TABLE IF NOT EXISTS two (a INT)"]))
        try await pool.migrate(MySQLMigrations("other", [table]))
        let error = await #expect(throws: MySQLError.self) { try await pool.migrate(MySQLMigrations("part", [table])) }
        #expect(error?.local == .newerSchema)
        #expect(error?.message.contains("part/0002") == true)
        await pool.close()
    }

    @Test func survivesARestartOfTheServer() async throws {
        let server = try await TestServer()
        let store = try await MySQLConfigStore(MySQLPool(server.address()))
        #expect(try await Self.publish(store) == 1)
        server.stop()
        await #expect(throws: MySQLError.self) { try await Self.publish(store) }
        try await server.start()
        #expect(try await Self.publish(store) == 2)
        #expect(try await store.read { rows in try rows.newestVersion() } == 2)
        await store.close()
    }
}
