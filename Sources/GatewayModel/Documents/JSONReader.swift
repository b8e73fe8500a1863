/// A recursive-descent reader over bytes; see `DocumentValue+JSON.swift` for what it refuses.
struct JSONReader {
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0
    private var values = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(DocumentSyntaxError) -> DocumentValue {
        let value = try self.value()
        self.skipSpace()
        guard self.index == self.bytes.count else { throw self.error("there is more after the end of the value") }
        return value
    }

    private mutating func value() throws(DocumentSyntaxError) -> DocumentValue {
        self.skipSpace()
        self.values += 1
        guard self.values <= DocumentValue.Limits.values else { throw self.error("too many values") }
        guard self.index < self.bytes.count else { throw self.error("the text ends where a value should be") }
        switch self.bytes[self.index] {
        case UInt8(ascii: "{"): return try self.nested { reader throws(DocumentSyntaxError) in try reader.object() }
        case UInt8(ascii: "["): return try self.nested { reader throws(DocumentSyntaxError) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.literal("true", .bool(true))
        case UInt8(ascii: "f"): return try self.literal("false", .bool(false))
        case UInt8(ascii: "n"): return try self.literal("null", .null)
        default: return try self.number()
        }
    }

    private mutating func nested(
        _ read: (inout JSONReader) throws(DocumentSyntaxError) -> DocumentValue
    ) throws(DocumentSyntaxError) -> DocumentValue {
        self.depth += 1
        guard self.depth <= DocumentValue.Limits.depth else {
            throw self.error("nested deeper than \(DocumentValue.Limits.depth)")
        }
        self.index += 1
        let value = try read(&self)
        self.depth -= 1
        return value
    }

    private mutating func object() throws(DocumentSyntaxError) -> DocumentValue {
        var object = DocumentObject()
        var names: Set<String> = []
        if self.take(UInt8(ascii: "}")) { return .object(object) }
        while true {
            self.skipSpace()
            guard self.index < self.bytes.count, self.bytes[self.index] == UInt8(ascii: "\"") else {
                throw self.error("a field name in double quotes should be here")
            }
            let name = try self.string()
            guard names.insert(name).inserted else { throw self.error("the field `\(name.prefix(64))` occurs twice") }
            guard self.take(UInt8(ascii: ":")) else { throw self.error("`:` should be here") }
            object.appendUnchecked(name, try self.value())
            if self.take(UInt8(ascii: "}")) { return .object(object) }
            guard self.take(UInt8(ascii: ",")) else { throw self.error("`,` or `}` should be here") }
        }
    }

    private mutating func array() throws(DocumentSyntaxError) -> DocumentValue {
        var values: [DocumentValue] = []
        if self.take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            values.append(try self.value())
            if self.take(UInt8(ascii: "]")) { return .array(values) }
            guard self.take(UInt8(ascii: ",")) else { throw self.error("`,` or `]` should be here") }
        }
    }

    private mutating func literal(_ text: String, _ value: DocumentValue) throws(DocumentSyntaxError) -> DocumentValue {
        guard self.bytes[self.index...].starts(with: text.utf8) else { throw self.error("this is no JSON value") }
        self.index += text.utf8.count
        return value
    }

    private mutating func number() throws(DocumentSyntaxError) -> DocumentValue {
        let start = self.index
        var isInteger = true
        if self.peek == UInt8(ascii: "-") { self.index += 1 }
        let whole = try self.digits()
        if whole > 1, self.bytes[self.index - whole] == UInt8(ascii: "0") { throw self.error("a number begins with 0") }
        if self.peek == UInt8(ascii: ".") {
            isInteger = false
            self.index += 1
            _ = try self.digits()
        }
        if let byte = self.peek, byte | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            self.index += 1
            if self.peek == UInt8(ascii: "+") || self.peek == UInt8(ascii: "-") { self.index += 1 }
            _ = try self.digits()
        }
        let text = String(decoding: self.bytes[start..<self.index], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw self.error("the number is too large") }
        return .double(value)
    }

    /// Skips digits and says how many there were, at least one.
    private mutating func digits() throws(DocumentSyntaxError) -> Int {
        let start = self.index
        while let byte = self.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { self.index += 1 }
        guard self.index > start else { throw self.error("this is no JSON value") }
        return self.index - start
    }

    private mutating func string() throws(DocumentSyntaxError) -> String {
        self.index += 1
        var text: [UInt8] = []
        while let byte = self.peek {
            self.index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw self.error("invalid UTF-8") }
                return string
            case UInt8(ascii: "\\"): try self.escape(into: &text)
            case ..<0x20: throw self.error("a control character in a string must be escaped")
            default: text.append(byte)
            }
        }
        throw self.error("a string is not closed")
    }

    private mutating func escape(into text: inout [UInt8]) throws(DocumentSyntaxError) {
        guard let byte = self.peek else { throw self.error("a string is not closed") }
        self.index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += try self.unicode()
        default: throw self.error("an unknown escape in a string")
        }
    }

    private mutating func unicode() throws(DocumentSyntaxError) -> [UInt8] {
        var code = try self.hex4()
        if (0xd800..<0xdc00).contains(code) {
            guard self.bytes[self.index...].starts(with: #"\u"#.utf8) else { throw self.error("a lone surrogate") }
            self.index += 2
            let low = try self.hex4()
            guard (0xdc00..<0xe000).contains(low) else { throw self.error("a lone surrogate") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw self.error("a lone surrogate") }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func hex4() throws(DocumentSyntaxError) -> UInt32 {
        let end = self.index + 4
        guard end <= self.bytes.count else { throw self.error("an escape is cut short") }
        var code: UInt32 = 0
        while self.index < end {
            guard let digit = Character(Unicode.Scalar(self.bytes[self.index])).hexDigitValue,
                self.bytes[self.index] < 0x80
            else { throw self.error("four hexadecimal digits should follow \\u") }
            code = code << 4 | UInt32(digit)
            self.index += 1
        }
        return code
    }

    private var peek: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

    /// Skips white space and the byte, if it is next.
    private mutating func take(_ byte: UInt8) -> Bool {
        self.skipSpace()
        guard self.peek == byte else { return false }
        self.index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = self.peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { self.index += 1 }
    }

    private func error(_ message: String) -> DocumentSyntaxError {
        let line = self.bytes[..<min(self.index, self.bytes.count)].count { $0 == 0x0a } + 1
        return DocumentSyntaxError(line: line, message: message)
    }
}
