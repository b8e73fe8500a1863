internal import AsyncHTTPClient
package import GatewayModel
package import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization

/// Follows a config center: receives each snapshot as it is published, reports what is applied, and never gives up.
///
/// What is received is handed over in the order of arrival, from one task. Without a connection the gateway serves on
/// with what it has; `sinceContact` says for how long.
package final class SnapshotWatcher: Service {
    package struct Options: Sendable {
        /// Where the config center is: `https://config.example:8001`.
        package var url: BaseURL
        package var enrolmentToken: Secret
        /// How this gateway is called in the config center's list.
        package var gatewayID: String
        /// The version that is served already, from the disk; it is not sent again.
        package var knownVersion: UInt64?
        /// Trusted certificate authorities of the config center, as a PEM file; nil means the system's.
        package var caFile: String?
        /// How often the applied version is reported; nil for what is no gateway.
        package var reportInterval: Duration?
        /// The wait before a new connection, doubled from the shortest to the longest, and shortened at random.
        package var backoff: ClosedRange<Duration>

        /// Refuses `http` to anything but this machine, unless it is allowed: snapshots carry credentials.
        package init(
            url: String,
            enrolmentToken: Secret,
            gatewayID: String,
            knownVersion: UInt64? = nil,
            allowPlainHTTP: Bool = false,
            caFile: String? = nil,
            reportInterval: Duration? = .seconds(5),
            backoff: ClosedRange<Duration> = .milliseconds(100) ... .seconds(5)
        ) throws(Refusal) {
            self.url = try SnapshotWatcher.address(url, of: "config center", allowPlainHTTP: allowPlainHTTP)
            if gatewayID.contains("/") { throw Refusal(message: "the gateway's id must not contain `/`") }
            if let complaint = TextRule.name(gatewayID) { throw Refusal(message: "the gateway's id \(complaint)") }
            self.enrolmentToken = enrolmentToken
            self.gatewayID = gatewayID
            self.knownVersion = knownVersion
            self.caFile = caFile
            self.reportInterval = reportInterval
            self.backoff = backoff
        }
    }

    /// Why a config center cannot be watched as it was asked.
    package struct Refusal: Error, Equatable {
        package let message: String
    }

    /// The address of another process of ours, to which a token is sent. Refuses `http` to anything but this machine,
    /// unless it is allowed.
    package static func address(_ url: String, of name: String, allowPlainHTTP: Bool) throws(Refusal) -> BaseURL {
        let address: BaseURL
        do throws(BaseURL.Refusal) {
            address = try BaseURL(parsing: url)
        } catch {
            throw Refusal(message: "the \(name)'s address \(error.message)")
        }
        if !address.tls, !address.isLoopback, !allowPlainHTTP {
            throw Refusal(
                message: "the \(name)'s address is plain http to another machine, which would show "
                    + "credentials to the network; use https, or allow plain http explicitly"
            )
        }
        return address
    }

    private struct State {
        var version: UInt64?
        var lastContact: ContinuousClock.Instant?
        var connected = false
    }

    private struct UnexpectedStatus: Error, CustomStringConvertible {
        let status: UInt
        var description: String {
            self.status == 401 ? "the enrolment token is refused" : "the config center answered \(self.status)"
        }
    }

    private let options: Options
    private let logger: Logger
    private let onSnapshot: @Sendable (Snapshot) -> Void
    private let state: Mutex<State>

    package init(options: Options, logger: Logger, onSnapshot: @escaping @Sendable (Snapshot) -> Void) {
        self.options = options
        self.logger = logger
        self.onSnapshot = onSnapshot
        self.state = Mutex(State(version: options.knownVersion))
    }

    /// How long nothing has been heard of the config center; nil when nothing ever was.
    package var sinceContact: Duration? { self.state.withLock { $0.lastContact }.map { $0.duration(to: .now) } }

    /// The version that was handed over last.
    package var version: UInt64? { self.state.withLock { $0.version } }

    package func run() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        // The config center sends a comment every ten seconds: three missing ones are a dead connection.
        configuration.timeout.read = .seconds(30)
        if let caFile = self.options.caFile {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(caFile)
            configuration.tlsConfiguration = tls
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.follow(client) }
                group.addTask { await self.report(client) }
            }
        }
        try await client.shutdown()
    }

    // MARK: Following

    private func follow(_ client: HTTPClient) async {
        var wait = self.options.backoff.lowerBound
        while !Task.isCancelled {
            do {
                try await self.watch(client)
            } catch {
                if Task.isCancelled { return }
                self.logger.warning("config center lost", metadata: ["gateway.cause": "\(error)"])
            }
            let wasConnected = self.state.withLock { state in
                defer { state.connected = false }
                return state.connected
            }
            wait = wasConnected ? self.options.backoff.lowerBound : min(wait * 2, self.options.backoff.upperBound)
            try? await Task.sleep(for: wait * Double.random(in: 0.5...1))
        }
    }

    /// One connection, until it ends.
    private func watch(_ client: HTTPClient) async throws {
        var request = self.request("/api/v1/watch")
        request.headers.add(name: "accept", value: "text/event-stream")
        if let version = self.version { request.headers.add(name: "last-event-id", value: String(version)) }
        let response = try await client.execute(request, deadline: .distantFuture)
        guard response.status.code == 200 else { throw UnexpectedStatus(status: response.status.code) }
        self.heard(connected: true)
        var parser = SnapshotEventParser()
        for try await chunk in response.body {
            self.heard(connected: true)
            for event in try parser.consume(chunk.readableBytesView) { self.take(event) }
        }
    }

    /// A snapshot that cannot be read is reported and passed over; the one that is served stays.
    private func take(_ event: SnapshotEventParser.Event) {
        do {
            let snapshot = try Snapshot(decoding: event.data)
            self.onSnapshot(snapshot)
            self.state.withLock { $0.version = snapshot.version }
        } catch {
            self.logger.error(
                "snapshot refused",
                metadata: ["gateway.version": "\(event.id ?? "")", "gateway.cause": "\(error)"]
            )
        }
    }

    private func heard(connected: Bool) {
        self.state.withLock { state in
            state.lastContact = .now
            state.connected = connected || state.connected
        }
    }

    // MARK: Reporting

    private func report(_ client: HTTPClient) async {
        guard let interval = self.options.reportInterval else { return }
        while !Task.isCancelled {
            if let version = self.version { await self.report(version, client) }
            try? await Task.sleep(for: interval)
        }
    }

    private func report(_ version: UInt64, _ client: HTTPClient) async {
        var request = self.request("/api/v1/gateways/\(self.options.gatewayID)")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: "{\"version\":\(version)}"))
        do {
            let response = try await client.execute(request, timeout: .seconds(5))
            _ = try await response.body.collect(upTo: 1 << 16)
            if response.status.code < 300 { self.heard(connected: false) }
        } catch {
            self.logger.debug("report failed", metadata: ["gateway.cause": "\(error)"])
        }
    }

    private func request(_ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: self.options.url.description + path)
        let token = String(decoding: self.options.enrolmentToken.reveal(), as: UTF8.self)
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        return request
    }
}

extension BaseURL {
    /// Whether the host is this machine by its very form.
    fileprivate var isLoopback: Bool {
        self.host == "localhost" || self.host == "::1"
            || self.host.hasPrefix("127.") && self.host.allSatisfy { $0.isNumber || $0 == "." }
    }
}
