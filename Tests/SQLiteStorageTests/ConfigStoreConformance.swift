import Foundation
import GatewayModel
import SQLiteStorage
import Storage
import Testing

/// What every driver must do alike.
struct ConfigStoreConformance {
    enum Driver: CaseIterable, Sendable {
        case memory, sqlite

        func run(_ body: (any ConfigStore) async throws -> Void) async throws {
            switch self {
            case .memory: try await body(MemoryConfigStore())
            case .sqlite:
                let directory = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(at: directory) }
                let store = try SQLiteConfigStore(path: directory.appending(path: "config.sqlite").path())
                try await body(store)
                try store.close()
            }
        }
    }

    static func resource(_ name: String, version: Int64 = 1) -> ResourceRecord {
        ResourceRecord(
            kind: .model,
            name: name,
            id: "id-\(name)",
            version: version,
            managedBy: .file,
            updatedAt: 5,
            document: ["name": .string(name), "list": [1, .null, "ü"]],
            sealed: [0, 255]
        )
    }

    static func snapshot(_ version: UInt64) -> SnapshotRecord {
        SnapshotRecord(version: version, createdAt: 9, author: "a", reason: "r", contentHash: "h", sealed: [1, 2])
    }

    @Test(arguments: Driver.allCases)
    func keepsAndPagesResources(_ driver: Driver) async throws {
        try await driver.run { store in
            try await store.write { rows in
                for name in ["b", "Z", "a", "ä", "b/c"] { try rows.put(Self.resource(name)) }
                try rows.put(Self.resource("b", version: 2))
                try rows.deleteResource(.model, "a")
            }
            let (first, second, b, other) = try await store.read { rows in
                (
                    try rows.resources(.model, after: nil, limit: 2), try rows.resources(.model, after: "b", limit: 9),
                    try rows.resource(.model, "b"), try rows.resource(.key, "b")
                )
            }
            #expect(first.map(\.name) == ["Z", "b"])
            #expect(second.map(\.name) == ["b/c", "ä"])
            #expect(b == Self.resource("b", version: 2))
            #expect(other == nil)
        }
    }

    @Test(arguments: Driver.allCases)
    func undoesWhatFails(_ driver: Driver) async throws {
        struct Refusal: Error {}
        try await driver.run { store in
            await #expect(throws: Refusal.self) {
                try await store.write { rows in
                    try rows.put(Self.resource("x"))
                    try rows.append(AuditRecord(at: 1, actor: "a", origin: "o", action: "x", kind: "model", name: "x"))
                    try rows.insert(Self.snapshot(1))
                    throw Refusal()
                }
            }
            let (resources, audit, version) = try await store.read { rows in
                (try rows.allResources(.model), try rows.audit(before: nil, limit: 9), try rows.newestVersion())
            }
            #expect(resources.isEmpty && audit.isEmpty && version == 0)
        }
    }

    @Test(arguments: Driver.allCases)
    func numbersSnapshotsUpwardsOnly(_ driver: Driver) async throws {
        try await driver.run { store in
            try await store.write { rows in for version in 1...5 { try rows.insert(Self.snapshot(UInt64(version))) } }
            await #expect(throws: StorageError.conflict("snapshot 5")) {
                try await store.write { rows in try rows.insert(Self.snapshot(5)) }
            }
            try await store.write { rows in try rows.deleteSnapshots(before: 2) }
            let (page, one, gone, newest, absurd) = try await store.read { rows in
                (
                    try rows.snapshots(before: 5, limit: 2), try rows.snapshot(3), try rows.snapshot(1),
                    try rows.newestVersion(), try rows.snapshot(UInt64.max)
                )
            }
            #expect(page.map(\.version) == [4, 3])
            #expect(page.allSatisfy { $0.sealed.isEmpty })
            #expect(one == Self.snapshot(3))
            #expect(gone == nil && absurd == nil)
            #expect(newest == 5)
        }
    }

    @Test(arguments: Driver.allCases)
    func keepsTheAuditInOrder(_ driver: Driver) async throws {
        try await driver.run { store in
            try await store.write { rows in
                for number in 1...3 {
                    try rows.append(
                        AuditRecord(
                            at: Int64(number),
                            actor: "ann",
                            origin: "127.0.0.1",
                            action: "update",
                            kind: "key",
                            name: "k",
                            before: .null,
                            after: ["n": .int(Int64(number))],
                            secretsChanged: number == 2,
                            snapshot: 7
                        )
                    )
                }
            }
            let page = try await store.read { rows in try rows.audit(before: 3, limit: 9) }
            #expect(page.map(\.id) == [2, 1])
            #expect(page[0].after == ["n": 2] && page[0].before == .null && page[0].secretsChanged)
            #expect(page[0].snapshot == 7 && page[0].origin == "127.0.0.1")
        }
    }

    @Test(arguments: Driver.allCases)
    func forgetsTokensWithTimeAndWithTheirUser(_ driver: Driver) async throws {
        try await driver.run { store in
            try await store.write { rows in
                try rows.put(UserRecord(name: "ann", role: "admin", passwordHash: "h", createdAt: 1))
                try rows.put(UserRecord(name: "ann", role: "viewer", passwordHash: "i", createdAt: 2))
                for (digest, user, expiry) in [("1", "ann", 10), ("2", "ann", 20), ("3", "bob", 20), ("4", "bob", 30)] {
                    try rows.insert(TokenRecord(digest: digest, user: user, role: "admin", expiresAt: Int64(expiry)))
                }
                try rows.deleteTokens(expiredAt: 10)
            }
            let user = try await store.read { rows in try rows.user("ann") }
            #expect(user == UserRecord(name: "ann", role: "viewer", passwordHash: "i", createdAt: 1))
            try await store.write { rows in
                try rows.deleteUser("ann")
                try rows.deleteToken("4")
            }
            let left = try await store.read { rows in try ["1", "2", "3", "4"].filter { try rows.token($0) != nil } }
            #expect(left == ["3"])
        }
    }

    @Test(arguments: Driver.allCases)
    func aReadMayNotWrite(_ driver: Driver) async throws {
        try await driver.run { store in
            await #expect(throws: (any Error).self) { try await store.read { rows in try rows.set("a", [1]) } }
            try await store.write { rows in
                try rows.set("a", [1])
                try rows.set("a", [2])
            }
            #expect(try await store.read { rows in try rows.setting("a") } == [2])
            #expect(try await store.read { rows in try rows.setting("b") } == nil)
        }
    }
}
