import ArgumentParser
import Foundation
import GatewayModel
import Journal
import MySQLStorage
import Storage

/// `ai-gateway ledger`: the ledger of usage on this machine.
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Look after the ledger of usage records.",
        subcommands: [LedgerVerify.self]
    )
}

/// `ai-gateway ledger verify`: journal, records and sums must agree.
struct LedgerVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Prove that journal, records and sums agree.",
        discussion: """
            Every record that the journal holds must be in the ledger, and the sums by hour and by day must be those of the \
            records. The services may be running; what they write meanwhile is not missed. Exits with 1 when something differs \
            and was not repaired.
            """
    )

    @Option(name: .customLong("data-dir"), help: "The data directory with the ledger.") var dataDirectory = "data"
    @Option(help: "The database with the ledger, instead of the file in the data directory: mysql://…") var store:
        String?
    @Flag(help: "Make the sums of a day that differ anew from its records.") var repair = false
    @Flag(help: "One JSON object per day, and one for the journal.") var json = false

    func run() async throws {
        let address = try self.address()
        guard address != nil || FileManager.default.fileExists(atPath: "\(self.dataDirectory)/ledger.sqlite") else {
            throw OptionError(
                "there is no ledger in \(self.dataDirectory); name the token service's --data-dir, or its --store",
                exitCode: 1
            )
        }
        let store = try await LedgerPlane.store(address, in: self.dataDirectory)
        let journal = try await Self.journal("\(self.dataDirectory)/journal", store)
        if let journal { self.report(journal) }
        let isRight = try await self.verifyDays(store)
        guard isRight, journal?.missing.isEmpty ?? true else { throw ExitCode(1) }
    }

    private func address() throws -> MySQLAddress? {
        let environment = ProcessInfo.processInfo.environment
        guard let text = self.store ?? environment[ProcessOption.store.variable] else { return nil }
        do {
            return try MySQLAddress(parsing: text, password: environment["\(ProcessOption.store.variable)_PASSWORD"])
        } catch {
            throw OptionError("--store: \(error)")
        }
    }

    // MARK: journal against records

    private struct JournalVerdict {
        var records = 0
        var open = 0
        var missing: [UsageRecord] = []
    }

    /// Nil when there is no journal here.
    private static func journal(_ directory: String, _ store: any LedgerStore) async throws -> JournalVerdict? {
        guard FileManager.default.fileExists(atPath: directory) else { return nil }
        var verdict = JournalVerdict()
        var reader = JournalReader(directory: directory, includingRetired: true)
        repeat {
            let records = try reader.newRecords(limit: 10_000)
            verdict.records += records.count
            verdict.missing += try await store.missing(among: records)
        } while reader.hasMore
        verdict.open = reader.openRecords.count
        // A gateway that runs may not have shipped the last ones yet: what is on its way arrives.
        for _ in 0..<20 where !verdict.missing.isEmpty {
            try await Task.sleep(for: .milliseconds(250))
            verdict.missing = try await store.missing(among: verdict.missing)
        }
        return verdict
    }

    private func report(_ journal: JournalVerdict) {
        let missing = journal.missing
        guard !self.json else {
            Self.print([
                "journal_records": .int(Int64(journal.records)), "open": .int(Int64(journal.open)),
                "missing": .array(missing.prefix(1000).map { .string($0.id.description) }),
            ])
            return
        }
        print("journal: \(journal.records) records, \(journal.open) open, \(missing.count) not in the ledger")
        for record in missing.prefix(10) {
            print("  \(record.id)  \(Timestamp.text(Int64(record.startedAt / 1_000_000_000)))")
        }
        if missing.count > 10 { print("  … and \(missing.count - 10) more") }
    }

    // MARK: sums against records

    private func verifyDays(_ store: any LedgerStore) async throws -> Bool {
        let days = try await store.days()
        var isRight = true
        for (index, day) in days.enumerated() {
            Progress.show("\(index + 1) of \(days.count) days", isQuiet: self.json)
            let verdict = try await store.verify(day, repair: self.repair)
            isRight = isRight && (verdict.differences == 0 || verdict.isRepaired)
            self.report(verdict)
        }
        Progress.show("", isQuiet: self.json)
        if days.isEmpty, !self.json { print("the ledger holds no days yet") }
        return isRight
    }

    private func report(_ verdict: DayVerdict) {
        guard !self.json else {
            Self.print([
                "day": .string(verdict.day.description), "records": .int(verdict.records),
                "differences": .int(Int64(verdict.differences)), "repaired": .bool(verdict.isRepaired),
            ])
            return
        }
        let outcome =
            switch (verdict.differences, verdict.isRepaired) {
            case (0, _): "sums agree"
            case (_, true): "\(verdict.differences) sums differed and were made anew"
            case (_, false): "\(verdict.differences) sums differ; --repair makes them anew"
            }
        Progress.show("", isQuiet: false)
        print("\(verdict.day): \(verdict.records) records, \(outcome)")
    }

    private static func print(_ value: DocumentValue) { Swift.print(String(decoding: value.json(), as: UTF8.self)) }

    private func print(_ text: String) { Swift.print(text) }
}

/// One line on the terminal that is written over, and nothing where standard error is no terminal.
enum Progress {
    static func show(_ text: String, isQuiet: Bool) {
        guard !isQuiet, isatty(STDERR_FILENO) == 1 else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
    }
}
