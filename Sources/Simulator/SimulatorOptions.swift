/// What a simulator is started with.
package struct SimulatorOptions: Sendable {
    /// Which credential a request must carry, as `Authorization: Bearer …`, `x-api-key`, `api-key`, `x-goog-api-key` or
    /// `?key=`.
    package enum Credential: Sendable, Equatable {
        /// None is needed.
        case none
        /// Any that is not empty, as most local servers behave.
        case any
        /// This one; others get 401.
        case key(String)
    }

    /// The address to bind to.
    package var host: String
    /// The port to bind to; 0 takes a free one.
    package var port: Int
    /// The credential that requests must carry.
    package var credential: Credential
    /// The credential that signs requests to Bedrock's endpoints, which are then verified (AWS Signature Version 4); nil:
    /// `credential` says what is accepted.
    package var awsCredential: AWSCredential?
    /// The dials of requests that set none.
    package var dials: Dials
    /// The models that exist; nil: every name does, and `GET /v1/models` lists `Simulator.exampleModels`.
    package var models: [String]?
    /// Requests for stored objects that were never created answer an example object with the id asked for, instead of
    /// 404; output limits may be 0; responses may have no input. Suites that replay a provider's documented examples
    /// need it, because the examples carry placeholders.
    package var acceptsPlaceholders: Bool
    /// The largest request body that is accepted.
    package var maximumBodyBytes: Int
    /// How many requests `GET /-/requests` remembers.
    package var recordedRequests: Int
    /// How many bytes of each request's body are remembered.
    package var recordedBodyBytes: Int
    /// How many bytes of files, responses and other objects are kept; beyond it the oldest are forgotten.
    package var storedBytes: Int

    /// Options with the defaults that `ai-gateway run` uses: loopback, a free port, any credential, no dials.
    package init(host: String = "127.0.0.1", port: Int = 0, credential: Credential = .any, dials: Dials = Dials()) {
        self.host = host
        self.port = port
        self.credential = credential
        self.awsCredential = nil
        self.dials = dials
        self.models = nil
        self.acceptsPlaceholders = false
        self.maximumBodyBytes = 32 << 20
        self.recordedRequests = 256
        self.recordedBodyBytes = 64 << 10
        self.storedBytes = 64 << 20
    }
}

/// An access key of AWS.
package struct AWSCredential: Sendable, Equatable {
    /// The public half, which requests name.
    package let accessKeyID: String
    /// The secret half, which requests are signed with.
    package let secretAccessKey: String

    package init(accessKeyID: String, secretAccessKey: String) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
    }
}
