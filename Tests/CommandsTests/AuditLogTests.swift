import GatewayModel
import Storage
import Testing

@testable import Commands

struct AuditLogTests {
    @Test func aRecordIsOneLineOfJSON() throws {
        let record = AuditRecord(
            id: 7,
            at: 1_800_000_000,
            actor: "ann\n\"quoted\"",
            origin: "127.0.0.1",
            action: "update",
            kind: "model",
            name: "gpt-4o",
            after: ["name": "gpt-4o"],
            snapshot: 3
        )
        let line = String(decoding: AuditLog.line(record), as: UTF8.self)
        #expect(line.hasSuffix("}\n") && line.dropLast().allSatisfy { !$0.isNewline })
        let value = try DocumentValue(json: line)
        #expect(value["actor"]?.string == record.actor && value["after"] == record.after)
        #expect(value["id"] == 7 && value["config_version"] == 3 && value["before"] == nil)
        #expect(value["time"]?.string == "2027-01-15T08:00:00Z")
    }

    @Test func aRefusedLoginHasNoRow() throws {
        let record = AuditRecord(at: 0, actor: "x", origin: "o", action: "refuse", kind: "login", name: "x")
        #expect(try DocumentValue(json: String(decoding: AuditLog.line(record), as: UTF8.self))["id"] == nil)
    }
}
