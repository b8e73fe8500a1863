import CByteScan
package import NIOCore

// request-line = method SP request-target SP HTTP-version CR LF                                     (RFC 9112 §3)
//
// Only the origin form of the target is read: a gateway has no use for the others, and a second place that names a
// host is a second answer to the question who is called. A path that two readers could take for two different
// resources is refused here, once, for authentication, policies, routing and logs alike: empty segments, `.` and `..`,
// and their percent encodings; encoded NUL, controls, backslash.

/// The head of a request, as ranges over the buffer that it was parsed from. Reused from request to request.
///
/// A class, so that whoever is handed the head is handed one reference: as a struct of ten fields it cost 600 instructions
/// per request in copies.
@usableFromInline
package final class RequestHead {
    @usableFromInline
    package enum Method: UInt8, Sendable {
        case get, head, post, put, patch, delete, options, other
    }

    package private(set) var method = Method.other
    package private(set) var methodRange = ByteRange.empty
    /// Begins with `/`; without the query.
    package private(set) var path = ByteRange.empty
    /// Without the `?`; empty also when there is none.
    package private(set) var query = ByteRange.empty
    package private(set) var fields: [HeadField] = []
    package private(set) var facts = FieldFacts()
    /// Whether the connection may serve another request after this one.
    package private(set) var keepAlive = false
    package private(set) var isVersion10 = false
    /// Bytes of the whole head, the empty line included.
    package private(set) var length = 0
    /// The path holds nothing that could be read in two ways.
    private var isPathPlain = false

    package init() { self.fields.reserveCapacity(8) }

    /// Forgets what was parsed: after a head that could not be read, parts of it or of the one before are there, whose ranges are
    /// those of bytes that are gone. The method stays: the answer to HEAD has no body.
    package func forget() {
        (self.methodRange, self.path, self.query) = (.empty, .empty, .empty)
        self.fields.removeAll(keepingCapacity: true)
        self.facts = FieldFacts()
        (self.keepAlive, self.isVersion10, self.isPathPlain) = (false, false, false)
        self.length = 0
    }

    /// Gives back the memory of the fields, once their bytes are gone too; what they said of framing and connection stays.
    package func releaseFields() { self.fields = [] }

    package var hasBody: Bool { self.facts.isChunked || (self.facts.contentLength ?? 0) > 0 }

    /// Parses the head at the beginning of `buffer`'s readable bytes. Ranges count from `buffer.readerIndex`.
    ///
    /// Costs one pass over the head. An incomplete head is parsed anew when more bytes have come; `limit` bounds that.
    package func parse(_ buffer: ByteBuffer, limit: Int) throws(WireError) -> ParseResult {
        try self.parse(buffer.readableBytesUInt8Span, limit: limit)
    }

    func parse(_ bytes: borrowing Span<UInt8>, limit: Int) throws(WireError) -> ParseResult {
        self.method = .other
        self.fields.removeAll(keepingCapacity: true)
        guard let lineEnd = try self.parseRequestLine(bytes) else { return try needsMore(bytes, limit) }
        var parser = HeadParser(at: lineEnd)
        guard try parser.readFields(bytes, into: &self.fields) else { return try needsMore(bytes, limit) }
        self.facts = parser.facts
        self.length = parser.cursor
        guard self.length <= limit else { throw .headTooLarge }
        try self.check(bytes)
        return .complete(length: self.length)
    }

    private func needsMore(_ bytes: borrowing Span<UInt8>, _ limit: Int) throws(WireError) -> ParseResult {
        guard bytes.count < limit else { throw .headTooLarge }
        return .needsMore
    }

    private func parseRequestLine(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Int? {
        let index = bytes.withUnsafeBufferPointer { Int(byte_scan_token_end($0.baseAddress, 0, $0.count)) }
        guard index < bytes.count else { return nil }
        guard index > 0, index <= 32, bytes[index] == UInt8(ascii: " ") else { throw .badMethod }
        self.methodRange = ByteRange(0, index)
        self.method = Self.method(bytes, length: index)
        guard let targetEnd = try self.parseTarget(bytes, from: index + 1) else { return nil }
        return try self.parseVersion(bytes, from: targetEnd + 1)
    }

    private static func method(_ bytes: borrowing Span<UInt8>, length: Int) -> Method {
        switch length {
        case 3: equals(bytes, "GET") ? .get : equals(bytes, "PUT") ? .put : .other
        case 4: equals(bytes, "POST") ? .post : equals(bytes, "HEAD") ? .head : .other
        case 5: equals(bytes, "PATCH") ? .patch : .other
        case 6: equals(bytes, "DELETE") ? .delete : .other
        case 7: equals(bytes, "OPTIONS") ? .options : .other
        default: .other
        }
    }

    /// Methods are case-sensitive (RFC 9110 §9.1).
    private static func equals(_ bytes: borrowing Span<UInt8>, _ literal: StaticString) -> Bool {
        for index in 0..<literal.utf8CodeUnitCount where bytes[index] != literal.utf8Start[index] { return false }
        return true
    }

    private func parseTarget(_ bytes: borrowing Span<UInt8>, from start: Int) throws(WireError) -> Int? {
        guard start < bytes.count else { return nil }
        guard bytes[start] == UInt8(ascii: "/") else { throw .badTarget }
        var index = bytes.withUnsafeBufferPointer { Int(byte_scan_plain_path_end($0.baseAddress, start, $0.count)) }
        self.isPathPlain = index < bytes.count && bytes[index] == UInt8(ascii: " ")
        var question = -1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: " ") { break }
            if byte == UInt8(ascii: "?"), question < 0 { question = index }
            // `[` and `]` are common in queries (`include[]=`) although RFC 3986 wants them encoded.
            let isBracket = byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
            guard CharacterClass.isTarget(byte) || (isBracket && question >= 0) else { throw .badTarget }
            index += 1
        }
        guard index < bytes.count else { return nil }
        self.path = ByteRange(start, question < 0 ? index : question)
        self.query = question < 0 ? .empty : ByteRange(question + 1, index)
        return index
    }

    private func parseVersion(_ bytes: borrowing Span<UInt8>, from start: Int) throws(WireError) -> Int? {
        // Nearly every head says "HTTP/1.1" here, whole; the loop says what is wrong with one that does not.
        if !Self.isHTTP1(bytes, start) {
            let literal: StaticString = "HTTP/1."
            for index in 0..<7 {
                guard start + index < bytes.count else { return nil }
                guard bytes[start + index] == literal.utf8Start[index] else {
                    throw index == 5 ? .unsupportedVersion : .badVersion
                }
            }
        }
        guard start + 9 < bytes.count else { return nil }
        let minor = bytes[start + 7]
        guard minor == UInt8(ascii: "1") || minor == UInt8(ascii: "0") else { throw .unsupportedVersion }
        self.isVersion10 = minor == UInt8(ascii: "0")
        self.keepAlive = !self.isVersion10
        guard bytes[start + 8] == UInt8(ascii: "\r"), bytes[start + 9] == UInt8(ascii: "\n") else {
            throw bytes[start + 8] == UInt8(ascii: "\n") ? .bareLineFeed : .badVersion
        }
        return start + 10
    }

    static func isHTTP1(_ bytes: borrowing Span<UInt8>, _ start: Int) -> Bool {
        guard bytes.count - start >= 8 else { return false }
        let word = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt64.self) }
        return UInt64(littleEndian: word) & 0x00FF_FFFF_FFFF_FFFF == 0x002E_312F_5054_5448  // "HTTP/1."
    }

    /// What only the whole head can say: one host, one length, a path that means one thing.
    private func check(_ bytes: borrowing Span<UInt8>) throws(WireError) {
        if self.facts.isChunked, self.facts.contentLength != nil { throw .twoLengths }
        if self.isVersion10 {
            // RFC 9112 §6.1: an HTTP/1.0 message with transfer-encoding is faulty framing.
            if self.facts.isChunked { throw .badTransferEncoding }
            if self.facts.hostCount > 1 { throw .badHost }
        } else if self.facts.hostCount != 1 {
            throw .badHost
        }
        let host = self.facts.host
        // Most of a host's name is a token; what is not is looked at byte by byte.
        var index = bytes.withUnsafeBufferPointer { Int(byte_scan_token_end($0.baseAddress, host.lower, host.upper)) }
        while index < host.upper {
            guard CharacterClass.isHost(bytes[index]) else { throw .badHost }
            index += 1
        }
        if self.facts.close { self.keepAlive = false }
        if !self.isPathPlain { try PathCheck.run(bytes, self.path) }
    }
}

/// Refuses a path that readers could resolve differently.
enum PathCheck {
    static func run(_ bytes: borrowing Span<UInt8>, _ path: ByteRange) throws(WireError) {
        var segmentStart = path.lower + 1
        var index = path.lower + 1
        while index < path.upper {
            switch bytes[index] {
            case UInt8(ascii: "/"):
                guard index > segmentStart, !isDots(bytes, segmentStart, index) else { throw .ambiguousPath }
                segmentStart = index + 1
            case UInt8(ascii: "%"):
                // An encoded slash may be a slash to the next reader (`..%2Fb`), and ends a segment for the checks.
                if try self.checkEscape(bytes, at: index, end: path.upper) == UInt8(ascii: "/") {
                    guard index > segmentStart, !isDots(bytes, segmentStart, index) else { throw .ambiguousPath }
                    segmentStart = index + 3
                }
                index += 2
            default: break
            }
            index += 1
        }
        if isDots(bytes, segmentStart, path.upper) { throw .ambiguousPath }
    }

    private static func isDots(_ bytes: borrowing Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end - start == 1 || end - start == 2 else { return false }
        for index in start..<end where bytes[index] != UInt8(ascii: ".") { return false }
        return true
    }

    /// The byte that an escape stands for: it must be complete, and no dot, backslash, percent sign or control.
    private static func checkEscape(
        _ bytes: borrowing Span<UInt8>,
        at index: Int,
        end: Int
    ) throws(WireError) -> UInt8 {
        guard index + 2 < end, let high = CharacterClass.hexValue(bytes[index + 1]),
            let low = CharacterClass.hexValue(bytes[index + 2])
        else { throw .badTarget }
        let byte = UInt8(high << 4 | low)
        let forbidden =
            byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "\\")
            || byte == UInt8(ascii: "%")
        if forbidden { throw .ambiguousPath }
        return byte
    }
}
