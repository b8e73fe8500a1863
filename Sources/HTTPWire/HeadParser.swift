// The field section of RFC 9112 §5, shared by requests, responses and trailers:
//
//   field-line = token ":" OWS *( VCHAR / SP / HTAB / obs-text ) OWS CR LF        the section ends with an empty line
//
// Refused although some servers tolerate it: bare LF or CR, space before the colon, folded lines, NUL and other
// controls in values, empty names. Limit: the caller's, on the bytes of the whole head.

import CByteScan

/// What the fields of one head say about the framing of the message and about its connection.
package struct FieldFacts: Sendable, Equatable {
    package var contentLength: UInt64?
    package var isChunked = false
    package var hostCount = 0
    package var host = ByteRange.empty
    /// `connection: close` was among the connection options.
    package var close = false
    /// `connection: keep-alive` was among them.
    package var keepAlive = false
    /// The connection field names further fields that must not be forwarded.
    package var namesFields = false
    package var expectsContinue = false
    package var upgrade = ByteRange.empty
    /// The values of fields that are looked up for every message; empty when the field is not there, the last one when it
    /// is there twice.
    package var contentType = ByteRange.empty
    package var contentEncoding = ByteRange.empty
    package var requestID = ByteRange.empty
    package var tags = ByteRange.empty
    /// How many content-encoding fields there are.
    package var encodings = 0
}

/// Reads one field section into `fields`, which the caller keeps and reuses: no allocation once it has grown.
struct HeadParser {
    /// Fields of one head; no client or upstream sends half as many, and some looks are at each field for each field.
    private static let fieldLimit = 256
    private static let linesAtATime = 16
    /// Bytes of a connection field, whose options are compared with every field's name.
    private static let connectionLimit = 512

    var cursor: Int
    var facts = FieldFacts()

    init(at cursor: Int) { self.cursor = cursor }

    /// True when the section is complete and `cursor` stands behind its empty line; false when bytes are missing.
    ///
    /// Lines that are whole and faultless are read many at a time, some 100 instructions each; the first one that is not
    /// is read by `readField`, which knows what is missing or wrong.
    mutating func readFields(_ bytes: borrowing Span<UInt8>, into fields: inout [HeadField]) throws(WireError) -> Bool {
        while true {
            try self.readPlainFields(bytes, into: &fields)
            guard self.cursor < bytes.count else { return false }
            if bytes[self.cursor] == UInt8(ascii: "\r") {
                guard self.cursor + 1 < bytes.count else { return false }
                guard bytes[self.cursor + 1] == UInt8(ascii: "\n") else { throw .bareLineFeed }
                self.cursor += 2
                return true
            }
            guard let field = try self.readField(bytes) else { return false }
            try self.keep(field, bytes, into: &fields)
        }
    }

    private mutating func readPlainFields(
        _ bytes: borrowing Span<UInt8>,
        into fields: inout [HeadField]
    ) throws(WireError) {
        var isMore = true
        while isMore {
            try withUnsafeTemporaryAllocation(of: byte_scan_field.self, capacity: Self.linesAtATime) {
                lines throws(WireError) in
                let count = bytes.withUnsafeBufferPointer { bytes in
                    byte_scan_fields(bytes.baseAddress, bytes.count, &self.cursor, lines.baseAddress, lines.count)
                }
                isMore = count == lines.count
                guard fields.count + count <= Self.fieldLimit else { throw .headTooLarge }
                // Both types are the same bytes, as `HeadFieldTests` make sure: one copy instead of forty instructions a field.
                try UnsafeMutableBufferPointer(rebasing: lines[..<count]).withMemoryRebound(to: HeadField.self) {
                    read throws(WireError) in
                    for field in read where field.known != .other { try self.note(bytes, field) }
                    fields.append(contentsOf: read)
                }
            }
        }
    }

    @inline(__always)
    private mutating func keep(
        _ field: HeadField,
        _ bytes: borrowing Span<UInt8>,
        into fields: inout [HeadField]
    ) throws(WireError) {
        guard fields.count < Self.fieldLimit else { throw .headTooLarge }
        if field.known != .other { try self.note(bytes, field) }
        fields.append(field)
    }

    private mutating func readField(_ bytes: borrowing Span<UInt8>) throws(WireError) -> HeadField? {
        let start = self.cursor
        var index = bytes.withUnsafeBufferPointer { Int(byte_scan_token_end($0.baseAddress, start, $0.count)) }
        guard index < bytes.count else { return nil }
        guard bytes[index] == UInt8(ascii: ":"), index > start else {
            switch bytes[index] {
            case UInt8(ascii: "\n"): throw .bareLineFeed
            case UInt8(ascii: " "), UInt8(ascii: "\t"): throw index == start ? .foldedField : .badFieldName
            default: throw .badFieldName
            }
        }
        let name = ByteRange(start, index)
        index += 1
        guard let value = try self.readValue(bytes, from: index) else { return nil }
        return HeadField(name: name, value: value, known: KnownField.named(bytes, name))
    }

    /// The value from `start` to its CR LF, without the white space around it; moves the cursor behind the line.
    private mutating func readValue(_ bytes: borrowing Span<UInt8>, from start: Int) throws(WireError) -> ByteRange? {
        let index = FieldScan.valueEnd(bytes, from: start)
        guard index + 1 < bytes.count else {
            if index < bytes.count, bytes[index] != UInt8(ascii: "\r") { throw self.flaw(bytes, at: index) }
            return nil
        }
        guard bytes[index] == UInt8(ascii: "\r"), bytes[index + 1] == UInt8(ascii: "\n") else {
            throw self.flaw(bytes, at: index)
        }
        self.cursor = index + 2
        var lower = start
        var upper = index
        while lower < upper, isBlank(bytes[lower]) { lower += 1 }
        while upper > lower, isBlank(bytes[upper - 1]) { upper -= 1 }
        return ByteRange(lower, upper)
    }

    private func flaw(_ bytes: borrowing Span<UInt8>, at index: Int) -> WireError {
        let byte = bytes[index]
        return byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") ? .bareLineFeed : .badFieldValue
    }

    private mutating func note(_ bytes: borrowing Span<UInt8>, _ field: HeadField) throws(WireError) {
        switch field.known {
        case .host:
            self.facts.hostCount += 1
            self.facts.host = field.value
        case .contentLength:
            guard self.facts.contentLength == nil, let length = self.number(bytes, field.value) else {
                throw .badContentLength
            }
            self.facts.contentLength = length
        case .transferEncoding:
            guard !self.facts.isChunked, self.equals(bytes, field.value, "chunked") else { throw .badTransferEncoding }
            self.facts.isChunked = true
        case .connection:
            guard field.value.count <= Self.connectionLimit else { throw .headTooLarge }
            self.noteConnection(bytes, field.value)
        case .expect:
            guard self.equals(bytes, field.value, "100-continue") else { throw .badExpectation }
            self.facts.expectsContinue = true
        case .upgrade: self.facts.upgrade = field.value
        case .contentType: self.facts.contentType = field.value
        case .contentEncoding:
            self.facts.contentEncoding = field.value
            self.facts.encodings += 1
        case .xRequestID: self.facts.requestID = field.value
        case .xGatewayTags: self.facts.tags = field.value
        default: break
        }
    }

    /// RFC 9110 §7.6.1: a list of options; those other than `close` and `keep-alive` name fields.
    private mutating func noteConnection(_ bytes: borrowing Span<UInt8>, _ value: ByteRange) {
        var start = value.lower
        while start < value.upper {
            var end = start
            while end < value.upper, bytes[end] != UInt8(ascii: ",") { end += 1 }
            var lower = start
            var upper = end
            while lower < upper, isBlank(bytes[lower]) { lower += 1 }
            while upper > lower, isBlank(bytes[upper - 1]) { upper -= 1 }
            let option = ByteRange(lower, upper)
            if self.equals(bytes, option, "close") {
                self.facts.close = true
            } else if self.equals(bytes, option, "keep-alive") {
                self.facts.keepAlive = true
            } else if !option.isEmpty {
                self.facts.namesFields = true
            }
            start = end + 1
        }
    }

    /// At most 18 digits, which fit 64 bits; a sign, a blank or a list is refused.
    private func number(_ bytes: borrowing Span<UInt8>, _ range: ByteRange) -> UInt64? {
        guard (1...18).contains(range.count) else { return nil }
        var number: UInt64 = 0
        for index in range.lower..<range.upper {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number * 10 + UInt64(digit)
        }
        return number
    }

    private func equals(_ bytes: borrowing Span<UInt8>, _ range: ByteRange, _ literal: StaticString) -> Bool {
        range.count == literal.utf8CodeUnitCount && equalsIgnoringCase(bytes, at: range.lower, literal)
    }
}

@inline(__always)
func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

/// The loop that most bytes of a head go through.
enum FieldScan {
    /// The first place from `start` on that a field's value cannot run over, or the end of the bytes. A tab is found as a
    /// control first, and passed over.
    static func valueEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            index = bytes.withUnsafeBufferPointer { Int(byte_scan_control($0.baseAddress, index, $0.count)) }
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\t") else { return index }
            index += 1
        }
        return index
    }
}
