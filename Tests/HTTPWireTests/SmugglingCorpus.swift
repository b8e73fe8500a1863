import Foundation

/// The requests of `Tests/e2e/raw/smuggling.txt`, which says how they are written.
struct SmugglingCorpus {
    struct Case {
        let verdict: String
        let name: String
        /// The request alone.
        let bytes: [UInt8]
        /// And a good one behind it.
        var withNext: [UInt8] { self.bytes + SmugglingCorpus.good("behind") }
    }

    static func cases() throws -> [Case] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: folder.appending(path: "e2e/raw/smuggling.txt"), encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.split(separator: "\t", maxSplits: 2)
            return Case(verdict: String(parts[0]), name: String(parts[1]), bytes: Self.expand(parts[2]))
        }
    }

    private static let body = "{\"model\":\"recorded\",\"messages\":[],\"user\":\"case\"}"
    private static let credentials = "Authorization: Bearer key\r\nContent-Type: application/json\r\nX-Case: case\r\n"
    private static let size = String(Self.body.utf8.count, radix: 16)
    private static let line = "POST /v1/chat/completions HTTP/1.1\r\n"

    static func good(_ name: String) -> [UInt8] {
        let fields = "Host: g\r\n\(Self.credentials)X-Name: \(name)\r\nContent-Length: \(Self.body.utf8.count)\r\n\r\n"
        return Array((Self.line + fields + Self.body).utf8)
    }

    private static let parts: [String: [UInt8]] = [
        "P": Array("\(Self.line)Host: g\r\n\(Self.credentials)".utf8),
        "F": Array("Host: g\r\n\(Self.credentials)".utf8),
        "A": Array(Self.credentials.utf8), "KEY": Array("key".utf8), "J": Array(Self.body.utf8),
        "N": Array(Self.size.utf8), "C": Array("\(Self.size)\r\n\(Self.body)\r\n0\r\n\r\n".utf8),
        "S": Self.good("smuggled"), "LONG": Array(repeating: 0x61, count: 9000),
        "LONG600": Array(repeating: 0x61, count: 600),
    ]

    private static func expand(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text
        while let character = rest.popFirst() {
            if character == "\\", let next = rest.popFirst() {
                let plain: [Character: UInt8] = ["r": 13, "n": 10, "t": 9, "\\": 92]
                bytes.append(plain[next] ?? UInt8(rest.prefix(2), radix: 16) ?? 0)
                if next == "x" { rest = rest.dropFirst(2) }
            } else if character == "{", let end = rest.firstIndex(of: "}"), let part = Self.parts[String(rest[..<end])]
            {
                bytes += part
                rest = rest[end...].dropFirst()
            } else {
                bytes += Array(String(character).utf8)
            }
        }
        return Self.fillIn(bytes)
    }

    /// Writes the number of bytes behind the head where it is asked for.
    private static func fillIn(_ bytes: [UInt8]) -> [UInt8] {
        let mark = Array("{#}".utf8)
        let end = Data(bytes).range(of: Data("\r\n\r\n".utf8))?.upperBound ?? bytes.count
        let count = Array("\(bytes.count - end)".utf8)
        var filled = Data(bytes)
        while let place = filled.range(of: Data(mark)) { filled.replaceSubrange(place, with: count) }
        return Array(filled)
    }
}
