/// A provider, or a server that speaks like one: where calls are sent, with which credential, within which limits.
package struct Upstream: Sendable, Equatable {
    package var name: String
    package var dialect: Dialect
    package var baseURL: BaseURL
    /// One is drawn by weight for each attempt; none means that the upstream asks for no credential.
    package var credentials: [Credential]
    package var limits: Limits
    package var timeouts: Timeouts
    /// Trusted certificate authorities of an `https` upstream, as a PEM file; nil means the system's.
    package var caFile: String?
    /// Permits a link-local or metadata address as host, which is refused otherwise.
    package var allowLinkLocal: Bool
    package var egress: Egress
    /// The version of Azure's API that calls are made in; nil where the base URL is that of a versionless one.
    package var apiVersion: String?
    /// The server knows OpenAI's `/responses`; calls of it are put into chat otherwise.
    package var hasResponses: Bool

    package init(
        name: String,
        dialect: Dialect,
        baseURL: BaseURL,
        credentials: [Credential] = [],
        limits: Limits = Limits(),
        timeouts: Timeouts = Timeouts(),
        caFile: String? = nil,
        allowLinkLocal: Bool = false,
        egress: Egress = .process,
        apiVersion: String? = nil,
        hasResponses: Bool = true
    ) {
        self.name = name
        self.dialect = dialect
        self.baseURL = baseURL
        self.credentials = credentials
        self.limits = limits
        self.timeouts = timeouts
        self.caFile = caFile
        self.allowLinkLocal = allowLinkLocal
        self.egress = egress
        self.apiVersion = apiVersion
        self.hasResponses = hasResponses
    }

    /// One way of proving to the provider who pays.
    package struct Credential: Sendable, Equatable {
        package var source: Source
        /// Share among the upstream's credentials, 1 or more.
        package var weight: Int

        package enum Source: Sendable, Equatable {
            /// Sent in the header that the dialect uses for keys.
            case value(Secret)
            /// A file that holds the value; read when the configuration is applied.
            case file(String)
            /// Header fields sent as they are; names in lower case.
            case headers([Header])
            /// Requests are signed with it (AWS Signature Version 4).
            case aws(AWS)
            /// Exchanged for a token that is sent until it ages (Microsoft Entra ID, client credentials).
            case entra(Entra)
        }

        package struct AWS: Sendable, Equatable {
            package var accessKey: String
            package var secretKey: Secret
            /// Of temporary credentials.
            package var sessionToken: Secret?
            package var region: String

            package init(accessKey: String, secretKey: Secret, sessionToken: Secret? = nil, region: String) {
                self.accessKey = accessKey
                self.secretKey = secretKey
                self.sessionToken = sessionToken
                self.region = region
            }
        }

        package struct Entra: Sendable, Equatable {
            package var tenant: String
            package var clientID: String
            package var clientSecret: Secret
            /// Where tokens are asked for; a national cloud has another than the usual one.
            package var authority: BaseURL

            package init(tenant: String, clientID: String, clientSecret: Secret, authority: BaseURL) {
                self.tenant = tenant
                self.clientID = clientID
                self.clientSecret = clientSecret
                self.authority = authority
            }
        }

        package struct Header: Sendable, Equatable {
            package var name: String
            package var value: Secret

            package init(name: String, value: Secret) {
                self.name = name
                self.value = value
            }
        }

        package init(source: Source, weight: Int = 1) {
            self.source = source
            self.weight = weight
        }
    }

    /// What one upstream is asked to bear at once, over all gateways' loops of one process.
    package struct Limits: Sendable, Equatable {
        package var connections: Int
        package var requestsInFlight: Int
        /// Requests that may wait for a connection; beyond: the next candidate, else 503 with `retry-after`.
        package var queue: Int
        package var queueTimeout: Duration

        package init(
            connections: Int = 1024,
            requestsInFlight: Int = 10_000,
            queue: Int = 1000,
            queueTimeout: Duration = .seconds(2)
        ) {
            self.connections = connections
            self.requestsInFlight = requestsInFlight
            self.queue = queue
            self.queueTimeout = queueTimeout
        }
    }

    package struct Timeouts: Sendable, Equatable {
        /// Opening a connection, TLS included.
        package var connect: Duration
        /// From the last byte of the request to the first of the answer.
        package var firstByte: Duration
        /// Between two reads of an answer's body.
        package var idle: Duration
        /// From admission to the last byte of the answer.
        package var total: Duration

        package init(
            connect: Duration = .seconds(2),
            firstByte: Duration = .seconds(60),
            idle: Duration = .seconds(30),
            total: Duration = .seconds(600)
        ) {
            self.connect = connect
            self.firstByte = firstByte
            self.idle = idle
            self.total = total
        }
    }
}

/// The wire language of a client or an upstream.
@usableFromInline
package enum Dialect: String, Sendable, CaseIterable {
    case openAI = "openai"
    case anthropic
    case gemini
    /// OpenAI's language with paths, versions and credentials of Azure's.
    case azureOpenAI = "azure-openai"
    /// Amazon Bedrock's Converse API.
    case bedrock
    /// The built-in provider for trying and testing; it answers in whatever dialect it is asked.
    case simulator
}

/// Where an upstream lives: scheme, host, port and the path that replaces the version segment of the client's.
package struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    package var tls: Bool
    /// A name or an address (IPv6 without brackets), lower case.
    package var host: String
    package var port: Int
    /// Begins with `/` or is empty; never ends with `/`.
    package var path: String

    package init(tls: Bool, host: String, port: Int, path: String) {
        self.tls = tls
        self.host = host
        self.port = port
        self.path = path
    }

    /// Host and port as the `host` header wants them: the port only when it is not the scheme's own.
    package var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.tls ? 443 : 80) ? host : "\(host):\(self.port)"
    }

    package var description: String { "\(self.tls ? "https" : "http")://\(self.authority)\(self.path)" }
}
