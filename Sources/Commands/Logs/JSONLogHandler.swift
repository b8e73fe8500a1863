import Foundation
import Logging
import Telemetry

/// What the services say, as JSON lines: `time`, `level`, `label`, `message` and the metadata.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let label: String
    private let file: LogFile

    init(label: String, level: Logger.Level, file: LogFile) {
        self.label = label
        self.logLevel = level
        self.file = file
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = JSONLine()
        line.begin()
        line.put("time", Date().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z")
        line.put("level", event.level.rawValue)
        line.put("label", self.label)
        line.put("message", "\(event.message)")
        let merged = self.metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in merged.sorted(by: { $0.key < $1.key }) { line.put(dynamic: key, "\(value)") }
        line.end()
        line.withBytes { self.file.write($0, count: 1) }
    }
}
