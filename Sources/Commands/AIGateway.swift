package import ArgumentParser
import Foundation
import GatewayModel
import GatewayServer
import Journal
import Telemetry

/// The executable: a list of subcommands, and how their failures reach a shell.
package struct AIGateway: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ai-gateway",
        abstract: "One front door for every AI model that a company uses.",
        subcommands: [
            RunCommand.self, GatewayCommand.self, ConfigCenterCommand.self, TokenServiceCommand.self,
            SimulateCommand.self, ApplyCommand.self, ExportCommand.self, UsageCommand.self, LedgerCommand.self,
            TokensCommand.self,
            ReferenceCommand.self,
        ],
        defaultSubcommand: nil
    )

    package init() {}

    /// Parses and runs the process's arguments. A failure is one clear line on standard error; the exit code is 2 for what
    /// was written wrongly, 1 for what the machine refuses.
    package static func start() async -> Never {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try Self.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Foundation.exit(0)
        } catch {
            Self.fail(error)
        }
    }

    private static func fail(_ error: any Error) -> Never {
        switch error {
        case let error as OptionError: Self.fail("\(error)", code: error.exitCode)
        case let error as PortInUse: Self.fail("\(error)", code: 1)
        case let error as JournalError: Self.fail("\(error)", code: 1)
        case let error as LogFileError: Self.fail("\(error)", code: 1)
        default: break
        }
        let code = Self.exitCode(for: error)
        if code == .success {
            FileHandle.standardOutput.write(Data("\(Self.fullMessage(for: error))\n".utf8))
            Foundation.exit(0)
        }
        guard code == .validationFailure else { Self.fail("\(error)", code: 1) }
        // The parser's own text has the usage too; the first line says what is wrong, the last where help is.
        let help = Self.fullMessage(for: error).split(separator: "\n").last { $0.contains("--help") }
        let hint = help.map { ". \($0.trimmingCharacters(in: .whitespaces))" } ?? ""
        Self.fail(Self.message(for: error) + hint, code: 2)
    }

    private static func fail(_ message: String, code: Int32) -> Never {
        FileHandle.standardError.write(Data("ai-gateway: \(message)\n".utf8))
        Foundation.exit(code)
    }
}
