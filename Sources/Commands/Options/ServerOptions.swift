import Foundation
import GatewayModel
import GatewayServer
import Logging
import MySQLStorage
import Telemetry

/// The options of a process, resolved and checked: flag over environment over file over default.
struct ServerOptions {
    let configPath: String?
    let dataDirectory: String
    /// Nil: a SQLite file within the data directory.
    let store: MySQLAddress?
    let host: String
    let adminHost: String
    let gatewayPort: Int
    let configCenterPort: Int
    let tokenServicePort: Int
    /// The certificate that the gateway shows; nil where it speaks plain HTTP.
    let certificate: ServerCertificate?
    let egress: EgressDefault
    let threads: Int
    let logLevel: Logger.Level
    let accessLog: LogFile.Destination?
    let errorLog: LogFile.Destination
    let auditLog: LogFile.Destination?
    let drainTimeout: Duration
    let maximumBodyBytes: Int
    let maximumUploadBytes: Int
    /// Nil: within the data directory.
    let secretsDirectory: String?
    let maximumConnections: Int?
    /// How clients may be slow, and what the process bears.
    let patience: ClientPatience
    let servesWithoutJournal: Bool
    let metricsToken: String?
    let configCenter: String?
    let enrolmentToken: String?
    let tokenService: String?
    /// Days.
    let usageRetention: Int
    let hasLedger: Bool
    let gatewayID: String
    let staleAfter: Duration
    let allowsPlainHTTP: Bool
    let readyFile: String?

    /// Of the gateway, with its port.
    func gatewayURL(port: Int) -> String { "\(self.certificate == nil ? "http" : "https")://\(self.host):\(port)" }

    /// The file's resources; nil without `--config`.
    let document: ConfigDocument?

    init(flags: ServerFlags, environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        let path = flags[.config] ?? environment[ProcessOption.config.variable]
        let document = try path.map { try ConfigFile.read($0, environment: environment) }
        let reader = OptionReader(flags: flags, environment: environment, file: try Self.fileOptions(document, path))
        self.configPath = path
        self.document = document
        let directory = reader.text(.dataDirectory) ?? "data"
        self.dataDirectory = directory
        self.store = try reader.store()
        self.host = reader.text(.host) ?? "127.0.0.1"
        self.adminHost = reader.text(.adminHost) ?? "127.0.0.1"
        self.gatewayPort = try reader.int(.gatewayPort, in: 0...65535) ?? 8080
        self.configCenterPort = try reader.int(.configCenterPort, in: 0...65535) ?? 8001
        self.tokenServicePort = try reader.int(.tokenServicePort, in: 0...65535) ?? 8002
        _ = try reader.int(.consolePort, in: 0...65535)
        self.certificate = try reader.certificate()
        self.egress = try reader.egress()
        self.threads = try reader.int(.threads, in: 1...256) ?? ProcessInfo.processInfo.activeProcessorCount
        self.logLevel = try reader.logLevel(.logLevel)
        self.accessLog = try reader.destination(.accessLog, default: "\(directory)/logs/access.log")
        self.errorLog = try reader.errorLog(default: "\(directory)/logs/error.log")
        self.auditLog = try reader.destination(.auditLog, default: "\(directory)/logs/audit.log")
        self.drainTimeout = try reader.duration(.drainTimeout) ?? .seconds(30)
        self.maximumBodyBytes = try reader.bytes(.maximumBody) ?? 32 << 20
        self.secretsDirectory = reader.text(.secretsDirectory)
        self.maximumUploadBytes = try reader.bytes(.maximumUpload) ?? 512 << 20
        self.maximumConnections = try reader.int(.maximumConnections, in: 1...1_000_000)
        self.patience = try ClientPatience(reader)
        self.servesWithoutJournal = try reader.choice(.journalFull, ["refuse", "serve"]) == "serve"
        self.metricsToken = reader.text(.metricsToken)
        self.configCenter = reader.text(.configCenter)
        self.enrolmentToken = reader.text(.enrolmentToken)
        self.tokenService = reader.text(.tokenService)
        self.hasLedger = try reader.choice(.ledger, ["on", "off"]) != "off"
        self.usageRetention = try reader.int(.usageRetention, in: 1...36_500) ?? 90
        let host = ProcessInfo.processInfo.hostName
        self.gatewayID = reader.text(.gatewayID) ?? "\(host)-\(ProcessInfo.processInfo.processIdentifier)"
        self.staleAfter = try reader.duration(.staleAfter) ?? .seconds(60)
        self.allowsPlainHTTP = try reader.choice(.allowPlainHTTP, ["true", "false"]) == "true"
        self.readyFile = reader.text(.readyFile)
    }

    /// The `server` section, with every field known and a scalar.
    private static func fileOptions(_ document: ConfigDocument?, _ path: String?) throws -> [String: String] {
        guard let server = document?.server else { return [:] }
        guard let object = server.object else { throw OptionError("\(path ?? ""): `server` must be a mapping") }
        let known = Set(ProcessOption.allCases.filter(\.isFileOption).map(\.rawValue))
        var options: [String: String] = [:]
        for field in object.fields {
            guard known.contains(field.name) else {
                let allowed = known.sorted().joined(separator: ", ")
                throw OptionError("\(path ?? ""): server.\(field.name): unknown option; known are \(allowed)")
            }
            options[field.name] = field.value.string ?? String(decoding: field.value.json(), as: UTF8.self)
        }
        return options
    }
}

/// Finds an option's text and reads it as what it should be.
struct OptionReader {
    let flags: ServerFlags
    let environment: [String: String]
    let file: [String: String]

    func text(_ option: ProcessOption) -> String? {
        self.flags[option] ?? self.environment[option.variable] ?? self.file[option.rawValue]
    }

    /// What was found is not told again, because it may hold a password.
    func egress() throws(OptionError) -> EgressDefault {
        var option = ProcessOption.egressProxy
        do throws(BaseURL.Refusal) {
            let proxy: EgressProxy?
            if let text = self.text(.egressProxy) { proxy = try EgressProxy(parsing: text) } else { proxy = nil }
            option = .noProxy
            return try EgressDefault(proxy: proxy, noProxy: self.text(.noProxy) ?? "")
        } catch {
            throw OptionError("\(option.flag): \(error.message)")
        }
    }

    /// The password may stand by itself in the environment, where no list of processes shows it. What was found is not
    /// told again, because it may hold one.
    func store() throws(OptionError) -> MySQLAddress? {
        guard let text = self.text(.store) else { return nil }
        do throws(MySQLError) {
            return try MySQLAddress(
                parsing: text,
                password: self.environment["\(ProcessOption.store.variable)_PASSWORD"]
            )
        } catch {
            throw OptionError("\(ProcessOption.store.flag): \(error.description)")
        }
    }

    /// Both files or neither.
    func certificate() throws(OptionError) -> ServerCertificate? {
        let (certificate, key) = (self.text(.tlsCertificate), self.text(.tlsKey))
        if certificate == nil, key == nil { return nil }
        guard let certificate else { throw OptionError("--tls-key needs --tls-certificate beside it") }
        guard let key else { throw OptionError("--tls-certificate needs --tls-key beside it") }
        do throws(ServerCertificate.Refusal) { return try ServerCertificate(certificate: certificate, key: key) } catch
        {
            throw OptionError("--tls-certificate, --tls-key: \(error.description)")
        }
    }

    func int(_ option: ProcessOption, in range: ClosedRange<Int>) throws(OptionError) -> Int? {
        guard let text = self.text(option) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw OptionError(option, found: text, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func duration(_ option: ProcessOption) throws(OptionError) -> Duration? {
        guard let text = self.text(option) else { return nil }
        guard let duration = Quantity.duration(text) else {
            throw OptionError(option, found: text, expected: "a duration such as `30s`, `500ms` or `2m`")
        }
        return duration
    }

    /// A time that ends something: none at all would end everything.
    func positiveDuration(_ option: ProcessOption) throws(OptionError) -> Duration? {
        guard let duration = try self.duration(option) else { return nil }
        guard (.milliseconds(100) ... .seconds(86_400)).contains(duration) else {
            throw OptionError(option, found: self.text(option) ?? "", expected: "a duration from `100ms` to `24h`")
        }
        return duration
    }

    func bytes(_ option: ProcessOption) throws(OptionError) -> Int? {
        guard let text = self.text(option) else { return nil }
        let units: [(String, Int)] = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("", 1)]
        for (suffix, factor) in units where text.hasSuffix(suffix) {
            if let number = Int(text.dropLast(suffix.count)), number > 0, number < 1 << 32 { return number * factor }
        }
        throw OptionError(option, found: text, expected: "a number of bytes such as `512K` or `32M`")
    }

    func choice(_ option: ProcessOption, _ allowed: [String]) throws(OptionError) -> String? {
        guard let text = self.text(option) else { return nil }
        guard allowed.contains(text) else {
            throw OptionError(option, found: text, expected: allowed.joined(separator: " or "))
        }
        return text
    }

    func logLevel(_ option: ProcessOption) throws(OptionError) -> Logger.Level {
        let text = self.text(option) ?? "info"
        guard let level = Logger.Level(rawValue: text) else {
            throw OptionError(option, found: text, expected: "trace, debug, info, warning or error")
        }
        return level
    }

    func errorLog(default path: String) throws(OptionError) -> LogFile.Destination {
        guard let destination = try self.destination(.errorLog, default: path) else {
            throw OptionError(.errorLog, found: "off", expected: "a file or `stdout`")
        }
        return destination
    }

    func destination(_ option: ProcessOption, default path: String) throws(OptionError) -> LogFile.Destination? {
        switch self.text(option) {
        case nil: return .file(path)
        case "off": return nil
        case "stdout": return .standardOutput
        case "": throw OptionError(option, found: "", expected: "a file, `stdout` or `off`")
        case .some(let path): return .file(path)
        }
    }
}
