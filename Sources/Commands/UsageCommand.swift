import ArgumentParser
import Foundation
import GatewayModel
import Journal

/// `ai-gateway usage`: what the journal holds.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Read the journal of usage records.",
        subcommands: [UsageTail.self]
    )
}

/// `ai-gateway usage tail`: one record per exchange that was sent upstream.
struct UsageTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Print the usage records of a gateway, which may be running or not."
    )

    @Option(name: .customLong("data-dir"), help: "The gateway's data directory.") var dataDirectory = "data"
    @Flag(help: "One JSON object per line.") var json = false
    @Flag(name: .shortAndLong, help: "Go on printing records as they come.") var follow = false

    func run() async throws {
        let directory = "\(self.dataDirectory)/journal"
        guard FileManager.default.fileExists(atPath: directory) else {
            throw OptionError(
                "there is no journal in \(self.dataDirectory); name the gateway's --data-dir",
                exitCode: 1
            )
        }
        var reader = JournalReader(directory: directory, includingRetired: true)
        if !self.json { print(Self.heading) }
        var passes = 0
        repeat {
            for record in try reader.newRecords() { print(self.json ? Self.json(record) : Self.row(record)) }
            fflush(nil)
            passes += 1
            if self.follow { try await Task.sleep(for: .milliseconds(200)) }
            // The second pass gives the records of which only the end is left.
        } while self.follow || passes < 2
        if reader.damaged > 0 {
            FileHandle.standardError.write(Data("\(reader.damaged) damaged entries were skipped\n".utf8))
        }
    }

    private static let widths = [24, 14, 14, 22, 14, 14, 7, 8, 8, 10]

    private static var heading: String {
        Self.columns([
            "time", "namespace", "key", "model", "upstream", "outcome", "status", "input", "output", "seconds",
        ])
    }

    private static func row(_ record: UsageRecord) -> String {
        Self.columns([
            Self.time(record.startedAt), record.namespace, record.key, record.modelAsked, record.upstream,
            record.outcome.rawValue, String(record.status),
            record.usage.source == .none ? "-" : String(record.usage.input + record.usage.cachedInput),
            record.usage.source == .none ? "-" : String(record.usage.output + record.usage.reasoning),
            String(format: "%.3f", Double(record.endedAfter) / 1e9),
        ])
    }

    private static func columns(_ texts: [String]) -> String {
        zip(texts, Self.widths).map { text, width in
            let cut = text.count > width ? String(text.prefix(width - 1)) + "…" : text
            return cut.padding(toLength: width, withPad: " ", startingAt: 0)
        }.joined(separator: "  ")
    }

    private static func time(_ nanoseconds: UInt64) -> String {
        Date(timeIntervalSince1970: Double(nanoseconds) / 1e9)
            .formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
    }

    /// The record's written form, with its start for people beside the nanoseconds.
    private static func json(_ record: UsageRecord) -> String {
        var document = record.document.object ?? DocumentObject()
        document.set("time", .string(Self.time(record.startedAt)))
        return String(decoding: DocumentValue.object(document).json(), as: UTF8.self)
    }
}
