import ArgumentParser

/// The flags of all long-running commands. Texts only: `ServerOptions` reads them, together with the other sources.
struct ServerFlags: ParsableArguments {
    @Option(name: .customLong("config"), help: help(.config)) var config: String?
    @Option(name: .customLong("data-dir"), help: help(.dataDirectory)) var dataDirectory: String?
    @Option(name: .customLong("store"), help: help(.store)) var store: String?
    @Option(name: .customLong("secrets-dir"), help: help(.secretsDirectory)) var secretsDirectory: String?
    @Option(name: .customLong("host"), help: help(.host)) var host: String?
    @Option(name: .customLong("admin-host"), help: help(.adminHost)) var adminHost: String?
    @Option(name: .customLong("gateway-port"), help: help(.gatewayPort)) var gatewayPort: String?
    @Option(name: .customLong("config-center-port"), help: help(.configCenterPort)) var configCenterPort: String?
    @Option(name: .customLong("token-service-port"), help: help(.tokenServicePort)) var tokenServicePort: String?
    @Option(name: .customLong("console-port"), help: help(.consolePort)) var consolePort: String?
    @Option(name: .customLong("tls-certificate"), help: help(.tlsCertificate)) var tlsCertificate: String?
    @Option(name: .customLong("tls-key"), help: help(.tlsKey)) var tlsKey: String?
    @Option(name: .customLong("egress-proxy"), help: help(.egressProxy)) var egressProxy: String?
    @Option(name: .customLong("no-proxy"), help: help(.noProxy)) var noProxy: String?
    @Option(name: .customLong("threads"), help: help(.threads)) var threads: String?
    @Option(name: .customLong("log-level"), help: help(.logLevel)) var logLevel: String?
    @Option(name: .customLong("access-log"), help: help(.accessLog)) var accessLog: String?
    @Option(name: .customLong("error-log"), help: help(.errorLog)) var errorLog: String?
    @Option(name: .customLong("audit-log"), help: help(.auditLog)) var auditLog: String?
    @Option(name: .customLong("drain-timeout"), help: help(.drainTimeout)) var drainTimeout: String?
    @Option(name: .customLong("max-body"), help: help(.maximumBody)) var maximumBody: String?
    @Option(name: .customLong("max-upload"), help: help(.maximumUpload)) var maximumUpload: String?
    @Option(name: .customLong("max-connections"), help: help(.maximumConnections)) var maximumConnections: String?
    @Option(name: .customLong("max-requests"), help: help(.maximumRequests)) var maximumRequests: String?
    @Option(name: .customLong("max-body-memory"), help: help(.maximumBodyMemory)) var maximumBodyMemory: String?
    @Option(name: .customLong("head-timeout"), help: help(.headTimeout)) var headTimeout: String?
    @Option(name: .customLong("body-timeout"), help: help(.bodyTimeout)) var bodyTimeout: String?
    @Option(name: .customLong("max-body-time"), help: help(.maximumBodyTime)) var maximumBodyTime: String?
    @Option(name: .customLong("min-body-rate"), help: help(.minimumBodyRate)) var minimumBodyRate: String?
    @Option(name: .customLong("body-grace"), help: help(.bodyGrace)) var bodyGrace: String?
    @Option(name: .customLong("keep-alive-timeout"), help: help(.keepAliveTimeout)) var keepAliveTimeout: String?
    @Option(name: .customLong("write-timeout"), help: help(.writeTimeout)) var writeTimeout: String?
    @Option(name: .customLong("journal-full"), help: help(.journalFull)) var journalFull: String?
    @Option(name: .customLong("metrics-token"), help: help(.metricsToken)) var metricsToken: String?
    @Option(name: .customLong("config-center"), help: help(.configCenter)) var configCenter: String?
    @Option(name: .customLong("enrolment-token"), help: help(.enrolmentToken)) var enrolmentToken: String?
    @Option(help: help(.tokenService)) var tokenService: String?
    @Option(help: help(.usageRetention)) var usageRetention: String?
    @Option(help: help(.ledger)) var ledger: String?
    @Option(name: .customLong("gateway-id"), help: help(.gatewayID)) var gatewayID: String?
    @Option(name: .customLong("stale-after"), help: help(.staleAfter)) var staleAfter: String?
    @Option(name: .customLong("allow-plain-http"), help: help(.allowPlainHTTP)) var allowPlainHTTP: String?
    @Option(name: .customLong("ready-file"), help: help(.readyFile)) var readyFile: String?

    /// What the help of each long-running command says about all of its options.
    static let discussion = """
        Every option is also an environment variable (--gateway-port: AI_GATEWAY_GATEWAY_PORT) and a field of the
        section `server` in the file of --config (gatewayPort); the flag wins over the variable, that over the file.
        """

    private static func help(_ option: ProcessOption) -> ArgumentHelp {
        let fallback = option.entry.fallback.map { " (default: \($0))" } ?? ""
        return ArgumentHelp("\(option.entry.help)\(fallback)", valueName: option.entry.syntax.lowercased())
    }

    subscript(option: ProcessOption) -> String? {
        switch option {
        case .config: self.config
        case .dataDirectory: self.dataDirectory
        case .store: self.store
        case .secretsDirectory: self.secretsDirectory
        case .host: self.host
        case .adminHost: self.adminHost
        case .gatewayPort: self.gatewayPort
        case .configCenterPort: self.configCenterPort
        case .tokenServicePort: self.tokenServicePort
        case .consolePort: self.consolePort
        case .tlsCertificate: self.tlsCertificate
        case .tlsKey: self.tlsKey
        case .egressProxy: self.egressProxy
        case .noProxy: self.noProxy
        case .threads: self.threads
        case .logLevel: self.logLevel
        case .accessLog: self.accessLog
        case .errorLog: self.errorLog
        case .auditLog: self.auditLog
        case .drainTimeout: self.drainTimeout
        case .maximumBody: self.maximumBody
        case .maximumUpload: self.maximumUpload
        case .maximumConnections: self.maximumConnections
        case .maximumRequests: self.maximumRequests
        case .maximumBodyMemory: self.maximumBodyMemory
        case .headTimeout: self.headTimeout
        case .bodyTimeout: self.bodyTimeout
        case .maximumBodyTime: self.maximumBodyTime
        case .minimumBodyRate: self.minimumBodyRate
        case .bodyGrace: self.bodyGrace
        case .keepAliveTimeout: self.keepAliveTimeout
        case .writeTimeout: self.writeTimeout
        case .journalFull: self.journalFull
        case .metricsToken: self.metricsToken
        case .configCenter: self.configCenter
        case .enrolmentToken: self.enrolmentToken
        case .tokenService: self.tokenService
        case .usageRetention: self.usageRetention
        case .ledger: self.ledger
        case .gatewayID: self.gatewayID
        case .staleAfter: self.staleAfter
        case .allowPlainHTTP: self.allowPlainHTTP
        case .readyFile: self.readyFile
        }
    }
}
