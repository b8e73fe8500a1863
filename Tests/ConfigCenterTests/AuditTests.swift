import ConfigCenter
import GatewayModel
import HTTPTypes
import Storage
import Synchronization
import Testing

/// What the one who holds a config center is told of changes and logins.
struct AuditTests {
    private final class Listener: Sendable {
        private let heard = Mutex<[AuditRecord]>([])
        var records: [AuditRecord] { self.heard.withLock { $0 } }
        var note: @Sendable (AuditRecord) -> Void { { record in self.heard.withLock { $0.append(record) } } }
    }

    @Test func tellsOfEveryRowOnceItIsCommitted() async throws {
        let listener = Listener()
        try await Fixture.run(onAudit: listener.note) { fixture in
            try await fixture.applyConfig()
            let taken = #"{"name":"editor","role":"editor","password":"twelve or more"}"#
            #expect(try await fixture.call(.post, "/api/v1/users", taken).status == 409)
            #expect(try await fixture.call(.delete, "/api/v1/namespaces/team%2Fsearch").status == 409)
            let rows = try await fixture.store.read { rows in try rows.audit(before: nil, limit: 1000) }
            #expect(rows.count > 6)
            #expect(listener.records.sorted { $0.id > $1.id } == rows)
        }
    }

    @Test func tellsOfRefusedLoginsThatWereLookedAt() async throws {
        let listener = Listener()
        try await Fixture.run(onAudit: listener.note) { fixture in
            let guess = #"{"name":"editor","password":"a wrong password"}"#
            for _ in 0..<8 { try await fixture.call(.post, "/api/v1/login", guess, as: nil) }
            let refused = listener.records.filter { $0.action == "refuse" }
            #expect(refused.count == 5, "beyond, the attempts were turned away unseen")
            #expect(refused.allSatisfy { $0.kind == "login" && $0.name == "editor" && $0.id == 0 })
        }
    }

    @Test func tellsNoSecrets() async throws {
        let listener = Listener()
        try await Fixture.run(onAudit: listener.note) { fixture in
            try await fixture.applyConfig()
            let told = listener.records.map { "\($0.before.json())\($0.after.json())\($0)" }.joined()
            let texts = listener.records.flatMap { [$0.before, $0.after] }
                .map { String(decoding: $0.json(), as: UTF8.self) }.joined()
            for secret in Fixture.secrets { #expect(!told.contains(secret) && !texts.contains(secret)) }
        }
    }
}
