import JSONScan

/// Changes to a call's `stream_options`.
enum StreamOptions {
    /// The object `raw` with `include_usage` set: its value replaced when it is there, the member added when it is not.
    static func includingUsage(_ raw: [UInt8]) -> [UInt8] {
        let scanner = TopLevelScanner(watching: ["include_usage"])
        guard (try? scanner.feed(raw.span)) != nil, let member = scanner[0] else {
            let isEmpty = raw.dropFirst().dropLast().allSatisfy { $0 <= 0x20 }
            return Array("{\"include_usage\":true".utf8) + (isEmpty ? [] : [UInt8(ascii: ",")]) + raw.dropFirst()
        }
        return Array(raw[..<member.start]) + Array("true".utf8) + raw[member.end...]
    }
}

/// Text as a JSON string with its quotes.
enum JSONQuote {
    static func quoted(_ text: [UInt8]) -> [UInt8] {
        var quoted = [UInt8(ascii: "\"")]
        JSONText.encode(text, into: &quoted)
        quoted.append(UInt8(ascii: "\""))
        return quoted
    }
}
