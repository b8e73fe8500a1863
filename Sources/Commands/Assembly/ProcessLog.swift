import Logging
import Telemetry

/// The error log of a process, and the loggers that write to it.
struct ProcessLog {
    let file: LogFile
    private let level: Logger.Level

    init(_ options: ServerOptions) throws {
        self.file = try LogFile(options.errorLog)
        self.level = options.logLevel
    }

    func logger(_ label: String) -> Logger {
        let (level, file) = (self.level, self.file)
        return Logger(label: label) { JSONLogHandler(label: $0, level: level, file: file) }
    }
}
