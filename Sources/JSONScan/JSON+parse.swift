// RFC 8259 text to `JSON`. Nesting deeper than `maximumDepth`, trailing bytes, lone surrogates and control characters in
// strings are refused. Of a repeated name the last member counts, as in most parsers: the real providers take it so too.

extension JSON {
    /// Why a text is not JSON: where, and what stood there.
    package struct ParseError: Error {
        package let offset: Int
        package let reason: String
    }

    /// Reads one JSON text.
    package init(parsing bytes: [UInt8]) throws(ParseError) {
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }
}

private struct Parser {
    static let maximumDepth = 128

    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSON.ParseError) -> JSON {
        let value = try self.value(depth: 0)
        self.skipSpace()
        guard self.offset == self.bytes.count else { throw self.failure("text after the value") }
        return value
    }

    private mutating func value(depth: Int) throws(JSON.ParseError) -> JSON {
        guard depth < Self.maximumDepth else { throw self.failure("nested too deeply") }
        self.skipSpace()
        switch self.peek {
        case UInt8(ascii: "{"): return try self.object(depth: depth)
        case UInt8(ascii: "["): return try self.array(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.literal("true", .bool(true))
        case UInt8(ascii: "f"): return try self.literal("false", .bool(false))
        case UInt8(ascii: "n"): return try self.literal("null", .null)
        default: return try self.number()
        }
    }

    private mutating func object(depth: Int) throws(JSON.ParseError) -> JSON {
        var members: [JSON.Member] = []
        self.offset += 1
        self.skipSpace()
        if self.take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            self.skipSpace()
            guard self.peek == UInt8(ascii: "\"") else { throw self.failure("a name was expected") }
            let name = try self.string()
            self.skipSpace()
            guard self.take(UInt8(ascii: ":")) else { throw self.failure("`:` was expected") }
            members.append(JSON.Member(name: name, value: try self.value(depth: depth + 1)))
            self.skipSpace()
            if self.take(UInt8(ascii: "}")) { return .object(members) }
            guard self.take(UInt8(ascii: ",")) else { throw self.failure("`,` or `}` was expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSON.ParseError) -> JSON {
        var values: [JSON] = []
        self.offset += 1
        self.skipSpace()
        if self.take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            values.append(try self.value(depth: depth + 1))
            self.skipSpace()
            if self.take(UInt8(ascii: "]")) { return .array(values) }
            guard self.take(UInt8(ascii: ",")) else { throw self.failure("`,` or `]` was expected") }
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSON.ParseError) -> JSON {
        for index in 0..<text.utf8CodeUnitCount {
            guard self.take(text.utf8Start[index]) else { throw self.failure("not a value") }
        }
        return value
    }

    /// A number as RFC 8259 §6 writes it: `int` when `Int` writes it alike, else the text.
    private mutating func number() throws(JSON.ParseError) -> JSON {
        let start = self.offset
        var isWhole = true
        _ = self.take(UInt8(ascii: "-"))
        if !self.take(UInt8(ascii: "0")) { try self.digits() }
        if self.take(UInt8(ascii: ".")) {
            isWhole = false
            try self.digits()
        }
        if self.take(UInt8(ascii: "e")) || self.take(UInt8(ascii: "E")) {
            isWhole = false
            if !self.take(UInt8(ascii: "+")) { _ = self.take(UInt8(ascii: "-")) }
            try self.digits()
        }
        let text = String(decoding: self.bytes[start..<self.offset], as: UTF8.self)
        if isWhole, text != "-0", let value = Int(text) { return .int(value) }
        return .number(text)
    }

    private mutating func digits() throws(JSON.ParseError) {
        let start = self.offset
        while let byte = self.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { self.offset += 1 }
        guard self.offset > start else { throw self.failure("not a value") }
    }

    /// A string whose opening quote is next. The usual one without escapes is made from its bytes where they stand.
    private mutating func string() throws(JSON.ParseError) -> String {
        self.offset += 1
        let start = self.offset
        let end = StringScan.plainEnd(self.bytes.span, from: start)
        if end < self.bytes.count, self.bytes[end] == UInt8(ascii: "\"") {
            self.offset = end + 1
            return try self.text(self.bytes[start..<end])
        }
        return try self.escapedString()
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(JSON.ParseError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw self.failure("not UTF-8") }
        return text
    }

    private mutating func escapedString() throws(JSON.ParseError) -> String {
        var output: [UInt8] = []
        while true {
            let end = StringScan.plainEnd(self.bytes.span, from: self.offset)
            output += self.bytes[self.offset..<end]
            self.offset = end + 1
            guard end < self.bytes.count else { throw self.failure("the string does not end") }
            switch self.bytes[end] {
            case UInt8(ascii: "\""): return try self.text(output[...])
            case UInt8(ascii: "\\"): try self.escape(into: &output)
            default: throw self.failure("a control character in a string")
            }
        }
    }

    private mutating func escape(into output: inout [UInt8]) throws(JSON.ParseError) {
        guard let byte = self.peek else { throw self.failure("the string does not end") }
        self.offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(byte)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "u"): output += String(Character(try self.scalar())).utf8
        default: throw self.failure("an unknown escape")
        }
    }

    private mutating func scalar() throws(JSON.ParseError) -> Unicode.Scalar {
        let high = try self.hexUnit()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard (0xD800..<0xDC00).contains(high), self.take(UInt8(ascii: "\\")), self.take(UInt8(ascii: "u")) else {
            throw self.failure("a lone surrogate")
        }
        let low = try self.hexUnit()
        guard (0xDC00..<0xE000).contains(low) else { throw self.failure("a lone surrogate") }
        guard let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) else {
            throw self.failure("a lone surrogate")
        }
        return scalar
    }

    private mutating func hexUnit() throws(JSON.ParseError) -> UInt32 {
        guard self.offset + 4 <= self.bytes.count else { throw self.failure("the string does not end") }
        let text = String(decoding: self.bytes[self.offset..<self.offset + 4], as: UTF8.self)
        guard let value = UInt32(text, radix: 16), !text.hasPrefix("+") else { throw self.failure("not hex digits") }
        self.offset += 4
        return value
    }

    private var peek: UInt8? {
        self.offset < self.bytes.count ? self.bytes[self.offset] : nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard self.peek == byte else { return false }
        self.offset += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = self.peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { self.offset += 1 }
    }

    private func failure(_ reason: String) -> JSON.ParseError {
        JSON.ParseError(offset: self.offset, reason: reason)
    }
}
