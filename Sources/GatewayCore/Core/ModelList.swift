import JSONScan

/// Lists of models in the forms of OpenAI (`GET /v1/models`), Anthropic (the same path, other fields) and Google (under
/// `/v1beta` too; ai.google.dev/api/models).
enum ModelList {
    /// Whose client asks.
    enum Form { case openAI, anthropic, gemini }

    static func list(_ names: [String], _ form: Form) -> [UInt8] {
        let data = names.map { String(decoding: Self.entry($0, form), as: UTF8.self) }.joined(separator: ",")
        switch form {
        case .openAI: return Array("{\"object\":\"list\",\"data\":[\(data)]}".utf8)
        case .gemini: return Array("{\"models\":[\(data)]}".utf8)
        case .anthropic:
            let first = names.first.map(Self.quoted) ?? "null"
            let last = names.last.map(Self.quoted) ?? "null"
            let ends = "\"first_id\":\(first),\"last_id\":\(last)"
            return Array("{\"data\":[\(data)],\"has_more\":false,\(ends)}".utf8)
        }
    }

    static func entry(_ name: String, _ form: Form) -> [UInt8] {
        let quoted = Self.quoted(name)
        switch form {
        case .openAI:
            // When a model was made is the provider's knowledge; the gateway's configuration has no such date.
            return Array("{\"id\":\(quoted),\"object\":\"model\",\"created\":0,\"owned_by\":\"gateway\"}".utf8)
        case .anthropic:
            let date = "\"created_at\":\"1970-01-01T00:00:00Z\""
            return Array("{\"type\":\"model\",\"id\":\(quoted),\"display_name\":\(quoted),\(date)}".utf8)
        case .gemini:
            let methods = "[\"generateContent\",\"streamGenerateContent\",\"countTokens\",\"embedContent\"]"
            let path = Self.quoted("models/" + name)
            return Array(
                "{\"name\":\(path),\"displayName\":\(quoted),\"supportedGenerationMethods\":\(methods)}".utf8
            )
        }
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
