import Crypto
import Foundation
import GatewayModel
import HTTPWire
import Journal
import NIOCore

@testable import GatewayCore

/// A loop with a journal and an object map in a folder of its own, and one exchange on it.
final class Bench {
    static let pepper = Secret("pepper")
    static let now: UInt64 = 1_000_000_000

    let folder: String
    let journal: Journal
    let loop: LoopState
    let exchange: Exchange
    let shared = RoutingTable.Shared()

    init(_ snapshot: Snapshot = Bench.snapshot(), maximumBodyBytes: Int = 1 << 20) throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "core-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        self.journal = try Journal(Journal.Options(directory: self.folder, segmentBytes: 64 << 10), writers: 1)
        self.loop = LoopState(
            journal: self.journal.writer(0),
            options: CoreOptions(maximumBodyBytes: maximumBodyBytes),
            accessLog: nil,
            objects: try ObjectMap(path: "\(self.folder)/objects")
        )
        self.loop.random = RandomNumbers(seed: 7)
        self.loop.table = RoutingTable(compiling: snapshot, sharing: self.shared)
        self.exchange = Exchange(on: self.loop, peer: "127.0.0.1")
    }

    deinit {
        self.journal.close()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    static func key(
        _ name: String,
        _ value: String,
        in namespace: String,
        models: [String]? = nil,
        expires: Int64? = nil
    )
        -> Key
    {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(value.utf8),
            using: SymmetricKey(data: Self.pepper.reveal())
        )
        return Key(
            name: name,
            namespace: namespace,
            digest: KeyDigest(Array(code))!,
            hint: "",
            models: models?.map(NamePattern.init),
            expires: expires
        )
    }

    /// Two namespaces, an upstream of each dialect, models, and a route for files.
    static func snapshot(_ change: (inout Snapshot) -> Void = { _ in }) -> Snapshot {
        let url = { (host: String, path: String) in BaseURL(tls: false, host: host, port: 80, path: path) }
        let secret = { (text: String) in Upstream.Credential(source: .value(Secret(text))) }
        var snapshot = Snapshot(
            version: 1,
            namespaces: [
                Namespace(
                    name: "search",
                    match: .init(
                        pathPrefix: "/search",
                        hosts: ["search.example"],
                        headers: [.init(name: "x-team", value: "search")]
                    )
                ),
                Namespace(name: "open", match: .init(pathPrefix: "/open"), anonymous: true),
                Namespace(name: "plain"),
            ],
            keys: [
                Self.key("k1", "key-search", in: "search"), Self.key("k2", "key-plain", in: "plain"),
                Self.key("k3", "key-mini", in: "plain", models: ["gpt-mini*"]),
                Self.key("k4", "key-old", in: "plain", expires: 1),
            ],
            upstreams: [
                Upstream(
                    name: "openai",
                    dialect: .openAI,
                    baseURL: url("openai.example", "/api/v2"),
                    credentials: [secret("sk-up")]
                ),
                Upstream(
                    name: "claude",
                    dialect: .anthropic,
                    baseURL: url("claude.example", "/v1"),
                    credentials: [secret("sk-ant")]
                ),
            ],
            models: [
                Model(name: NamePattern("gpt"), targets: [.init(upstream: "openai", model: "gpt-2024")]),
                Model(name: NamePattern("gpt-mini*"), targets: [.init(upstream: "openai")]),
                Model(name: NamePattern("claude"), targets: [.init(upstream: "claude", model: "claude-4")]),
            ],
            routes: [
                Route(
                    name: "files",
                    match: .init(paths: ["/v1/files*", "/v1/batches*"].map(NamePattern.init)),
                    upstream: "openai"
                )
            ],
            keyPepper: Self.pepper
        )
        change(&snapshot)
        return snapshot
    }

    // MARK: driving the exchange

    /// `open` and `admit`.
    func admit(_ head: String, _ body: String = "") throws -> Exchange.Admission {
        let buffer = ByteBuffer(string: head)
        _ = try self.exchange.request.parse(buffer, limit: 64 << 10)
        _ = try self.exchange.open(buffer, now: Self.now)
        return try self.exchange.admit(ByteBuffer(string: body))
    }

    /// The code of the refusal that `open` or `admit` end with; nil when the call is admitted.
    func refusal(_ head: String, _ body: String = "") throws -> ErrorCode? {
        do { _ = try self.admit(head, body) } catch let refusal as Refusal { return refusal.code }
        return nil
    }

    /// What goes to the upstream of the next attempt.
    func send() throws -> String {
        let attempt = try self.exchange.nextAttempt(after: nil)
        try self.exchange.recordStart()
        var out = ByteBuffer()
        if var rest = self.exchange.writeRequest(to: attempt.upstream, into: &out) { out.writeBuffer(&rest) }
        self.exchange.noteSent(at: Self.now + 1)
        return String(buffer: out)
    }

    /// Admits the call and returns what goes upstream.
    func forward(_ head: String, _ body: String = "") throws -> String {
        _ = try self.admit(head, body)
        return try self.send()
    }

    /// What the client gets for an upstream's answer; nil when the answer is not for the client.
    func answer(_ text: String) throws -> String? {
        var input = ByteBuffer(string: text)
        guard case .complete(let length) = try self.exchange.response.parse(input, limit: 64 << 10) else { return nil }
        var out = ByteBuffer()
        guard case .relay = self.exchange.receiveHead(input, now: Self.now + 2, into: &out) else { return nil }
        input.moveReaderIndex(forwardBy: length)
        var passed: ByteBuffer?
        let verdict = self.exchange.receiveBody(&input, now: Self.now + 3, into: &out, passing: &passed)
        if var passed { out.writeBuffer(&passed) }
        if case .complete = verdict { self.exchange.finish(now: Self.now + 4) }
        return String(buffer: out)
    }

    /// The usage records written so far.
    func records() throws -> [UsageRecord] {
        var reader = JournalReader(directory: self.folder)
        return try reader.newRecords()
    }

    /// A head for the namespace without any matches.
    static func post(_ path: String, _ body: String, key: String = "key-plain", _ fields: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer \(key)\r\nContent-Type: application/json\r\n"
            + "\(fields)Content-Length: \(body.utf8.count)\r\n\r\n"
    }

    static func get(_ path: String, key: String = "key-plain", method: String = "GET", _ fields: String = "") -> String
    {
        "\(method) \(path) HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer \(key)\r\n\(fields)\r\n"
    }
}
