internal import GatewayModel
internal import Hummingbird
internal import ServiceKit
internal import Storage

/// Where gateways bring their records.
struct IngestEndpoint {
    let ledger: UsageLedger

    /// Bytes of one batch.
    static let bodyLimit = 16 << 20
    /// Bytes of one record. A gateway's own are smaller, as its journal bounds them; this is less than a column of any
    /// ledger holds.
    private static let recordLimit = 32 << 10
    private static let problemLimit = 10

    var endpoint: Endpoint {
        Endpoint(
            .post,
            "/api/v1/usage/ingest",
            access: .roles([.gateway, .admin]),
            operation: "ingestUsage",
            summary: "Stores usage records, one JSON object per line; each is stored once, however often it is sent.",
            body: .init("UsageRecord", types: ["application/x-ndjson"], limit: Self.bodyLimit),
            answer: .init(.ok, "IngestReport"),
            handle: self.ingest
        )
    }

    /// A line that is no record is refused by itself: it would be refused again whenever it is sent, and must not hold up
    /// the others.
    @Sendable private func ingest(_ request: ServiceRequest) async throws -> Response {
        var (records, problems): ([UsageRecord], [Problem]) = ([], [])
        var refused = 0
        let lines = request.body.split(separator: UInt8(ascii: "\n"))
        guard lines.count <= UsageLedger.batchLimit else {
            throw ServiceProblem(.bodyTooLarge, "At most \(UsageLedger.batchLimit) records are read here.")
        }
        for (index, line) in lines.enumerated() {
            let log = ProblemLog()
            if let record = Self.record(line, at: "[\(index)]", log) { records.append(record) }
            guard !log.problems.isEmpty else { continue }
            refused += 1
            problems += log.problems.prefix(max(0, Self.problemLimit - problems.count))
        }
        let report = try await self.ledger.ingest(records)
        self.ledger.noteRefused(refused)
        return .json([
            "stored": .int(Int64(report.stored)), "duplicates": .int(Int64(report.duplicates)),
            "expired": .int(Int64(report.expired)), "refused": .int(Int64(refused)),
            "problems": .array(problems.map { ["path": .string($0.path), "message": .string($0.message)] }),
        ])
    }

    /// Nil, with the problems in `log`, if the line is no record.
    private static func record(_ line: ArraySlice<UInt8>, at path: String, _ log: ProblemLog) -> UsageRecord? {
        guard line.count <= Self.recordLimit else {
            log.add(path, "has \(line.count) bytes; a record has at most \(Self.recordLimit)")
            return nil
        }
        do throws(DocumentSyntaxError) {
            let record = UsageRecord(reading: FieldReader(try DocumentValue(json: Array(line)), at: path, log: log))
            return log.problems.isEmpty ? record : nil
        } catch {
            log.add(path, error.message)
            return nil
        }
    }
}
