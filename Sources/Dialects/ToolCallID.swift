/// Ids of tool calls where a dialect is narrower than the one they come from.
///
/// Anthropic takes `^[a-zA-Z0-9_-]+$` (docs.anthropic.com, "Tool use", `tool_use_id`). An id that is legal stays as it is;
/// another becomes its own bytes in hexadecimal behind a prefix, so that it is found again.
enum ToolCallID {
    private static let prefix = "agwx_"

    static func legal(_ id: String) -> String {
        if !id.isEmpty, id.utf8.allSatisfy({ $0.isIDByte }) { return id }
        return Self.prefix + id.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What `legal` was given.
    static func original(_ id: String) -> String {
        guard id.hasPrefix(Self.prefix) else { return id }
        let digits = Array(id.utf8.dropFirst(Self.prefix.utf8.count))
        guard digits.count.isMultiple(of: 2) else { return id }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
                return id
            }
            bytes.append(byte)
        }
        return String(validating: bytes, as: UTF8.self) ?? id
    }
}

extension UInt8 {
    fileprivate var isIDByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
