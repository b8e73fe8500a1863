import GatewayModel
import HTTPWire

// multipart-body = *( "--" boundary CR LF headers CR LF CR LF content CR LF ) "--" boundary "--"      (RFC 2046 §5.1.1)
//
//     part-headers = *( token ":" value CR LF )     of which one is
//     "content-disposition:" OWS "form-data" *( OWS ";" OWS token "=" ( token / quoted-string ) )     (RFC 7578 §4.2)
//
// Of the fields only `model` is looked at. A body in which `model` appears twice is refused, because readers disagree on
// which one holds; so is a part whose name is not told in exactly this form, because they disagree on that as well.

/// Finds the field `model` in a multipart form.
enum MultipartReader {
    /// The boundary in the value of a content type, or nil when it is not multipart or has none.
    static func boundary(_ contentType: ByteRange, _ bytes: borrowing Span<UInt8>) -> [UInt8]? {
        let text = String(decoding: Self.copy(bytes, contentType.lower..<contentType.upper), as: UTF8.self)
        let parts = text.split(separator: ";").map { $0.trimmingBlanks() }
        guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
        let boundaries = parts.dropFirst().filter { $0.lowercased().hasPrefix("boundary") }
        guard boundaries.count == 1, boundaries[0].lowercased().hasPrefix("boundary=") else { return nil }
        let value = boundaries[0].dropFirst("boundary=".count).trimming("\"")
        return (1...70).contains(value.utf8.count) ? Array(value.utf8) : nil
    }

    /// The range of the value of `model` in `body`, nil when the form has none.
    static func model(_ body: borrowing Span<UInt8>, boundary: [UInt8]) throws(Refusal) -> Range<Int>? {
        let delimiter = Array("--".utf8) + boundary
        guard var start = Self.find(delimiter, body, from: 0), start == 0 || Self.isLineStart(body, start) else {
            throw Refusal(.invalidMultipart, "The body does not begin with its boundary.")
        }
        var model: Range<Int>?
        let separator = Array("\r\n".utf8) + delimiter
        while true {
            start += delimiter.count
            if Self.has("--", body, at: start) { return model }
            guard Self.has("\r\n", body, at: start), let end = Self.find(separator, body, from: start) else {
                throw Refusal(.invalidMultipart, "A part is not closed by its boundary.")
            }
            if let value = try Self.modelValue(body, start + 2..<end) {
                guard model == nil else { throw Refusal(.invalidMultipart, "`model` appears twice.") }
                model = value
            }
            start = end + 2
        }
    }

    /// The content of the part in `range` if it is the field `model`.
    private static func modelValue(_ body: borrowing Span<UInt8>, _ range: Range<Int>) throws(Refusal) -> Range<Int>? {
        guard let blank = Self.find(Array("\r\n\r\n".utf8), body, from: range.lowerBound), blank < range.upperBound
        else {
            throw Refusal(.invalidMultipart, "A part has no empty line behind its headers.")
        }
        guard blank - range.lowerBound <= 8192 else {
            throw Refusal(.invalidMultipart, "A part's headers are too long.")
        }
        guard let part = PartHeaders(Self.copy(body, range.lowerBound..<blank)) else {
            throw Refusal(.invalidMultipart, "A part does not say its name in the form of RFC 7578.")
        }
        guard part.name == Array("model".utf8) else { return nil }
        guard !part.isFile else { throw Refusal(.invalidMultipart, "`model` is a file.") }
        return blank + 4..<range.upperBound
    }

    private static func isLineStart(_ body: borrowing Span<UInt8>, _ index: Int) -> Bool {
        index >= 2 && body[index - 2] == UInt8(ascii: "\r") && body[index - 1] == UInt8(ascii: "\n")
    }

    private static func has(_ literal: StaticString, _ body: borrowing Span<UInt8>, at start: Int) -> Bool {
        guard start + literal.utf8CodeUnitCount <= body.count else { return false }
        for offset in 0..<literal.utf8CodeUnitCount where body[start + offset] != literal.utf8Start[offset] {
            return false
        }
        return true
    }

    private static func find(_ needle: [UInt8], _ body: borrowing Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index + needle.count <= body.count {
            if body[index] == needle[0] {
                var offset = 1
                while offset < needle.count, body[index + offset] == needle[offset] { offset += 1 }
                if offset == needle.count { return index }
            }
            index += 1
        }
        return nil
    }

    private static func copy(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(range.count)
        for index in range { copy.append(bytes[index]) }
        return copy
    }
}

/// What the headers of one part say, or nothing when they are not of the one form that all readers understand.
private struct PartHeaders {
    private(set) var name: [UInt8] = []
    private(set) var isFile = false
    private var rest: ArraySlice<UInt8>

    init?(_ bytes: [UInt8]) {
        self.rest = bytes[...]
        var dispositions = 0
        while !self.rest.isEmpty {
            let field = self.takeToken()
            guard !field.isEmpty, self.take(UInt8(ascii: ":")) else { return nil }
            if Self.equals(field, "content-disposition") {
                dispositions += 1
                guard self.takeDisposition() else { return nil }
            } else {
                while let byte = self.rest.first, byte >= 0x20 || byte == 0x09 { self.rest.removeFirst() }
            }
            guard self.rest.isEmpty || self.take(0x0D) && self.take(0x0A) else { return nil }
        }
        guard dispositions == 1 else { return nil }
    }

    private mutating func takeDisposition() -> Bool {
        self.takeBlanks()
        guard Self.equals(self.takeToken(), "form-data") else { return false }
        var names = 0
        while true {
            self.takeBlanks()
            guard self.take(UInt8(ascii: ";")) else { return names == 1 }
            self.takeBlanks()
            let parameter = self.takeToken()
            guard self.take(UInt8(ascii: "=")), let value = self.takeValue() else { return false }
            if Self.equals(parameter, "name") {
                names += 1
                guard !value.contains(UInt8(ascii: "\\")) else { return false }
                self.name = value
            } else if Self.equals(parameter, "filename") || Self.equals(parameter, "filename*") {
                self.isFile = true
            } else {
                return false
            }
        }
    }

    /// A token, or what stands between quotes with its backslashes.
    private mutating func takeValue() -> [UInt8]? {
        guard self.take(UInt8(ascii: "\"")) else {
            let token = self.takeToken()
            return token.isEmpty ? nil : token
        }
        var value: [UInt8] = []
        while let byte = self.rest.popFirst(), byte >= 0x20, byte != 0x7F {
            if byte == UInt8(ascii: "\"") { return value }
            value.append(byte)
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escaped = self.rest.popFirst(), escaped >= 0x20 else { return nil }
            value.append(escaped)
        }
        return nil
    }

    private mutating func takeToken() -> [UInt8] {
        let token = Array(
            self.rest.prefix { byte in
                let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26
                return isLetter || byte &- UInt8(ascii: "0") < 10 || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        )
        self.rest.removeFirst(token.count)
        return token
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard self.rest.first == byte else { return false }
        self.rest.removeFirst()
        return true
    }

    private mutating func takeBlanks() {
        while self.rest.first == 0x20 || self.rest.first == 0x09 { self.rest.removeFirst() }
    }

    private static func equals(_ token: [UInt8], _ literal: String) -> Bool {
        String(decoding: token, as: UTF8.self).lowercased() == literal
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> Substring {
        var rest = self
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest
    }

    fileprivate func trimming(_ character: Character) -> Substring {
        guard self.count >= 2, self.first == character, self.last == character else { return self }
        return self.dropFirst().dropLast()
    }
}
