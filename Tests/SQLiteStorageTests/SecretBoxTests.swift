import Foundation
import GatewayModel
import Storage
import Testing

struct SecretBoxTests {
    @Test func opensOnlyWhatIsSealedForTheSamePlace() throws {
        let box = SecretBox(.random())
        let sealed = try box.seal([1, 2, 3], boundTo: "upstream/a/https://h:443")
        #expect(try box.open(sealed, boundTo: "upstream/a/https://h:443") == [1, 2, 3])
        #expect(throws: StorageError.self) { try box.open(sealed, boundTo: "upstream/a/https://evil:443") }
        #expect(throws: StorageError.self) {
            try SecretBox(.random()).open(sealed, boundTo: "upstream/a/https://h:443")
        }
        var damaged = sealed
        damaged[20] ^= 1
        #expect(throws: StorageError.self) { try box.open(damaged, boundTo: "upstream/a/https://h:443") }
        #expect(throws: StorageError.self) { try box.open([], boundTo: "") }
    }

    @Test func hashesContentWithSecretsButNotItsNumber() {
        var one = Snapshot(version: 1, createdAt: 1, keyPepper: Secret("p"))
        var upstream = Upstream(
            name: "u",
            dialect: .openAI,
            baseURL: BaseURL(tls: true, host: "h", port: 443, path: ""),
            credentials: [.init(source: .value(Secret("a")))]
        )
        one.upstreams = [upstream]
        var two = one
        two.version = 2
        #expect(one.contentHash == two.contentHash)
        upstream.credentials = [.init(source: .value(Secret("b")))]
        two.upstreams = [upstream]
        #expect(one.contentHash != two.contentHash)
    }

    @Test func theMasterKeyIsCreatedOnceAndForItsOwnerOnly() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "key-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/master.key"
        let sealed = try SecretBox(MasterKey.loadOrCreate(directory: directory, environment: [:])).seal(
            [7],
            boundTo: "x"
        )
        let again = try MasterKey.loadOrCreate(directory: directory, environment: [:])
        #expect(try SecretBox(again).open(sealed, boundTo: "x") == [7])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(throws: StorageError.self) { try MasterKey.loadOrCreate(directory: directory, environment: [:]) }
    }

    @Test func theEnvironmentsMasterKeyMustBeWhole() throws {
        #expect(throws: StorageError.masterKey("AI_GATEWAY_MASTER_KEY must be 32 bytes in base64")) {
            try MasterKey.loadOrCreate(directory: "/nowhere", environment: ["AI_GATEWAY_MASTER_KEY": "c2hvcnQ="])
        }
        let text = Data(repeating: 3, count: 32).base64EncodedString()
        _ = try MasterKey.loadOrCreate(directory: "/nowhere", environment: ["AI_GATEWAY_MASTER_KEY": text])
    }

    @Test func aSnapshotFileIsSealedAndReplacedAsAWhole() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "snapshot-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let key = MasterKey.random()
        let file = SnapshotFile(path: path, secrets: SecretBox(key))
        #expect(try file.load() == nil)
        var snapshot = Snapshot(version: 3, createdAt: 4, keyPepper: Secret("visible pepper"))
        try file.save(snapshot)
        snapshot.version = 4
        try file.save(snapshot)
        #expect(try file.load() == snapshot)
        let pepper = Hex.text("visible pepper".utf8)
        let content = try #require(FileManager.default.contents(atPath: path))
        #expect(!String(decoding: content, as: UTF8.self).contains(pepper))
        #expect(throws: StorageError.self) { try SnapshotFile(path: path, secrets: SecretBox(.random())).load() }
        #expect(throws: StorageError.self) {
            try SnapshotFile(path: "/nowhere/at/all", secrets: SecretBox(key)).save(snapshot)
        }
    }
}
