import Foundation
import NIOCore
import Testing

@testable import HTTPWire

/// The cases of llhttp's own tests (`llhttp/**/*.md` under `FIXTURES_DIR`), where they are present.
///
/// What llhttp refuses must not be accepted here, lenient modes aside. What it accepts may be refused here for the
/// reasons in `stricter`; any other difference is a failure unless `decided` says why it is meant.
struct LlhttpCasesTests {
    struct Case {
        let title: String
        let isRequest: Bool
        let bytes: [UInt8]
        /// llhttp's log ends in an error that is not one of its pauses.
        let isRefused: Bool
        /// llhttp's log holds a complete message.
        let isComplete: Bool
    }

    /// Reasons for which this parser refuses on purpose what llhttp lets pass.
    static let stricter: [WireError: String] = [
        .badHost: "most cases have no host field, which HTTP/1.1 wants; some have one that no host can have",
        .badTarget: "only the origin form is read, without fragments, quotes and bytes beyond ASCII",
        .ambiguousPath: "paths with empty or dot segments",
        .badTransferEncoding: "only `chunked` alone",
        .badContentLength: "a repeated length, even an equal one; and more than 18 digits",
        .badExpectation: "only 100-continue",
        .unsupportedVersion: "only HTTP/1.0 and HTTP/1.1",
    ]

    /// Cases whose outcome differs on purpose, by title, with the reason.
    static let decided: [String: String] = [
        "SOURCE request with ICE": "another protocol",
        "OPTIONS request with RTSP": "another protocol",
        "ANNOUNCE request with RTSP": "another protocol",
        "RTSP response": "another protocol",
        "ICE response": "another protocol",
        "HTTP version 0.9": "only HTTP/1.0 and HTTP/1.1",
        "Request starting with CRLF": "nothing stands before a request",
        "Prefix newline": "nothing stands before a request",
        "Response starting with CRLF": "nothing stands before an answer",
        "HTTP protocol and ANNOUNCE method": "methods are any token here; the list of endpoints refuses them",
    ]

    static let folder: URL = {
        let given = ProcessInfo.processInfo.environment["FIXTURES_DIR"]
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return (given.map { URL(filePath: $0) } ?? root.appending(path: "../shared/fixtures")).standardizedFileURL
            .appending(path: "llhttp")
    }()

    static func cases() -> [Case] {
        let files = FileManager.default.enumerator(at: Self.folder, includingPropertiesForKeys: nil)
        let paths = (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "md" }
        return paths.sorted { $0.path < $1.path }.flatMap { path in
            Self.cases(in: (try? String(contentsOf: path, encoding: .utf8)) ?? "")
        }
    }

    /// Strict cases in one document: a heading, a line of meta data, the bytes, the log.
    static func cases(in document: String) -> [Case] {
        var cases: [Case] = []
        var title = ""
        var type = ""
        var block: [Substring]?
        var input: [Substring] = []
        for line in document.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let lines = block {
                    if type == "http" {
                        input = lines
                    } else {
                        cases.append(contentsOf: Self.make(title, input, lines))
                    }
                    block = nil
                } else {
                    type = String(line.dropFirst(3))
                    block = []
                }
            } else if block != nil {
                block?.append(line)
            } else if line.hasPrefix("#") {
                title = line.drop { $0 == "#" || $0 == " " }.description
            } else if line.hasPrefix("<!-- meta=") {
                title = title.split(separator: "\u{1F}")[0] + "\u{1F}" + line
            }
        }
        return cases
    }

    private static func make(_ heading: String, _ input: [Substring], _ log: [Substring]) -> [Case] {
        let parts = heading.split(separator: "\u{1F}")
        guard parts.count == 2, let type = parts[1].split(separator: "\"").dropFirst(3).first else { return [] }
        guard type == "request" || type == "response" else { return [] }
        let error = log.first { $0.contains("error code=") }
        return [
            Case(
                title: String(parts[0]),
                isRequest: type == "request",
                bytes: Self.bytes(input.joined(separator: "\n")),
                isRefused: error.map { !$0.contains("pause") && !$0.contains("Pause") } ?? false,
                isComplete: log.contains { $0.contains("message complete") }
            )
        ]
    }

    /// The notation of llhttp's documents: lines end in CR LF, a backslash joins lines, escapes stand for bytes.
    private static func bytes(_ text: String) -> [UInt8] {
        let joined = text.replacing("\\\n", with: "").replacing("\n", with: "\r\n")
        var bytes: [UInt8] = []
        var rest = Array(joined.utf8)[...]
        let escapes: [UInt8: UInt8] = [0x72: 13, 0x6E: 10, 0x74: 9, 0x66: 12]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.first else {
                bytes.append(byte)
                continue
            }
            if let plain = escapes[next] {
                bytes.append(plain)
                rest.removeFirst()
            } else if next == UInt8(ascii: "x") {
                let digits = rest.dropFirst().prefix(2)
                bytes.append(UInt8(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0)
                rest.removeFirst(min(3, rest.count))
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    @Test func refusesWhatLlhttpRefuses() throws {
        let cases = Self.cases()
        print("llhttp cases: \(cases.count) run from \(Self.folder.path)\(cases.isEmpty ? " (absent: skipped)" : "")")
        for item in cases where Self.decided[item.title] == nil {
            let text = String(decoding: item.bytes, as: UTF8.self).debugDescription
            switch Self.read(item) {
            case .success(let isComplete):
                if item.isRefused, !item.isComplete {
                    #expect(!isComplete, "accepted what llhttp refuses: \(item.title) \(text)")
                }
            case .failure(let reason):
                if !item.isRefused {
                    #expect(Self.stricter[reason] != nil, "refused as \(reason): \(item.title) \(text)")
                }
            }
        }
    }

    /// Whether the case holds a whole message.
    private static func read(_ item: Case) -> Result<Bool, WireError> {
        Result { () throws(WireError) in
            if item.isRequest { return try Wire.message(item.bytes) != nil }
            let head = ResponseHead()
            guard case .complete(let length) = try head.parse(ByteBuffer(bytes: item.bytes), limit: Wire.limit) else {
                return false
            }
            switch head.framing(answering: .get) {
            case .none: return true
            case .length(let count): return UInt64(item.bytes.count - length) >= count
            case .chunked: return try Wire.chunked([Array(item.bytes[length...])]) != nil
            case .untilClose: return false
            }
        }
    }
}
