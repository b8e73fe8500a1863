import JSONScan

/// Lists of models in the forms of OpenAI (`GET /v1/models`) and Anthropic (the same path, other fields).
enum ModelList {
    static func list(_ names: [String], anthropic: Bool) -> [UInt8] {
        let entries = names.map { String(decoding: Self.entry($0, anthropic: anthropic), as: UTF8.self) }
        let data = entries.joined(separator: ",")
        guard anthropic else { return Array("{\"object\":\"list\",\"data\":[\(data)]}".utf8) }
        let first = names.first.map(Self.quoted) ?? "null"
        let last = names.last.map(Self.quoted) ?? "null"
        return Array("{\"data\":[\(data)],\"has_more\":false,\"first_id\":\(first),\"last_id\":\(last)}".utf8)
    }

    static func entry(_ name: String, anthropic: Bool) -> [UInt8] {
        let quoted = Self.quoted(name)
        // When a model was made is the provider's knowledge; the gateway's configuration has no such date.
        let openAI = "{\"id\":\(quoted),\"object\":\"model\",\"created\":0,\"owned_by\":\"gateway\"}"
        let date = "\"created_at\":\"1970-01-01T00:00:00Z\""
        return Array(
            (anthropic ? "{\"type\":\"model\",\"id\":\(quoted),\"display_name\":\(quoted),\(date)}" : openAI).utf8
        )
    }

    private static func quoted(_ text: String) -> String {
        var bytes = [UInt8(ascii: "\"")]
        JSONText.encode(Array(text.utf8), into: &bytes)
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// RFC 3986 §2.1. The parser has made sure that every escape is complete.
package enum PercentEncoding {
    /// Everything but the unreserved characters of RFC 3986 §2.3.
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                [byte]
            default: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    static func decode(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                decoded.append(value)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }
}
