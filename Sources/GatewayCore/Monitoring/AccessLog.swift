import GatewayModel
import Telemetry

/// One line per exchange, as JSON. Never content, never a credential. Fields: `docs/reference/logs.md`.
final class AccessLog {
    private let file: LogFile
    private var line = JSONLine(capacity: AccessLog.batchBytes + 2048)
    private var lines = 0
    private var time = TimestampCache()

    /// Bytes that are handed over at once.
    private static let batchBytes = 32 << 10

    init(_ file: LogFile) { self.file = file }

    /// Formats a line into the loop's own batch.
    func write(_ record: borrowing ExchangeRecord, _ end: ExchangeRecord.End, _ table: RoutingTable?) {
        self.line.begin()
        self.line.put("time", self.time.text(record.startedAt))
        self.line.put("id", record.id)
        if !record.requestID.isEmpty { self.line.put("request_id", record.requestID.bytes) }
        self.line.put("peer", record.peer)
        self.line.put("method", record.method.bytes)
        self.line.put("path", record.path.bytes)
        self.line.put("status", UInt64(record.status))
        self.line.put("outcome", end.outcome.rawValue)
        if let code = end.code {
            self.line.put("code", code.rawValue)
            self.line.put("fault", code.fault.rawValue)
        }
        if let table { self.putNames(record, table) }
        if !record.modelAsked.isEmpty { self.line.put("model", record.modelAsked.bytes) }
        if !record.modelServed.isEmpty { self.line.put("model_served", record.modelServed.bytes) }
        self.line.put("stream", record.isStream)
        self.line.put("attempts", UInt64(record.attempts))
        self.line.put("request_bytes", record.requestBytes)
        self.line.put("response_bytes", record.responseBytes)
        if !record.losses.isEmpty { self.line.put("losses", record.losses) }
        self.putUsage(record.usage)
        self.putTimes(record, end)
        self.line.end()
        self.lines += 1
        if self.line.count > Self.batchBytes { self.flush() }
    }

    /// Hands the batch over to the file's thread.
    func flush() {
        guard self.lines > 0 else { return }
        self.line.withBytes { self.file.write($0, count: self.lines) }
        self.line.clear()
        self.lines = 0
    }

    private func putNames(_ record: borrowing ExchangeRecord, _ table: RoutingTable) {
        if record.namespace >= 0 { self.line.put("namespace", table.namespaces[record.namespace].name) }
        if let key = record.key { table.withName(of: key) { self.line.put("key", $0) } }
        if record.route >= 0 { self.line.put("route", table.routes[record.route].name) }
        if record.upstream >= 0 { self.line.put("upstream", table.upstreams[record.upstream].nameBytes) }
        self.line.put("config_version", table.version)
    }

    private func putUsage(_ usage: TokenUsage) {
        guard usage.source != .none else { return }
        self.line.put("usage_source", usage.source.rawValue)
        self.line.put("input_tokens", usage.input + usage.cachedInput + usage.cacheWrite)
        self.line.put("output_tokens", usage.output + usage.reasoning)
    }

    private func putTimes(_ record: borrowing ExchangeRecord, _ end: ExchangeRecord.End) {
        self.line.put(milliseconds: "duration_ms", end.at - record.receivedAt)
        if record.firstSentAt > 0 { self.line.put(milliseconds: "overhead_ms", record.firstSentAt - record.receivedAt) }
        if record.firstByteAt > 0 {
            self.line.put(milliseconds: "first_byte_ms", record.firstByteAt - record.receivedAt)
        }
    }
}
