import GatewayModel
import MySQLStorage
import Storage
import StorageConformance
import Testing

@Suite(.enabled(if: TestServer.program != nil, Comment(rawValue: TestServer.whyNot)))
struct MySQLLedgerStoreTests {
    @Test(arguments: LedgerStoreConformance.allCases)
    func conforms(_ behaviour: LedgerStoreConformance) async throws {
        let address = try await TestServer.shared.value.address()
        let store = try await MySQLLedgerStore(MySQLPool(address))
        try await behaviour.hold(store) { try await MySQLLedgerStore(MySQLPool(address)) }
        await store.close()
    }
}
