package import NIOCore

/// The head of an upstream's answer, as ranges over the buffer that it was parsed from. As strict as `RequestHead`:
/// an upstream that cannot be read unambiguously is answered with 502 and its connection is not used again.
/// A class for the same reason.
package final class ResponseHead {
    /// How the end of the body is found (RFC 9112 §6.3).
    package enum Framing: Sendable, Equatable {
        case none
        case length(UInt64)
        case chunked
        case untilClose
    }

    package private(set) var status = 0
    package private(set) var fields: [HeadField] = []
    package private(set) var facts = FieldFacts()
    package private(set) var keepAlive = false
    package private(set) var length = 0
    private var isVersion10 = false

    package init() { self.fields.reserveCapacity(8) }

    /// Gives back the memory of the fields, once their bytes are gone too; what they said of framing and connection stays.
    package func releaseFields() { self.fields = [] }

    /// 100 to 199: not the answer yet. 101 is never asked for and therefore counts as garbage with the caller.
    package var isInformational: Bool { (100..<200).contains(self.status) }

    /// The framing of the body of an answer to a request of this method.
    package func framing(answering method: RequestHead.Method) -> Framing {
        if method == .head || self.status == 204 || self.status == 304 || self.isInformational { return .none }
        if self.facts.isChunked { return .chunked }
        if let length = self.facts.contentLength { return length == 0 ? .none : .length(length) }
        return .untilClose
    }

    /// Parses the head at the beginning of `buffer`'s readable bytes. Ranges count from `buffer.readerIndex`.
    package func parse(_ buffer: ByteBuffer, limit: Int) throws(WireError) -> ParseResult {
        try self.parse(buffer.readableBytesUInt8Span, limit: limit)
    }

    func parse(_ bytes: borrowing Span<UInt8>, limit: Int) throws(WireError) -> ParseResult {
        self.fields.removeAll(keepingCapacity: true)
        guard let lineEnd = try self.parseStatusLine(bytes) else { return try needsMore(bytes, limit) }
        var parser = HeadParser(at: lineEnd)
        guard try parser.readFields(bytes, into: &self.fields) else { return try needsMore(bytes, limit) }
        self.facts = parser.facts
        self.length = parser.cursor
        guard self.length <= limit else { throw .headTooLarge }
        if self.facts.isChunked, self.facts.contentLength != nil { throw .twoLengths }
        if self.isVersion10, self.facts.isChunked { throw .badTransferEncoding }
        self.keepAlive = self.isVersion10 ? self.facts.keepAlive && !self.facts.close : !self.facts.close
        return .complete(length: self.length)
    }

    private func needsMore(_ bytes: borrowing Span<UInt8>, _ limit: Int) throws(WireError) -> ParseResult {
        guard bytes.count < limit else { throw .headTooLarge }
        return .needsMore
    }

    /// status-line = "HTTP/1." ("0" / "1") SP 3DIGIT SP [ reason ] CR LF                          (RFC 9112 §4)
    private func parseStatusLine(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Int? {
        if !RequestHead.isHTTP1(bytes, 0) {
            let literal: StaticString = "HTTP/1."
            for index in 0..<7 {
                guard index < bytes.count else { return nil }
                guard bytes[index] == literal.utf8Start[index] else { throw .badStatusLine }
            }
        }
        guard bytes.count > 13 else { return nil }
        guard bytes[7] == UInt8(ascii: "0") || bytes[7] == UInt8(ascii: "1"), bytes[8] == UInt8(ascii: " ") else {
            throw .badStatusLine
        }
        self.isVersion10 = bytes[7] == UInt8(ascii: "0")
        var status = 0
        for index in 9..<12 {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { throw .badStatusLine }
            status = status * 10 + Int(digit)
        }
        guard (100..<600).contains(status) else { throw .badStatusLine }
        self.status = status
        var index = 12
        // Some servers leave out the space when they have no reason to give.
        guard bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\r") else { throw .badStatusLine }
        index = FieldScan.valueEnd(bytes, from: index)
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index] == UInt8(ascii: "\r"), bytes[index + 1] == UInt8(ascii: "\n") else { throw .badStatusLine }
        return index + 2
    }
}
