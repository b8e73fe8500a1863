/// Writes the Prometheus text exposition format, version 0.0.4
/// (prometheus.io/docs/instrumenting/exposition_formats, "Text-based format").
package struct PrometheusText {
    package private(set) var text = ""

    package init() {}

    package enum Kind: String, Sendable { case counter, gauge, histogram }

    /// Begins a metric; its samples follow.
    package mutating func begin(_ name: String, _ kind: Kind, help: String) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    package mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        self.text += name
        self.write(labels)
        self.text += " \(value)\n"
    }

    package mutating func sample(_ name: String, _ labels: [(String, String)], _ value: UInt64) {
        self.sample(name, labels, String(value))
    }

    package mutating func histogram(
        _ name: String,
        _ labels: [(String, String)],
        _ histogram: Histogram,
        _ bounds: Histogram.Bounds
    ) {
        var cumulative: UInt64 = 0
        for (index, label) in bounds.labels.enumerated() {
            cumulative += histogram.counts[index]
            self.sample("\(name)_bucket", labels + [("le", label)], cumulative)
        }
        let count = histogram.count
        self.sample("\(name)_bucket", labels + [("le", "+Inf")], count)
        self.sample("\(name)_sum", labels, Self.seconds(histogram.sum))
        self.sample("\(name)_count", labels, count)
    }

    /// Nanoseconds as seconds.
    package static func seconds(_ nanoseconds: UInt64) -> String { String(Double(nanoseconds) / 1e9) }

    private mutating func write(_ labels: [(String, String)]) {
        guard !labels.isEmpty else { return }
        self.text += "{"
        for (index, label) in labels.enumerated() {
            if index > 0 { self.text += "," }
            self.text += "\(label.0)=\"\(Self.escaped(label.1))\""
        }
        self.text += "}"
    }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return value }
        var escaped = ""
        // Scalars, because a character may be a quote with an accent, or CR LF.
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
