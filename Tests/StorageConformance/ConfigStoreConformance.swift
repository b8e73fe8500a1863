import GatewayModel
package import Storage
import Testing

/// What every driver must do alike, as one list of behaviours: each driver's tests run all of them on stores of their own.
package enum ConfigStoreConformance: String, CaseIterable, Sendable {
    case keepsAndPagesResources
    case undoesWhatFails
    case numbersSnapshotsUpwardsOnly
    case keepsTheAuditInOrder
    case forgetsTokensWithTimeAndWithTheirUser
    case aReadMayNotWrite
    case keepsTextsAndBytesAsTheyAre
    case pagesUsers
    case writersGoOneAfterAnother

    /// Holds an empty store to the behaviour. Failures are recorded as the running test's issues.
    package func hold(_ store: any ConfigStore) async throws {
        switch self {
        case .keepsAndPagesResources: try await Self.keepsAndPagesResources(store)
        case .undoesWhatFails: try await Self.undoesWhatFails(store)
        case .numbersSnapshotsUpwardsOnly: try await Self.numbersSnapshotsUpwardsOnly(store)
        case .keepsTheAuditInOrder: try await Self.keepsTheAuditInOrder(store)
        case .forgetsTokensWithTimeAndWithTheirUser: try await Self.forgetsTokensWithTimeAndWithTheirUser(store)
        case .aReadMayNotWrite: try await Self.aReadMayNotWrite(store)
        case .keepsTextsAndBytesAsTheyAre: try await Self.keepsTextsAndBytesAsTheyAre(store)
        case .pagesUsers: try await Self.pagesUsers(store)
        case .writersGoOneAfterAnother: try await Self.writersGoOneAfterAnother(store)
        }
    }
}

extension ConfigStoreConformance {
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

    private static func keepsAndPagesResources(_ store: any ConfigStore) async throws {
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

    private static func undoesWhatFails(_ store: any ConfigStore) async throws {
        struct Refusal: Error {}
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

    private static func numbersSnapshotsUpwardsOnly(_ store: any ConfigStore) async throws {
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

    private static func keepsTheAuditInOrder(_ store: any ConfigStore) async throws {
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

    private static func forgetsTokensWithTimeAndWithTheirUser(_ store: any ConfigStore) async throws {
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

    private static func aReadMayNotWrite(_ store: any ConfigStore) async throws {
        await #expect(throws: (any Error).self) { try await store.read { rows in try rows.set("a", [1]) } }
        try await store.write { rows in
            try rows.set("a", [1])
            try rows.set("a", [2])
        }
        #expect(try await store.read { rows in try rows.setting("a") } == [2])
        #expect(try await store.read { rows in try rows.setting("b") } == nil)
    }

    /// Four-byte characters, spaces at the end, texts that only differ by them or by case, and every byte.
    private static func keepsTextsAndBytesAsTheyAre(_ store: any ConfigStore) async throws {
        let names = ["a", "a ", "A", "👩‍🚀", "é", "it's \"`\\%_;--"]
        let bytes = (0...255).map { UInt8($0) }
        let large = [UInt8](repeating: 0xA5, count: 3_000_000)
        try await store.write { rows in
            for name in names { try rows.put(Self.resource(name)) }
            try rows.set("bytes", bytes)
            try rows.set("empty", [])
            try rows.set("large", large)
            var snapshot = Self.snapshot(1)
            snapshot.reason = "😀 \"quoted\"\nend"
            try rows.insert(snapshot)
        }
        let (found, reason) = try await store.read { rows in
            (try names.map { try rows.resource(.model, $0) }, try rows.snapshot(1)?.reason)
        }
        #expect(found == names.map { Self.resource($0) })
        #expect(reason == "😀 \"quoted\"\nend")
        let all = try await store.read { rows in try rows.allResources(.model) }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(all.map { Array($0.name.utf8) } == sorted.map { Array($0.utf8) })
        let settings = try await store.read { rows in try ["bytes", "empty", "large"].map { try rows.setting($0) } }
        #expect(settings == [bytes, [], large])
    }

    private static func pagesUsers(_ store: any ConfigStore) async throws {
        try await store.write { rows in
            for name in ["c", "a", "b", "d"] {
                try rows.put(UserRecord(name: name, role: "viewer", passwordHash: "h", createdAt: 1))
            }
        }
        let (first, second) = try await store.read { rows in
            (try rows.users(after: nil, limit: 3), try rows.users(after: "c", limit: 3))
        }
        #expect(first.map(\.name) == ["a", "b", "c"])
        #expect(second.map(\.name) == ["d"])
    }

    private static func writersGoOneAfterAnother(_ store: any ConfigStore) async throws {
        let given = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await store.write { rows in
                        let next = try rows.newestVersion() + 1
                        try rows.insert(Self.snapshot(next))
                        return next
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(given.sorted() == (1...40).map { UInt64($0) })
    }
}
