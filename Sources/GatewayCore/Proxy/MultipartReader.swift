import GatewayModel
import HTTPWire

// multipart-body = *( "--" boundary CR LF headers CR LF CR LF content CR LF ) "--" boundary "--"      (RFC 2046 §5.1.1)
//
// Only form fields without a file name are looked at (RFC 7578 §4.2), and of those only `model`. A body in which `model`
// appears twice is refused, because readers disagree on which one holds.

/// Finds the field `model` in a multipart form.
enum MultipartReader {
    /// The boundary in the value of a content type, or nil when it is not multipart or has none.
    static func boundary(_ contentType: ByteRange, _ bytes: borrowing Span<UInt8>) -> [UInt8]? {
        let text = String(decoding: Self.copy(bytes, contentType.lower..<contentType.upper), as: UTF8.self)
        let parts = text.split(separator: ";").map { $0.trimmingBlanks() }
        guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
        for part in parts.dropFirst() where part.lowercased().hasPrefix("boundary=") {
            let value = part.dropFirst("boundary=".count).trimming("\"")
            return (1...70).contains(value.utf8.count) ? Array(value.utf8) : nil
        }
        return nil
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
        let headers = String(decoding: Self.copy(body, range.lowerBound..<blank), as: UTF8.self)
        for line in headers.split(separator: "\r\n") where line.lowercased().hasPrefix("content-disposition:") {
            let parameters = line.split(separator: ";").map { $0.trimmingBlanks() }
            let isFile = parameters.contains { $0.lowercased().hasPrefix("filename") }
            let isModel = parameters.contains { parameter in
                parameter.lowercased().hasPrefix("name=") && parameter.dropFirst(5).trimming("\"") == "model"
            }
            if isModel, !isFile { return blank + 4..<range.upperBound }
        }
        return nil
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
