// WHY: longer than 200 lines: one state machine and the one header that it reads.

import GatewayModel
import Glibc
import HTTPWire

// multipart-body = *( "--" boundary CR LF headers CR LF CR LF content CR LF ) "--" boundary "--"      (RFC 2046 §5.1.1)
//
//     part-headers = *( token ":" value CR LF )     of which one is
//     "content-disposition:" OWS "form-data" *( OWS ";" OWS token "=" ( token / quoted-string ) )     (RFC 7578 §4.2)
//
// Only the field `model` is looked at. What two readers could take for two different forms is refused: a second `model`, a
// part whose name is not told in exactly this form, a quoted quote, text behind the last boundary.
// Limits: 8192 bytes of headers for each part, 1024 bytes for the value of `model`, 8192 bytes before the first boundary.

/// Reads a multipart form as it comes, in pieces of any size, and finds the field `model`. Keeps nothing else of it.
package struct MultipartReader: Sendable {
    private enum State: Sendable {
        case preamble
        /// Behind a boundary: CR LF or `--` follows; the first byte of the two, once it has come.
        case boundaryEnd(first: UInt8?)
        case headers
        case content
        case model
        /// Behind the last boundary.
        case epilogue
    }

    private static let headerLimit = 8192
    private static let preambleLimit = 8192
    private static let modelLimit = 1024

    /// CR LF, two dashes, the boundary. No byte but the first is a CR, so a match that fails begins anew at once.
    private let delimiter: [UInt8]
    /// How much of the delimiter the last bytes are. The form begins as if behind a line's end.
    private var matched = 2
    private var state = State.preamble
    private var headers: [UInt8] = []
    private var value: [UInt8] = []
    /// Bytes of the form read so far.
    private var offset = 0
    private var contentStart = 0
    /// Where the value of `model` stands in the form; nil until all of it has been seen.
    package private(set) var modelRange: Range<Int>?
    /// The value of `model`.
    package private(set) var model: [UInt8] = []

    init(boundary: [UInt8]) { self.delimiter = Array("\r\n--".utf8) + boundary }

    /// Takes the next bytes of the form.
    package mutating func take(_ bytes: borrowing Span<UInt8>) throws(Refusal) {
        let start = self.offset
        var index = 0
        while index < bytes.count {
            self.offset = start + index
            switch self.state {
            case .preamble:
                guard self.offset < Self.preambleLimit else { throw Self.noBeginning }
                if self.match(bytes[index]) { self.state = .boundaryEnd(first: nil) }
                index += 1
            case .boundaryEnd(let first):
                try self.readBoundaryEnd(first, bytes[index])
                index += 1
            case .headers:
                try self.readHeaders(bytes[index])
                index += 1
            case .model:
                try self.readModel(bytes[index])
                index += 1
            case .content:
                // Most of an upload is read here.
                if self.matched == 0, let next = Self.findCarriageReturn(bytes, from: index) { index = next }
                guard index < bytes.count else { break }
                self.offset = start + index
                if self.match(bytes[index]) { try self.endContent() }
                index += 1
            case .epilogue:
                guard Self.isBlank(bytes[index]) else {
                    throw Refusal(.invalidMultipart, "There is text behind the last boundary.")
                }
                index += 1
            }
        }
        self.offset = start + bytes.count
    }

    /// Checks that the form has ended with its last boundary.
    package func finish() throws(Refusal) {
        switch self.state {
        case .epilogue: return
        case .preamble: throw Self.noBeginning
        default: throw Refusal(.invalidMultipart, "A part is not closed by its boundary.")
        }
    }

    // MARK: steps

    private static let noBeginning = Refusal(.invalidMultipart, "The body does not begin with its boundary.")

    /// Whether `byte` completes the delimiter.
    private mutating func match(_ byte: UInt8) -> Bool {
        if byte == self.delimiter[self.matched] {
            self.matched += 1
        } else {
            self.matched = byte == UInt8(ascii: "\r") ? 1 : 0
        }
        guard self.matched == self.delimiter.count else { return false }
        self.matched = 0
        return true
    }

    private mutating func readBoundaryEnd(_ first: UInt8?, _ byte: UInt8) throws(Refusal) {
        switch (first, byte) {
        case (nil, UInt8(ascii: "\r")), (nil, UInt8(ascii: "-")): self.state = .boundaryEnd(first: byte)
        case (UInt8(ascii: "\r"), UInt8(ascii: "\n")):
            self.headers.removeAll(keepingCapacity: true)
            self.matched = 2
            self.state = .headers
        case (UInt8(ascii: "-"), UInt8(ascii: "-")): self.state = .epilogue
        default: throw Refusal(.invalidMultipart, "A boundary is not followed by a line's end.")
        }
    }

    private mutating func readHeaders(_ byte: UInt8) throws(Refusal) {
        guard !self.match(byte) else {
            throw Refusal(.invalidMultipart, "A part has no empty line behind its headers.")
        }
        self.headers.append(byte)
        guard self.headers.count <= Self.headerLimit else {
            throw Refusal(.invalidMultipart, "A part's headers are too long.")
        }
        guard byte == UInt8(ascii: "\n") else { return }
        let isEmpty = self.headers.elementsEqual("\r\n".utf8)
        guard isEmpty || self.headers.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return }
        let isModel = try Self.isModel(self.headers.dropLast(isEmpty ? 2 : 4))
        self.contentStart = self.offset + 1
        guard isModel else {
            self.state = .content
            return
        }
        guard self.modelRange == nil else { throw Refusal(.invalidMultipart, "`model` appears twice.") }
        self.value.removeAll(keepingCapacity: true)
        self.state = .model
    }

    private static func isModel(_ headers: ArraySlice<UInt8>) throws(Refusal) -> Bool {
        guard let part = PartHeaders(headers) else {
            throw Refusal(.invalidMultipart, "A part does not say its name in the form of RFC 7578.")
        }
        guard part.name == Array("model".utf8) else { return false }
        guard !part.isFile else { throw Refusal(.invalidMultipart, "`model` is a file.") }
        guard !part.isEncoded else { throw Refusal(.invalidMultipart, "`model` is encoded.") }
        return true
    }

    private mutating func readModel(_ byte: UInt8) throws(Refusal) {
        self.value.append(byte)
        guard self.value.count <= Self.modelLimit + self.delimiter.count else {
            throw Refusal(.invalidMultipart, "The value of `model` is too long.")
        }
        guard self.match(byte) else { return }
        try self.endContent()
        self.model = Array(self.value.dropLast(self.delimiter.count))
        self.modelRange = self.contentStart..<self.contentStart + self.model.count
    }

    /// The delimiter is complete with the byte at `offset`. It has a line's end of its own: the empty line behind the
    /// headers is not it.
    private mutating func endContent() throws(Refusal) {
        guard self.offset + 1 - self.delimiter.count >= self.contentStart else {
            throw Refusal(.invalidMultipart, "A part's content is not closed by a line's end.")
        }
        self.state = .boundaryEnd(first: nil)
    }

    private static func findCarriageReturn(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return bytes.count }
            guard let found = memchr(base + start, Int32(UInt8(ascii: "\r")), bytes.count - start) else {
                return bytes.count
            }
            return UnsafeRawPointer(found) - base
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x0D || byte == 0x0A || byte == 0x20 || byte == 0x09
    }
}

extension MultipartReader {
    /// The boundary in the value of a content type, or nil when it is not multipart or has none that RFC 2046 allows.
    static func boundary(_ contentType: ByteRange, _ bytes: borrowing Span<UInt8>) -> [UInt8]? {
        var copy: [UInt8] = []
        for index in contentType.lower..<contentType.upper { copy.append(bytes[index]) }
        let text = String(decoding: copy, as: UTF8.self)
        let parts = text.split(separator: ";").map { $0.trimmingBlanks() }
        guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
        let boundaries = parts.dropFirst().filter { $0.lowercased().hasPrefix("boundary") }
        guard boundaries.count == 1, let boundary = boundaries.first, boundary.lowercased().hasPrefix("boundary=")
        else { return nil }
        let value = boundary.dropFirst("boundary=".count).trimming("\"")
        let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        return (1...70).contains(value.utf8.count) && isPlain ? Array(value.utf8) : nil
    }
}

/// What the headers of one part say, or nothing when they are not of the one form that all readers understand.
private struct PartHeaders {
    private(set) var name: [UInt8] = []
    private(set) var isFile = false
    private(set) var isEncoded = false
    private var rest: ArraySlice<UInt8>

    init?(_ bytes: ArraySlice<UInt8>) {
        self.rest = bytes
        var dispositions = 0
        while !self.rest.isEmpty {
            let field = self.takeToken()
            guard !field.isEmpty, self.take(UInt8(ascii: ":")) else { return nil }
            if Self.equals(field, "content-disposition") {
                dispositions += 1
                guard self.takeDisposition() else { return nil }
            } else {
                self.isEncoded = self.isEncoded || Self.equals(field, "content-transfer-encoding")
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
            // Readers differ on whether a backslash takes the meaning of a quote away.
            if byte == UInt8(ascii: "\\"), self.rest.first == UInt8(ascii: "\"") { return nil }
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
