import ArgumentParser
import AsyncHTTPClient
import Foundation
import GatewayModel
import NIOCore
import NIOHTTP1

/// How the commands reach a config center, and who they are there.
struct ConfigAccess: ParsableArguments {
    @Option(name: .customLong("config-center"), help: .init("Its address.", valueName: "url")) var url =
        "http://127.0.0.1:8001"
    @Option(help: "A service token; else AI_GATEWAY_TOKEN.") var token: String?
    @Option(help: "Who logs in when there is no token.") var user = "admin"
    @Option(help: "The user's password; else AI_GATEWAY_PASSWORD.") var password: String?

    /// The answer's body, or the first line of what was wrong.
    func call(_ method: String, _ path: String, body: String?, accept: String) async throws -> String {
        let token = try await self.credential()
        return try await Self.send(method, self.url + path, body: body, type: "application/yaml", accept, token)
    }

    private func credential() async throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let token = self.token ?? environment["AI_GATEWAY_TOKEN"] { return token }
        guard let password = self.password ?? environment["AI_GATEWAY_PASSWORD"] else {
            throw OptionError("--token or --password is needed (or AI_GATEWAY_TOKEN, AI_GATEWAY_PASSWORD)")
        }
        let login: DocumentValue = ["name": .string(self.user), "password": .string(password)]
        let text = String(decoding: login.json(), as: UTF8.self)
        let answer = try await Self.send(
            "POST",
            self.url + "/api/v1/login",
            body: text,
            type: "application/json",
            "application/json",
            nil
        )
        guard let token = try DocumentValue(json: answer)["token"]?.string else {
            throw OptionError("the config center's answer to the login has no token", exitCode: 1)
        }
        return token
    }

    private static func send(
        _ method: String,
        _ url: String,
        body: String?,
        type: String,
        _ accept: String,
        _ token: String?
    ) async throws -> String {
        var request = HTTPClientRequest(url: url)
        request.method = .init(rawValue: method)
        request.headers.add(name: "accept", value: accept)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "content-type", value: type)
            request.body = .bytes(ByteBuffer(string: body))
        }
        // A person waits for the answer, and will try again; by default connecting is retried until the time is up.
        var configuration = HTTPClient.Configuration(timeout: .init(connect: .seconds(5)))
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let outcome: Result<(UInt, String), any Error>
        do {
            let response = try await client.execute(request, timeout: .seconds(30))
            let text = String(buffer: try await response.body.collect(upTo: 256 << 20))
            outcome = .success((response.status.code, text))
        } catch {
            outcome = .failure(error)
        }
        try await client.shutdown()
        switch outcome {
        case .failure(let error): throw OptionError("\(url) cannot be reached: \(Self.cause(error))", exitCode: 1)
        case .success((200..<300, let text)): return text
        case .success((let status, let text)):
            throw OptionError(Self.problem(text) ?? "\(url) answered \(status)", exitCode: 1)
        }
    }

    private static func cause(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }

    /// RFC 9457 problem details: a line for each field that is wrong, else what is.
    private static func problem(_ text: String) -> String? {
        guard let value = try? DocumentValue(json: text), let title = value["title"]?.string else { return nil }
        let problems = (value["problems"]?.array ?? []).map { problem in
            let path = problem["path"]?.string ?? ""
            return (path.isEmpty ? "" : "\(path): ") + (problem["message"]?.string ?? "")
        }
        guard problems.isEmpty else { return problems.joined(separator: "\n") }
        return [title, value["detail"]?.string ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
    }
}

/// `ai-gateway apply -f gateway.yaml`
struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Create and update the resources that a file names."
    )

    @Option(name: [.short, .customLong("file")], help: "The file; - reads standard input.") var file: String
    @Flag(help: "Print what changed, field by field, as JSON.") var json = false
    @OptionGroup var access: ConfigAccess

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let text: String
        if self.file == "-" {
            text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
        } else {
            guard let data = FileManager.default.contents(atPath: self.file) else {
                throw OptionError("\(self.file): cannot be read: \(String(cString: strerror(errno)))", exitCode: 1)
            }
            text = String(decoding: data, as: UTF8.self)
        }
        let (value, problems) = try DocumentValue(yaml: text).substituting { environment[$0] }
        guard problems.isEmpty else { throw OptionError(ConfigFile.describe(DocumentProblems(problems), self.file)) }
        var object = value.object ?? DocumentObject()
        // Options of a process are for the process that reads the file, not for a config center elsewhere.
        object.remove("server")
        let body = DocumentValue.object(object).yaml()
        let answer = try await self.access.call("POST", "/api/v1/apply", body: body, accept: "application/json")
        print(self.json ? answer : Self.report(try DocumentValue(json: answer)))
    }

    /// The changes, a line each; the values of keys that were made, which nobody can ask for again; the version.
    private static func report(_ answer: DocumentValue) -> String {
        let changes = answer["changes"]?.array ?? []
        var lines = changes.map { change in
            "\(change["change"]?.string ?? "") \(change["kind"]?.string ?? "") \(change["name"]?.string ?? "")"
        }
        for key in answer["generatedKeys"]?.array ?? [] {
            lines.append("key \(key["name"]?.string ?? ""): \(key["value"]?.string ?? "")   (shown once)")
        }
        let version = answer["version"].map { String(decoding: $0.json(), as: UTF8.self) } ?? ""
        lines.append(changes.isEmpty ? "nothing changed; version \(version)" : "version \(version) is in force")
        return lines.joined(separator: "\n")
    }
}

/// `ai-gateway export`
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print all resources as a file that `apply` reads; secrets are left out."
    )

    @Flag(help: "As JSON instead of YAML.") var json = false
    @OptionGroup var access: ConfigAccess

    func run() async throws {
        let accept = self.json ? "application/json" : "application/yaml"
        print(try await self.access.call("GET", "/api/v1/export", body: nil, accept: accept), terminator: "")
    }
}
