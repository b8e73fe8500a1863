internal import GatewayModel
internal import Synchronization

/// Which gateways have reported lately, and what they run. In memory: a gateway reports again within seconds.
final class GatewayRegistry: Sendable {
    struct Report: Sendable {
        let id: String
        let version: UInt64
        let origin: String
        let seenAt: Int64
    }

    private static let limit = 10_000
    private static let forgottenAfter: Int64 = 3600
    private static let staleAfter: Int64 = 30
    private let reports = Mutex<[String: Report]>([:])

    /// False when there are too many gateways to remember another one.
    func record(_ report: Report) -> Bool {
        self.reports.withLock { reports in
            if reports[report.id] == nil, reports.count >= Self.limit {
                reports = reports.filter { $0.value.seenAt > report.seenAt - Self.forgottenAfter }
                if reports.count >= Self.limit { return false }
            }
            reports[report.id] = report
            return true
        }
    }

    func page(after: String?, limit: Int, now: Int64) -> [DocumentValue] {
        let reports = self.reports.withLock { Array($0.values) }
        let listed = reports.filter { $0.seenAt > now - Self.forgottenAfter && $0.id > after ?? "" }
        return listed.sorted { $0.id < $1.id }.prefix(limit).map { report in
            [
                "id": .string(report.id), "version": .int(Int64(clamping: report.version)),
                "origin": .string(report.origin), "seenAt": .string(Timestamp.text(report.seenAt)),
                "stale": .bool(report.seenAt <= now - Self.staleAfter),
            ]
        }
    }
}
