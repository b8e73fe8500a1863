import Foundation
import Testing

@testable import Telemetry

struct LogFileTests {
    static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "logs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func closingWritesWhatIsPending() throws {
        try Self.withFolder { folder in
            let log = try LogFile(.file("\(folder)/a.log"))
            log.write(Array("one\ntwo\n".utf8), count: 2)
            log.write(Array("three\n".utf8), count: 1)
            log.close()
            #expect(try Self.text("\(folder)/a.log") == "one\ntwo\nthree\n")
            #expect(log.droppedLines == 0)
        }
    }

    @Test func appendsToWhatIsThere() throws {
        try Self.withFolder { folder in
            for line in ["one\n", "two\n"] {
                let log = try LogFile(.file("\(folder)/a.log"))
                log.write(Array(line.utf8), count: 1)
                log.close()
            }
            #expect(try Self.text("\(folder)/a.log") == "one\ntwo\n")
        }
    }

    @Test func reopensAfterTheFileWasMovedAway() throws {
        try Self.withFolder { folder in
            let log = try LogFile(.file("\(folder)/a.log"))
            try FileManager.default.moveItem(atPath: "\(folder)/a.log", toPath: "\(folder)/a.log.1")
            log.reopen()
            log.write(Array("new\n".utf8), count: 1)
            log.close()
            #expect(try Self.text("\(folder)/a.log") == "new\n")
            #expect(try Self.text("\(folder)/a.log.1") == "")
        }
    }

    /// Much more than is written at once: all of it is in the file, in order.
    @Test func keepsTheOrderOfABusyLog() throws {
        try Self.withFolder { folder in
            let log = try LogFile(.file("\(folder)/a.log"))
            var written: [UInt8] = []
            for batch in 0..<400 {
                let lines = (0..<1000).map { "line \(batch * 1000 + $0) of a busy log\n" }.joined()
                written += lines.utf8
                log.write(Array(lines.utf8), count: 1000)
            }
            log.close()
            #expect(log.droppedLines == 0)
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/a.log")).elementsEqual(written))
        }
    }

    @Test func countsTheLinesThatFindNoRoom() throws {
        try Self.withFolder { folder in
            let log = try LogFile(.file("\(folder)/a.log"), capacity: 10)
            log.write([UInt8](repeating: UInt8(ascii: "\n"), count: 11), count: 11)
            #expect(log.droppedLines == 11)
            log.close()
            log.write(Array("late\n".utf8), count: 1)
            #expect(log.droppedLines == 12)
            #expect(try Self.text("\(folder)/a.log") == "")
        }
    }

    @Test func countsTheLinesThatTheDiskRefuses() throws {
        let log = try LogFile(.file("/dev/full"))
        log.write(Array("one\ntwo\n".utf8), count: 2)
        log.close()
        #expect(log.droppedLines == 2)
    }

    @Test func saysWhichFileCannotBeOpened() throws {
        try Self.withFolder { folder in
            #expect {
                try LogFile(.file("\(folder)/missing/a.log"))
            } throws: { error in
                "\(error)".contains("\(folder)/missing/a.log") && "\(error)".contains("No such file")
            }
        }
    }
}

extension LogFile {
    fileprivate func write(_ lines: [UInt8], count: Int) { lines.withUnsafeBytes { self.write($0, count: count) } }
}
