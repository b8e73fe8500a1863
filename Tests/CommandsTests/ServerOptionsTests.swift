import ArgumentParser
import Foundation
import Logging
import Telemetry
import Testing

@testable import Commands

struct ServerOptionsTests {
    /// Options from flags, environment and the `server` section of a file.
    private static func options(
        _ flags: [String] = [],
        _ environment: [String: String] = [:],
        file: String? = nil
    ) throws -> ServerOptions {
        var flags = flags
        let path = FileManager.default.temporaryDirectory.appending(path: "options-\(UUID()).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        if let file {
            try "server: \(file)".write(toFile: path, atomically: true, encoding: .utf8)
            flags += ["--config", path]
        }
        return try ServerOptions(flags: ServerFlags.parse(flags), environment: environment)
    }

    @Test func theFlagWinsOverTheEnvironmentOverTheFileOverTheDefault() throws {
        let variable = ["AI_GATEWAY_GATEWAY_PORT": "9001"]
        let file = "{ gatewayPort: 9002, host: 0.0.0.0 }"
        #expect(try Self.options().gatewayPort == 8080)
        #expect(try Self.options(file: file).gatewayPort == 9002)
        #expect(try Self.options([], variable, file: file).gatewayPort == 9001)
        #expect(try Self.options(["--gateway-port", "9000"], variable, file: file).gatewayPort == 9000)
        #expect(try Self.options(["--gateway-port", "9000"], variable, file: file).host == "0.0.0.0")
    }

    @Test func everyOptionHasItsDefault() throws {
        let options = try Self.options()
        #expect(options.dataDirectory == "data")
        #expect(options.host == "127.0.0.1" && options.adminHost == "127.0.0.1")
        #expect(options.configCenterPort == 8001 && options.logLevel == .info)
        #expect(options.accessLog == .file("data/logs/access.log"))
        #expect(options.errorLog == .file("data/logs/error.log"))
        #expect(options.auditLog == .file("data/logs/audit.log"))
        #expect(options.drainTimeout == .seconds(30) && options.maximumBodyBytes == 32 << 20)
        #expect(!options.servesWithoutJournal && !options.allowsPlainHTTP && options.staleAfter == .seconds(60))
        #expect(options.threads >= 1 && options.document == nil)
    }

    @Test func valuesAreReadInTheirUnits() throws {
        let flags = ["--max-body", "2M", "--drain-timeout", "500ms", "--access-log", "off", "--audit-log", "stdout"]
        let options = try Self.options(flags + ["--journal-full", "serve", "--data-dir", "/srv/gateway"])
        #expect(options.maximumBodyBytes == 2 << 20 && options.drainTimeout == .milliseconds(500))
        #expect(options.accessLog == nil && options.auditLog == .standardOutput)
        #expect(options.errorLog == .file("/srv/gateway/logs/error.log") && options.servesWithoutJournal)
    }

    @Test func whatClientsMayIsReadInItsUnits() throws {
        let none = try Self.options().patience
        #expect(none.requests == nil && none.bodyMemory == nil && none.bodyRate == nil && none.write == nil)
        let file = "{ maxRequests: 10, maxBodyMemory: 4M, headTimeout: 1s, maxBodyTime: 2m, minBodyRate: off }"
        let patience = try Self.options(["--write-timeout", "500ms"], file: file).patience
        #expect(patience.requests == 10 && patience.bodyMemory == 4 << 20 && patience.bodyRate == 0)
        #expect(patience.head == .seconds(1) && patience.wholeBody == .seconds(120))
        #expect(patience.write == .milliseconds(500))
        #expect(try Self.options(["--min-body-rate", "2K"]).patience.bodyRate == 2048)
    }

    @Test(arguments: [
        ("--head-timeout", "0s", "a duration from `100ms`"), ("--write-timeout", "25h", "a duration from `100ms`"),
        ("--gateway-port", "x", "a number from 0 to 65535"), ("--gateway-port", "65536", "a number from 0 to 65535"),
        ("--threads", "0", "a number from 1 to 256"), ("--drain-timeout", "soon", "a duration such as `30s`"),
        ("--max-body", "0K", "a number of bytes such as"), ("--log-level", "loud", "trace, debug, info"),
        ("--journal-full", "maybe", "refuse or serve"), ("--allow-plain-http", "yes", "true or false"),
        ("--access-log", "", "a file, `stdout` or `off`"), ("--error-log", "off", "a file or `stdout`"),
        ("--console-port", "3000x", "a number from 0 to 65535"),
    ])
    func aWrongValueIsNamedWithWhatWouldDo(flag: String, value: String, expected: String) throws {
        let error = #expect(throws: OptionError.self) { try Self.options([flag, value]) }
        #expect(error?.exitCode == 2)
        let beginning = "\(flag): `\(value)` is not \(expected)"
        #expect(error?.description.hasPrefix(beginning) == true, "\(String(describing: error))")
    }

    @Test func aWrongFileIsNamedWithTheField() throws {
        let unknown = #expect(throws: OptionError.self) { try Self.options(file: "{ gatewayPorts: 1 }") }
        #expect(unknown?.description.contains("server.gatewayPorts: unknown option; known are ") == true)
        let wrong = #expect(throws: OptionError.self) { try Self.options(file: "[1]") }
        #expect(wrong?.description.contains("`server` must be a mapping") == true)
        let missing = #expect(throws: OptionError.self) { try Self.options(["--config", "/nowhere/gateway.yaml"]) }
        #expect(missing?.description == "/nowhere/gateway.yaml: cannot be read: No such file or directory")
        #expect(missing?.exitCode == 1)
    }

    @Test func everyOptionHasAFlagAndAVariable() throws {
        for option in ProcessOption.allCases where option != .config {
            let flags = try ServerFlags.parse([option.flag, "text"])
            #expect(flags[option] == "text")
            #expect(option.variable == "AI_GATEWAY_" + option.flag.dropFirst(2).uppercased().replacing("-", with: "_"))
        }
    }
}
