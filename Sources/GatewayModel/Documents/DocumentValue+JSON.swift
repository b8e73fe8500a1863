// JSON (RFC 8259) in and out. Refused beyond what the grammar refuses: a name twice in one object, nesting deeper than
// `DocumentValue.Limits.depth`, texts longer than `Limits.bytes`, numbers that neither Int64 nor Double can hold,
// lone surrogates. Integers stay integers; `1.0` and `1e3` are doubles.

extension DocumentValue {
    /// Reads one JSON value with nothing but white space around it.
    package init(json bytes: [UInt8]) throws(DocumentSyntaxError) {
        guard bytes.count <= Limits.bytes else {
            throw DocumentSyntaxError(line: 0, message: "the document is longer than \(Limits.bytes) bytes")
        }
        var reader = JSONReader(bytes: bytes)
        self = try reader.document()
    }

    package init(json text: String) throws(DocumentSyntaxError) { try self.init(json: Array(text.utf8)) }

    /// The value as JSON without white space; `sorted` orders fields by name, which makes the text canonical.
    package func json(sorted: Bool = false) -> [UInt8] {
        var out: [UInt8] = []
        self.write(into: &out, sorted: sorted)
        return out
    }

    private func write(into out: inout [UInt8], sorted: Bool) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let value): out += (value ? "true" : "false").utf8
        case .int(let value): out += String(value).utf8
        case .double(let value): out += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let text): Self.writeJSON(text, into: &out)
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                value.write(into: &out, sorted: sorted)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            let fields = sorted ? object.fields.sorted { $0.name < $1.name } : object.fields
            out.append(UInt8(ascii: "{"))
            for (index, field) in fields.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                Self.writeJSON(field.name, into: &out)
                out.append(UInt8(ascii: ":"))
                field.value.write(into: &out, sorted: sorted)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    /// Appends the text as a JSON string; also valid as a double-quoted YAML scalar.
    static func writeJSON(_ text: String, into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        // Nearly every text is as it is.
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            out += text.utf8
        } else {
            Self.writeEscaped(text, into: &out)
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func writeEscaped(_ text: String, into out: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out += #"\""#.utf8
            case UInt8(ascii: "\\"): out += #"\\"#.utf8
            case UInt8(ascii: "\n"): out += #"\n"#.utf8
            case UInt8(ascii: "\r"): out += #"\r"#.utf8
            case UInt8(ascii: "\t"): out += #"\t"#.utf8
            case ..<0x20, 0x7f:
                out += #"\u00"#.utf8
                out.append(digits[Int(byte >> 4)])
                out.append(digits[Int(byte & 15)])
            default: out.append(byte)
            }
        }
    }
}
