/// Every option of a process: read once at start from a flag, else the environment, else `server:` in the file, else the
/// default. `docs/reference/configuration.md` is generated from this list.
enum ProcessOption: String, CaseIterable {
    case config
    case dataDirectory = "dataDir"
    case store
    case secretsDirectory = "secretsDir"
    case host
    case adminHost
    case gatewayPort
    case configCenterPort
    case tokenServicePort
    case consolePort
    case tlsCertificate
    case tlsKey
    case egressProxy
    case noProxy
    case threads
    case logLevel
    case accessLog
    case errorLog
    case auditLog
    case drainTimeout
    case maximumBody = "maxBody"
    case maximumUpload = "maxUpload"
    case maximumConnections = "maxConnections"
    case maximumRequests = "maxRequests"
    case maximumBodyMemory = "maxBodyMemory"
    case headTimeout
    case bodyTimeout
    case maximumBodyTime = "maxBodyTime"
    case minimumBodyRate = "minBodyRate"
    case bodyGrace
    case keepAliveTimeout
    case writeTimeout
    case journalFull
    case metricsToken
    case configCenter
    case enrolmentToken
    case tokenService
    case usageRetention
    case ledger
    case gatewayID = "gatewayId"
    case staleAfter
    case allowPlainHTTP = "allowPlainHttp"
    case readyFile

    struct Entry {
        /// What the value looks like.
        let syntax: String
        /// Written out; nil where there is none, or where it depends on the machine.
        let fallback: String?
        let help: String
    }

    /// `--gateway-port`
    var flag: String { "--" + self.words.joined(separator: "-") }

    /// `AI_GATEWAY_GATEWAY_PORT`
    var variable: String { "AI_GATEWAY_" + self.words.joined(separator: "_").uppercased() }

    private var words: [String] {
        var words = [""]
        for character in self.rawValue {
            if character.isUppercase { words.append("") }
            words[words.count - 1].append(character.lowercased())
        }
        return words
    }

    /// Cannot stand in the file, because it says where the file is, or is a secret of another process.
    var isFileOption: Bool { self != .config && self != .readyFile }

    var entry: Entry {
        switch self {
        case .config:
            Entry(syntax: "FILE", fallback: nil, help: "Resources to apply at start and on SIGHUP, as YAML.")
        case .dataDirectory:
            Entry(syntax: "DIR", fallback: "data", help: "Where databases, journal, logs and keys are kept.")
        case .store:
            Entry(
                syntax: "URL",
                fallback: "DIR/config.sqlite, DIR/ledger.sqlite",
                help: """
                    The MySQL or MariaDB database that config centers, or token services, share: \
                    mysql://user@host:3306/database?tls=required&ca=FILE&passwordFile=FILE; \
                    password also in AI_GATEWAY_STORE_PASSWORD.
                    """
            )
        case .secretsDirectory:
            Entry(syntax: "DIR", fallback: "DIR/secrets", help: "Where the files of upstreams' credentials must lie.")
        case .host: Entry(syntax: "ADDRESS", fallback: "127.0.0.1", help: "Address on which the gateway listens.")
        case .adminHost:
            Entry(syntax: "ADDRESS", fallback: "127.0.0.1", help: "Address on which the admin services listen.")
        case .gatewayPort: Entry(syntax: "PORT", fallback: "8080", help: "Port of the gateway; 0 picks a free one.")
        case .configCenterPort:
            Entry(syntax: "PORT", fallback: "8001", help: "Port of the config center; 0 picks a free one.")
        case .tokenServicePort:
            Entry(syntax: "PORT", fallback: "8002", help: "Port of the token service; 0 picks a free one.")
        case .consolePort: Entry(syntax: "PORT", fallback: "3000", help: "Port kept for the console.")
        case .tlsCertificate:
            Entry(
                syntax: "FILE",
                fallback: nil,
                help: "The gateway's certificate and its chain, as PEM; with it the gateway speaks TLS only."
            )
        case .tlsKey: Entry(syntax: "FILE", fallback: nil, help: "The private key of the certificate, as PEM.")
        case .egressProxy:
            Entry(
                syntax: "URL",
                fallback: nil,
                help: "Proxy for all upstreams that name none: http://user:password@host:port, or https."
            )
        case .noProxy:
            Entry(
                syntax: "LIST",
                fallback: nil,
                help: "Hosts reached without it: names (and what is below them), addresses, networks, with commas."
            )
        case .threads: Entry(syntax: "N", fallback: nil, help: "Event loops of the gateway; by default one per core.")
        case .logLevel:
            Entry(syntax: "LEVEL", fallback: "info", help: "Least level logged: trace, debug, info, warning or error.")
        case .accessLog:
            Entry(syntax: "FILE|stdout|off", fallback: "DIR/logs/access.log", help: "One JSON line per exchange.")
        case .errorLog:
            Entry(syntax: "FILE|stdout", fallback: "DIR/logs/error.log", help: "What the services say, as JSON lines.")
        case .auditLog:
            Entry(syntax: "FILE|stdout|off", fallback: "DIR/logs/audit.log", help: "One JSON line per change.")
        case .drainTimeout:
            Entry(syntax: "DURATION", fallback: "30s", help: "How long running exchanges may take after SIGTERM.")
        case .maximumBody: Entry(syntax: "BYTES", fallback: "32M", help: "Largest request body that is not a form.")
        case .maximumUpload: Entry(syntax: "BYTES", fallback: "512M", help: "Largest multipart form.")
        case .maximumConnections:
            Entry(syntax: "N", fallback: nil, help: "Client connections; by default what the descriptor limit allows.")
        case .maximumRequests:
            Entry(syntax: "N", fallback: nil, help: "Requests in flight; by default as many as connections.")
        case .maximumBodyMemory:
            Entry(syntax: "BYTES", fallback: "1G", help: "Memory that bodies in flight may take together.")
        case .headTimeout:
            Entry(syntax: "DURATION", fallback: "30s", help: "How long a request's line and fields may take to come.")
        case .bodyTimeout:
            Entry(syntax: "DURATION", fallback: "60s", help: "Longest pause within a request's body.")
        case .maximumBodyTime:
            Entry(syntax: "DURATION", fallback: "30m", help: "How long a whole body may take to come.")
        case .minimumBodyRate:
            Entry(syntax: "BYTES|off", fallback: "1K", help: "Bytes a second that a body must come with, on average.")
        case .bodyGrace:
            Entry(syntax: "DURATION", fallback: "30s", help: "How long a body may be slower than that at first.")
        case .keepAliveTimeout:
            Entry(syntax: "DURATION", fallback: "75s", help: "How long a connection is kept without a request.")
        case .writeTimeout:
            Entry(syntax: "DURATION", fallback: "60s", help: "How long a client may take nothing of its answer.")
        case .journalFull:
            Entry(
                syntax: "refuse|serve",
                fallback: "refuse",
                help: "When usage cannot be recorded: refuse requests, or serve them and count the loss."
            )
        case .metricsToken:
            Entry(syntax: "TOKEN", fallback: nil, help: "Bearer token that admits readers of /metrics from anywhere.")
        case .configCenter:
            Entry(
                syntax: "URL",
                fallback: nil,
                help: "The config center that a gateway follows, and that a token service asks whose a token is."
            )
        case .enrolmentToken:
            Entry(syntax: "TOKEN", fallback: nil, help: "What a gateway proves itself with to its config center.")
        case .tokenService:
            Entry(syntax: "URL", fallback: nil, help: "The token service to which a gateway ships usage records.")
        case .usageRetention:
            Entry(
                syntax: "DAYS",
                fallback: "90",
                help: "Days whose usage records are kept; their sums by hour and by day stay."
            )
        case .ledger:
            Entry(
                syntax: "on|off",
                fallback: "on",
                help: "With off, `run` starts no token service: usage records stay in the journal."
            )
        case .gatewayID:
            Entry(syntax: "NAME", fallback: nil, help: "How this gateway is listed; by default host and pid.")
        case .staleAfter:
            Entry(
                syntax: "DURATION",
                fallback: "60s",
                help: "Without a word from the config center for this long, /readyz and a metric say so."
            )
        case .allowPlainHTTP:
            Entry(syntax: "true|false", fallback: "false", help: "Permit plain http to a config center elsewhere.")
        case .readyFile:
            Entry(
                syntax: "FILE",
                fallback: nil,
                help: "Gets one JSON object with all addresses when everything listens."
            )
        }
    }
}
