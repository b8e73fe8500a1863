import ConfigCenter
import Foundation
import GatewayModel
import HTTPTypes
import Logging
import SQLiteStorage
import ServiceKit
import Storage
import Synchronization
import Testing

struct ConfigEndpointTests {
    @Test func applyIsAllOrNothing() async throws {
        try await Fixture.run { fixture in
            let before = fixture.center.currentSnapshot()
            let answer = try await fixture.call(
                .post,
                "/api/v1/apply",
                #"{"namespaces":{"name":"good"},"keys":[{"name":"k","namespace":"good"},{"name":"l","namespace":"bad"}]}"#
            )
            #expect(answer.status == 422)
            #expect(answer.json["path"] == "keys[1].namespace")
            #expect(fixture.center.currentSnapshot() == before)
            #expect(try await fixture.call(.get, "/api/v1/namespaces/good").status == 404)
        }
    }

    @Test func aPlanSaysWhatApplyWouldDo() async throws {
        try await Fixture.run { fixture in
            try await fixture.applyConfig()
            let before = fixture.center.currentSnapshot()
            let plan = try await fixture.call(
                .post,
                "/api/v1/plan",
                #"{"namespaces":{"name":"new"},"keys":{"name":"search-prod","namespace":"new"}}"#,
                as: .viewer
            )
            let changes = plan.json["changes"]?.array ?? []
            #expect(changes.compactMap { $0["change"] } == ["added", "changed"])
            #expect(changes[1]["fields"] == [["path": "namespace", "before": "team/search", "after": "new"]])
            #expect(fixture.center.currentSnapshot() == before)
            #expect(try await fixture.call(.post, "/api/v1/plan", #"{"keys":{"name":"k"}}"#).status == 422)
        }
    }

    @Test(arguments: ["application/yaml", "application/json"])
    func applyingAnExportChangesNothing(_ type: String) async throws {
        try await Fixture.run { fixture in
            try await fixture.applyConfig()
            let before = try #require(fixture.center.currentSnapshot())
            let export = try await fixture.call(.get, "/api/v1/export", headers: [.accept: type])
            #expect(export.headers[.contentType] == type)
            let answer = try await fixture.call(
                .post,
                "/api/v1/apply",
                export.text,
                headers: [.contentType: type]
            )
            #expect(answer.status == 200 && answer.json["changes"] == [])
            #expect(answer.json["version"] == .int(Int64(before.version)))
            #expect(fixture.center.currentSnapshot() == before)
        }
    }

    @Test func secretsAreInNoAnswer() async throws {
        try await Fixture.run { fixture in
            try await fixture.applyConfig()
            try await fixture.call(
                .put,
                "/api/v1/upstreams/openai",
                #"{"dialect":"openai","baseURL":"https://api.openai.example/v1","credentials":[{"value":"sk-provider-secret"}]}"#,
                headers: [.ifMatch: "*"]
            )
            let pepper = Hex.text(try #require(fixture.center.currentSnapshot()).keyPepper.reveal())
            let digest = Hex.text(try #require(fixture.center.currentSnapshot()).keys[0].digest.bytes)
            let uris = [
                "/api/v1/keys", "/api/v1/keys/search-prod", "/api/v1/upstreams", "/api/v1/upstreams/openai",
                "/api/v1/export", "/api/v1/snapshots", "/api/v1/snapshots/2", "/api/v1/snapshots/2/diff/3",
                "/api/v1/audit", "/api/v1/users", "/metrics", "/openapi.json",
            ]
            for uri in uris {
                let answer = try await fixture.call(.get, uri)
                #expect(answer.status == 200, "\(uri)")
                for secret in Fixture.secrets + [pepper, digest] + Array(fixture.tokens.values) {
                    #expect(!answer.text.contains(secret), "\(uri)")
                }
            }
            let audit = try await fixture.call(.get, "/api/v1/audit?limit=1").json["items"]?.array?.first
            #expect(audit?["action"] == "update" && audit?["secretsChanged"] == true)
        }
    }

    @Test func secretsLieSealedInTheStore() async throws {
        let store = MemoryConfigStore()
        try await Fixture.run(store: store) { fixture in
            try await fixture.applyConfig()
            let (records, snapshot) = try await store.read { rows in
                (try ResourceKind.allCases.flatMap(rows.allResources), try rows.snapshot(2))
            }
            let stored = records.flatMap { $0.document.json() + ($0.sealed ?? []) } + (snapshot?.sealed ?? [])
            let text = String(decoding: stored, as: UTF8.self)
            for secret in Fixture.secrets { #expect(!text.contains(secret)) }
        }
        // Another life of the service reads it all back.
        let center = try await Self.center(store)
        #expect(center.currentSnapshot()?.upstreams[0].credentials[0].source == .value(Secret("sk-provider-secret")))
        // Credentials do not follow a row whose address was changed in the database.
        try await store.write { rows in
            var record = try #require(try rows.resource(.upstream, "openai"))
            var document = try #require(record.document.object)
            document.set("baseURL", "https://evil.example/v1")
            record.document = .object(document)
            try rows.put(record)
        }
        let document = try ConfigDocument(yaml: "namespaces: { name: x }", environment: { _ in nil })
        await #expect(throws: StorageError.self) { try await center.apply(document, managedBy: .api) }
    }

    private static func center(_ store: any ConfigStore) async throws -> ConfigCenter {
        let center = ConfigCenter(
            store: store,
            secrets: SecretBox(Fixture.masterKey),
            options: ConfigCenterOptions(hasher: PasswordHasher(rounds: 16)),
            logger: Logger(label: "test")
        )
        let first = try await center.bootstrap()
        #expect(first == nil)
        return center
    }

    @Test func servesTheSameFromSQLiteAfterARestart() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "center-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "config.sqlite").path()
        let store = try SQLiteConfigStore(path: path)
        let before = Mutex<Snapshot?>(nil)
        try await Fixture.run(store: store) { fixture in
            try await fixture.applyConfig()
            let name = "/api/v1/namespaces/team%2Fsearch"
            let put = try await fixture.call(.put, name, #"{"anonymous":true}"#, headers: [.ifMatch: "\"1\""])
            #expect(put.status == 200)
            before.withLock { $0 = fixture.center.currentSnapshot() }
        }
        try store.close()
        let again = try SQLiteConfigStore(path: path)
        let center = try await Self.center(again)
        #expect(center.currentSnapshot() == before.withLock { $0 })
        #expect(center.currentSnapshot()?.version == 3)
        let password = try await center.renewPassword(of: "admin")
        #expect(password.count == 20)
        try again.close()
    }

    @Test func onlyOneOfSeveralConfigCentersIsTheFirst() async throws {
        let store = MemoryConfigStore()
        let told = try await withThrowingTaskGroup(of: FirstRun?.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let center = ConfigCenter(
                        store: store,
                        secrets: SecretBox(Fixture.masterKey),
                        options: ConfigCenterOptions(hasher: PasswordHasher(rounds: 4096)),
                        logger: Logger(label: "test")
                    )
                    return try await center.bootstrap()
                }
            }
            return try await group.reduce(into: [FirstRun]()) { if let first = $1 { $0.append(first) } }
        }
        #expect(told.count == 1)
        #expect(try await store.read { rows in try rows.newestVersion() } == 1)
    }

    @Test func seesWhatAnotherConfigCenterPublished() async throws {
        let store = MemoryConfigStore()
        try await Fixture.run(store: store) { fixture in
            let other = try await Self.center(store)
            for name in ["a", "b"] {
                let document = try ConfigDocument(yaml: "namespaces: { name: \(name) }", environment: { _ in nil })
                _ = try await (name == "a" ? fixture.center : other).apply(document, managedBy: .api)
            }
            // The second change was made on top of the first, though another instance made that one.
            #expect(other.currentSnapshot()?.namespaces.map(\.name) == ["a", "b"])
            #expect(try await fixture.call(.get, "/api/v1/export").text.contains("name: b"))
            _ = try await fixture.center.bootstrap()
            #expect(fixture.center.currentSnapshot() == other.currentSnapshot())
        }
    }

    @Test func diffsAndRollsBack() async throws {
        try await Fixture.run { fixture in
            try await fixture.applyConfig()
            let before = try #require(fixture.center.currentSnapshot())
            let changed = Fixture.config.replacing("requests: 600", with: "requests: 700")
                .replacing("sk-provider-secret", with: "sk-other")
            let apply = try await fixture.call(
                .post,
                "/api/v1/apply",
                changed,
                headers: [.contentType: "application/yaml"]
            )
            #expect(apply.json["version"] == 3)
            let changes = try await fixture.call(.get, "/api/v1/snapshots/2/diff/3").json["changes"]?.array ?? []
            #expect(changes.compactMap { $0["name"] } == ["openai", "rpm"])
            #expect(changes[0]["secretsChanged"] == true && changes[0]["fields"] == [])
            #expect(changes[1]["fields"] == [["path": "rateLimit.requests", "before": 600, "after": 700]])

            let rollback = try await fixture.call(.post, "/api/v1/snapshots/2/rollback")
            #expect(rollback.json["version"] == 4)
            var now = try #require(fixture.center.currentSnapshot())
            #expect(now.version == 4)
            now.version = before.version
            now.createdAt = before.createdAt
            #expect(now == before)
            #expect(try await fixture.call(.post, "/api/v1/snapshots/99/rollback").status == 404)
            #expect(try await fixture.call(.post, "/api/v1/snapshots/x/rollback").status == 400)
            let list = try await fixture.call(.get, "/api/v1/snapshots?limit=2").json
            #expect(list["items"]?.array?.compactMap { $0["reason"] } == ["rollback to 2", "apply"])
        }
    }

    @Test func keepsTheNewestSnapshotsOnly() async throws {
        try await Fixture.run(keptSnapshots: 3) { fixture in
            for name in ["a", "b", "c", "d"] {
                try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"\#(name)"}"#)
            }
            let list = try await fixture.call(.get, "/api/v1/snapshots").json
            #expect(list["items"]?.array?.compactMap { $0["version"] } == [5, 4, 3])
        }
    }

    @Test func recordsWhoChangedWhatFromWhere() async throws {
        try await Fixture.run { fixture in
            try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"a"}"#, as: .editor)
            let page = try await fixture.call(.get, "/api/v1/audit?limit=1", as: .auditor).json
            let entry = try #require(page["items"]?.array?.first)
            #expect(entry["actor"] == "editor" && entry["action"] == "create" && entry["kind"] == "namespace")
            #expect(entry["before"] == .null && entry["after"]?["name"] == "a" && entry["snapshot"] == 2)
            #expect(entry["at"] == "2027-01-15T08:00:00Z")
        }
    }

    @Test func tellsObserversAtOnceAndOfEachChange() async throws {
        try await Fixture.run { fixture in
            let versions = Mutex<[UInt64]>([])
            fixture.center.observe { snapshot in versions.withLock { $0.append(snapshot.version) } }
            try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"a"}"#)
            try await fixture.call(.post, "/api/v1/namespaces", #"{"name":"a"}"#)
            #expect(versions.withLock { $0 } == [1, 2])
        }
    }

    @Test func gatewaysReport() async throws {
        try await Fixture.run { fixture in
            let report = try await fixture.call(.post, "/api/v1/gateways/g1", #"{"version":1}"#, as: .gateway)
            #expect(report.status == 204)
            let bad = try await fixture.call(.post, "/api/v1/gateways/g1", #"{"versio":1}"#, as: .gateway)
            #expect(bad.status == 422 && bad.json["problems"]?.array?.count == 2)
            fixture.center.reportGateway(id: "g0", version: 1)
            let list = try await fixture.call(.get, "/api/v1/gateways").json["items"]?.array ?? []
            #expect(list.compactMap { $0["id"] } == ["g0", "g1"])
            #expect(list[1]["version"] == 1 && list[1]["stale"] == false)
        }
    }
}
