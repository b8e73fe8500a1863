package import HTTPTypes
internal import Synchronization

/// Counts answers by endpoint and status. The series are bounded by the table of endpoints: paths are those of the
/// table, methods that it does not know are counted as `other`.
package final class RequestCounter: Sendable {
    private struct Series: Hashable {
        let method: String
        let path: String
        let status: Int
    }

    private static let methods: Set<String> = ["GET", "POST", "PUT", "DELETE"]
    private let name: String
    private let counts = Mutex<[Series: UInt64]>([:])

    /// `service` begins the metric's name: `config_center`.
    package init(service: String) { self.name = "\(service)_requests_total" }

    package func count(_ method: HTTPRequest.Method, _ path: String, _ status: Int) {
        let method = Self.methods.contains(method.rawValue) ? method.rawValue : "other"
        self.counts.withLock { $0[Series(method: method, path: path, status: status), default: 0] += 1 }
    }

    /// As Prometheus reads it.
    package var exposition: String {
        let lines = self.counts.withLock { $0 }.map { series, count in
            "\(self.name){method=\"\(series.method)\",path=\"\(series.path)\",status=\"\(series.status)\"} \(count)\n"
        }
        return "# HELP \(self.name) Answers by endpoint and status.\n# TYPE \(self.name) counter\n"
            + lines.sorted().joined()
    }
}
