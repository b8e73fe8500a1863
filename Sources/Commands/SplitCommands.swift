import ArgumentParser
import ConfigCenter
import Foundation
import GatewayCore
import GatewayModel
import GatewayServer
import Logging
import ServiceLifecycle
import Simulator
import Storage
import Synchronization
import Telemetry
import TokenService
import UnixSignals

/// `ai-gateway config-center`: the control plane by itself.
struct ConfigCenterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config-center",
        abstract: "Start the config center alone.",
        discussion: ServerFlags.discussion
    )

    @OptionGroup var flags: ServerFlags

    @Flag(help: "Make a new enrolment token, print it, and end the old one.")
    var renewEnrolmentToken = false

    @Flag(help: "Give the user admin a new password, print it, and end all its sessions.")
    var resetAdminPassword = false

    func run() async throws {
        let options = try ServerOptions(flags: self.flags)
        let directory = try DataDirectory(options.dataDirectory)
        try ListenCheck.configCenter(options)
        let log = try ProcessLog(options)
        let secrets = SecretBox(try MasterKey.loadOrCreate(directory: directory.path))
        let startUp = StartUp(awaiting: ["configCenter"], readyFile: options.readyFile, panel: Self.panel)
        let host = options.adminHost
        let control = try await ControlPlane(
            options,
            in: directory,
            secrets: secrets,
            logger: log.logger("config-center")
        ) {
            startUp.fulfil("configCenter", "http://\(host):\($0)")
        }
        startUp.note("adminPassword", control.firstRun?.adminPassword)
        startUp.note("enrolmentToken", control.firstRun?.enrolmentToken)
        if self.renewEnrolmentToken { startUp.note("enrolmentToken", try await control.center.renewEnrolmentToken()) }
        if self.resetAdminPassword {
            startUp.note("adminPassword", try await control.center.renewPassword(of: "admin"))
        }
        if let document = options.document, let path = options.configPath {
            try await control.apply(document, from: path)
        }
        defer {
            control.close()
            log.file.close()
        }
        let hangup = HangupService(logger: log.logger("process")) {
            control.reopenLogs()
            log.file.reopen()
            guard let path = options.configPath else { return }
            let document = try ConfigFile.read(path, environment: ProcessInfo.processInfo.environment)
            try await control.apply(document, from: path)
        }
        try await ProcessGroup.run([hangup, control.center], log)
    }

    private static func panel(_ facts: [String: String]) -> String {
        var panel = Panel()
        panel.title("AI Gateway config center is ready")
        panel.row("config center", facts["configCenter"])
        panel.row("admin password", facts["adminPassword"].map { "\($0)   (user admin; shown once)" })
        panel.row("enrolment token", facts["enrolmentToken"].map { "\($0)   (for gateways; shown once)" })
        return panel.description
    }
}

/// `ai-gateway gateway`: the data plane by itself, following a config center elsewhere.
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Start a gateway alone, following a config center.",
        discussion: ServerFlags.discussion
    )

    @OptionGroup var flags: ServerFlags

    func run() async throws {
        let options = try ServerOptions(flags: self.flags)
        guard let url = options.configCenter else { throw OptionError("--config-center URL is needed") }
        guard let token = options.enrolmentToken else { throw OptionError("--enrolment-token TOKEN is needed") }
        if let path = options.configPath, options.document?.drafts.isEmpty == false {
            throw OptionError(
                "\(path): a gateway takes its resources from the config center; only `server` may stand here"
            )
        }
        let directory = try DataDirectory(options.dataDirectory)
        try ListenCheck.gateway(options)
        let log = try ProcessLog(options)
        let secrets = SecretBox(try MasterKey.loadOrCreate(directory: directory.path))
        let startUp = StartUp(awaiting: ["gateway"], readyFile: options.readyFile, panel: Self.panel)
        startUp.note("configCenter", url)
        let watch = Mutex<SnapshotWatcher?>(nil)
        let started = ContinuousClock.now
        let ledger = try Self.ledger(options, token)
        let plane = try DataPlane(
            options,
            in: directory,
            secrets: secrets,
            logger: log.logger("gateway"),
            shipsUsage: ledger != nil
        ) {
            let since = watch.withLock { $0?.sinceContact } ?? started.duration(to: .now)
            return (Double(since.nanoseconds) / 1e9, since > options.staleAfter)
        } onListening: { port in
            startUp.fulfil("gateway", options.gatewayURL(port: port))
        }
        let known = plane.adoptLastGood()
        let watcher = try Self.watcher(options, url, token, known, log) { plane.adopt($0) }
        watch.withLock { $0 = watcher }
        defer {
            plane.close()
            log.file.close()
        }
        let hangup = HangupService(logger: log.logger("process")) {
            plane.reopenLogs()
            log.file.reopen()
            options.certificate?.reload(log.logger("gateway"))
        }
        let keepers = DataPlane.certificateKeepers(options, logger: log.logger("gateway"))
        let shippers = ledger.map { ledger in [plane.shipper { try await ledger.send($0) }] } ?? []
        let services: [any Service] = [hangup, plane.keeper, plane.renewer, watcher]
        try await ProcessGroup.run(services + shippers + keepers + [plane.server], log)
        try await ledger?.close()
    }

    /// Where usage records are shipped to; nil keeps them in the journal.
    private static func ledger(_ options: ServerOptions, _ token: String) throws(OptionError) -> LedgerClient? {
        guard let url = options.tokenService else { return nil }
        do throws(SnapshotWatcher.Refusal) {
            return try LedgerClient(url: url, token: Secret(token), allowPlainHTTP: options.allowsPlainHTTP)
        } catch {
            throw OptionError(error.message)
        }
    }

    /// Follows the config center; `reports` says whether as a gateway, whose version is listed there.
    static func watcher(
        _ options: ServerOptions,
        _ url: String,
        _ token: String,
        _ known: UInt64?,
        _ log: ProcessLog,
        reports: Bool = true,
        onSnapshot: @escaping @Sendable (Snapshot) -> Void
    ) throws -> SnapshotWatcher {
        do throws(SnapshotWatcher.Refusal) {
            var watch = try SnapshotWatcher.Options(
                url: url,
                enrolmentToken: Secret(token),
                gatewayID: options.gatewayID,
                knownVersion: known,
                allowPlainHTTP: options.allowsPlainHTTP
            )
            if !reports { watch.reportInterval = nil }
            return SnapshotWatcher(options: watch, logger: log.logger("gateway"), onSnapshot: onSnapshot)
        } catch {
            throw OptionError(error.message)
        }
    }

    private static func panel(_ facts: [String: String]) -> String {
        var panel = Panel()
        panel.title("AI Gateway is ready")
        panel.row("gateway", facts["gateway"])
        panel.row("follows", facts["configCenter"])
        return panel.description
    }
}

/// `ai-gateway token-service`: the usage ledger by itself, for gateways elsewhere.
struct TokenServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token-service",
        abstract: "Start the token service alone.",
        discussion: ServerFlags.discussion
    )

    @OptionGroup var flags: ServerFlags

    func run() async throws {
        let options = try ServerOptions(flags: self.flags)
        guard let url = options.configCenter else {
            throw OptionError("--config-center URL is needed: it knows the prices, and says whose a token is")
        }
        guard let token = options.enrolmentToken else { throw OptionError("--enrolment-token TOKEN is needed") }
        let directory = try DataDirectory(options.dataDirectory)
        try ListenCheck.tokenService(options)
        let log = try ProcessLog(options)
        let startUp = StartUp(awaiting: ["tokenService"], readyFile: options.readyFile) { facts in
            var panel = Panel()
            panel.title("AI Gateway token service is ready")
            panel.row("token service", facts["tokenService"])
            panel.row("asks", url)
            return panel.description
        }
        let authenticator = try Self.authenticator(options, url, token)
        let host = options.adminHost
        let plane = try await LedgerPlane(
            options,
            in: directory,
            authenticator: authenticator,
            logger: log.logger("token-service")
        ) { port in
            startUp.fulfil("tokenService", "http://\(host):\(port)")
        }
        defer { log.file.close() }
        let hangup = HangupService(logger: log.logger("process")) { log.file.reopen() }
        let ledger = plane.ledger
        let watcher = try GatewayCommand.watcher(options, url, token, nil, log, reports: false) { ledger.adopt($0) }
        try await ProcessGroup.run([hangup, watcher, plane.service], log)
        try await authenticator.close()
    }

    private static func authenticator(
        _ options: ServerOptions,
        _ url: String,
        _ token: String
    ) throws(OptionError) -> RemoteAuthenticator {
        do throws(SnapshotWatcher.Refusal) {
            let address = try SnapshotWatcher.address(
                url,
                of: "config center",
                allowPlainHTTP: options.allowsPlainHTTP
            )
            return RemoteAuthenticator(configCenter: address, gatewayToken: Secret(token))
        } catch {
            throw OptionError(error.message)
        }
    }
}

/// `ai-gateway simulate`: the built-in provider by itself.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Start the simulated provider alone."
    )

    @Option(help: "Port to listen on; 0 picks a free one.") var port = 8089
    @Option(help: "Address to listen on.") var host = "127.0.0.1"
    @Option(help: "The credential that callers must present; by default any will do.") var key: String?
    @Option(help: "Access key ID of AWS; with it, signatures of requests to Bedrock's endpoints are verified.")
    var awsAccessKey: String?
    @Option(help: "The secret of --aws-access-key.") var awsSecretKey: String?
    @Option(help: "A model that exists; may be repeated. By default every name does.") var model: [String] = []
    @Option(help: "Dials for requests that set none, such as `ttft-200ms-rate-50`.") var dials: String?
    @Flag(help: "Answer requests for objects that were never created with an example.") var acceptPlaceholders = false
    @Option(help: "Gets one JSON object with the address when it listens.") var readyFile: String?

    func run() async throws {
        try ListenCheck.port(self.port, "--port", on: self.host, "--host")
        var options = SimulatorOptions(host: self.host, port: self.port)
        if let key = self.key { options.credential = .key(key) }
        options.awsCredential = try self.awsCredential()
        if !self.model.isEmpty { options.models = self.model }
        options.acceptsPlaceholders = self.acceptPlaceholders
        if let text = self.dials {
            let dials = Dials().overridden(byModel: "sim-\(text)")
            guard dials != Dials() else {
                throw OptionError("--dials: `\(text)` is not a list of dials such as `ttft-200ms-rate-50`")
            }
            options.dials = dials
        }
        let host = self.host
        let startUp = StartUp(awaiting: ["simulator"], readyFile: self.readyFile) { facts in
            "The simulator listens on \(facts["simulator"] ?? "")"
        }
        let simulator = Simulator(options) { port in startUp.fulfil("simulator", "http://\(host):\(port)") }
        let group = ServiceGroup(
            services: [simulator],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: .init(label: "simulator")
        )
        try await group.run()
    }

    private func awsCredential() throws(OptionError) -> AWSCredential? {
        switch (self.awsAccessKey, self.awsSecretKey) {
        case (nil, nil): return nil
        case (let id?, let secret?): return AWSCredential(accessKeyID: id, secretAccessKey: secret)
        default: throw OptionError("--aws-access-key and --aws-secret-key belong together; one of them is missing")
        }
    }
}

/// Runs services until SIGTERM or SIGINT; they stop in reverse order.
enum ProcessGroup {
    static func run(_ services: [any Service], _ log: ProcessLog) async throws {
        let configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: log.logger("process")
        )
        try await ServiceGroup(configuration: configuration).run()
    }
}
