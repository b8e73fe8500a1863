import GatewayModel
import Storage
import Telemetry

/// Who changed what, as JSON lines: the same facts as `GET /api/v1/audit`, and refused logins beside them. Fields:
/// `docs/reference/logs.md`. The database remains the record; the log is for those who collect logs.
final class AuditLog: Sendable {
    private let file: LogFile?

    /// Nil when it is off.
    init(_ destination: LogFile.Destination?) throws(LogFileError) {
        self.file = if let destination { try LogFile(destination) } else { nil }
    }

    func write(_ record: AuditRecord) {
        guard let file = self.file else { return }
        Self.line(record).withUnsafeBytes { file.write($0, count: 1) }
    }

    func reopen() { self.file?.reopen() }

    func close() { self.file?.close() }

    /// A record as a line.
    static func line(_ record: AuditRecord) -> [UInt8] {
        var line = JSONLine()
        line.begin()
        line.put("time", Timestamp.text(record.at))
        if record.id > 0 { line.put("id", UInt64(record.id)) }
        line.put("actor", record.actor)
        line.put("origin", record.origin)
        line.put("action", record.action)
        line.put("kind", record.kind)
        line.put("name", record.name)
        if record.before != .null { line.put("before", json: record.before.json()) }
        if record.after != .null { line.put("after", json: record.after.json()) }
        line.put("secrets_changed", record.secretsChanged)
        if let version = record.snapshot { line.put("config_version", version) }
        line.end()
        return line.bytes
    }
}
