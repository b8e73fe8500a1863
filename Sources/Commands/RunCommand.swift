import ArgumentParser
import ConfigCenter
import Foundation
import GatewayModel
import GatewayServer
import Logging
import ServiceLifecycle
import Simulator
import Storage
import Telemetry
import TokenService
import UnixSignals

/// `ai-gateway run`: everything in one process, on embedded defaults.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Start gateway, config center and token service in one process.",
        discussion: ServerFlags.discussion
    )

    @OptionGroup var flags: ServerFlags

    func run() async throws {
        let options = try ServerOptions(flags: self.flags)
        let directory = try DataDirectory(options.dataDirectory)
        try ListenCheck.gateway(options)
        try ListenCheck.configCenter(options)
        if options.hasLedger { try ListenCheck.tokenService(options) }
        let log = try ProcessLog(options)
        let secrets = SecretBox(try MasterKey.loadOrCreate(directory: directory.path))
        let run = try await SingleProcess(options, directory, log, secrets)
        try await run.serve()
    }
}

/// The services of one process, wired by direct calls.
private struct SingleProcess {
    let options: ServerOptions
    let log: ProcessLog
    let startUp: StartUp
    let dataPlane: DataPlane
    let control: ControlPlane
    /// Nil: usage records stay in the journal.
    let usage: LedgerPlane?
    let defaults: DefaultConfiguration

    init(_ options: ServerOptions, _ directory: DataDirectory, _ log: ProcessLog, _ secrets: SecretBox) async throws {
        let usesDefaults = options.document == nil
        let environment = ProcessInfo.processInfo.environment
        let needsSimulator =
            usesDefaults && DefaultConfiguration(environment: environment, isFirstRun: false).needsSimulator
        var awaited: Set = ["gateway", "configCenter"]
        if options.hasLedger { awaited.insert("tokenService") }
        if needsSimulator { awaited.insert("simulator") }
        let model = DefaultConfiguration(environment: environment, isFirstRun: false)
        let startUp = StartUp(awaiting: awaited, readyFile: options.readyFile) { facts in
            Self.panel(facts, model: model, dataDirectory: directory.path)
        }
        let adminHost = options.adminHost
        self.dataPlane = try DataPlane(
            options,
            in: directory,
            secrets: secrets,
            logger: log.logger("gateway"),
            shipsUsage: options.hasLedger
        ) { port in
            startUp.fulfil("gateway", options.gatewayURL(port: port))
        }
        self.control = try await ControlPlane(
            options,
            in: directory,
            secrets: secrets,
            logger: log.logger("config-center")
        ) { port in
            startUp.fulfil("configCenter", "http://\(adminHost):\(port)")
        }
        self.usage =
            !options.hasLedger
            ? nil
            : try await LedgerPlane(
                options,
                in: directory,
                authenticator: self.control.center.authenticator,
                logger: log.logger("token-service")
            ) { port in
                startUp.fulfil("tokenService", "http://\(adminHost):\(port)")
            }
        self.defaults = DefaultConfiguration(
            environment: environment,
            isFirstRun: usesDefaults && self.control.firstRun != nil
        )
        startUp.note("adminPassword", self.control.firstRun?.adminPassword)
        startUp.note("enrolmentToken", self.control.firstRun?.enrolmentToken)
        startUp.note("demoKey", self.defaults.demoKey)
        (self.options, self.log, self.startUp) = (options, log, startUp)
    }

    func serve() async throws {
        if let document = self.options.document, let path = self.options.configPath {
            try await self.control.apply(document, from: path)
        } else if !self.defaults.needsSimulator {
            _ = try await self.control.center.apply(self.defaults.document(simulator: nil), managedBy: .file)
        }
        let (dataPlane, center) = (self.dataPlane, self.control.center)
        let ledger = self.usage?.ledger
        center.observe { snapshot in
            ledger?.adopt(snapshot)
            dataPlane.adopt(snapshot)
            center.reportGateway(id: "local", version: dataPlane.version)
        }
        defer {
            dataPlane.close()
            self.control.close()
            self.log.file.close()
        }
        try await self.group().run()
    }

    /// Services stop in reverse order: the gateway drains first, while what it stands on still runs.
    private func group() -> ServiceGroup {
        var services: [any Service] = [self.hangup, self.dataPlane.keeper, self.dataPlane.renewer, self.control.center]
        if let usage = self.usage {
            services += [usage.service, self.dataPlane.shipper { try await usage.ledger.ingest($0) }]
        }
        if self.options.document == nil, self.defaults.needsSimulator { services.insert(self.simulator, at: 0) }
        services += DataPlane.certificateKeepers(self.options, logger: self.log.logger("gateway"))
        services.append(self.dataPlane.server)
        return ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: self.log.logger("process")
            )
        )
    }

    private var simulator: Simulator {
        let (startUp, center, defaults) = (self.startUp, self.control.center, self.defaults)
        let logger = self.log.logger("simulator")
        return Simulator(SimulatorOptions(), logger: logger) { port in
            let url = "http://127.0.0.1:\(port)"
            do { _ = try await center.apply(defaults.document(simulator: url), managedBy: .file) } catch {
                logger.error("the simulator's models could not be configured", metadata: ["gateway.cause": "\(error)"])
            }
            startUp.fulfil("simulator", url)
        }
    }

    private var hangup: HangupService {
        let (options, control, dataPlane, log) = (self.options, self.control, self.dataPlane, self.log)
        return HangupService(logger: log.logger("process")) {
            dataPlane.reopenLogs()
            control.reopenLogs()
            log.file.reopen()
            options.certificate?.reload(log.logger("gateway"))
            guard let path = options.configPath else { return }
            let document = try ConfigFile.read(path, environment: ProcessInfo.processInfo.environment)
            try await control.apply(document, from: path)
        }
    }

    private static func panel(_ facts: [String: String], model: DefaultConfiguration, dataDirectory: String) -> String {
        var panel = Panel()
        panel.title("AI Gateway is ready")
        panel.row("gateway", facts["gateway"])
        panel.row("config center", facts["configCenter"])
        panel.row("token service", facts["tokenService"])
        panel.row("simulator", facts["simulator"])
        panel.row("data and logs", URL(filePath: dataDirectory).path)
        if let password = facts["adminPassword"] {
            panel.row("admin password", "\(password)   (user admin; shown once)")
            panel.row("enrolment token", "\(facts["enrolmentToken"] ?? "")   (for gateways elsewhere; shown once)")
        }
        if let key = facts["demoKey"] {
            panel.row("demo key", "\(key)   (shown once)")
            panel.text("\nTry it:\n")
            let gateway = facts["gateway"] ?? ""
            let isAnthropic = model.isExampleAnthropic
            panel.text(Panel.curl(gateway: gateway, key: key, model: model.exampleModel, anthropic: isAnthropic))
        }
        return panel.description
    }
}
