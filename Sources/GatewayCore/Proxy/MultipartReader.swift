// WHY: longer than 200 lines: one state machine and the one header that it reads.

import GatewayModel
import Glibc
import HTTPWire

// multipart-body = *( "--" boundary CR LF headers CR LF CR LF content CR LF ) "--" boundary "--"      (RFC 2046 §5.1.1)
//
// Only the field `model` is looked at (RFC 7578 §4.2). What two readers could take for two different forms is refused: a
// second `model`, a part with two names, names spelled with escapes, folded header lines, text behind the last boundary.
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
        let isModel = isEmpty ? false : try PartHeaders.isModel(self.headers.dropLast(4))
        self.contentStart = self.offset + 1
        guard isModel else {
            self.state = .content
            return
        }
        guard self.modelRange == nil else { throw Refusal(.invalidMultipart, "`model` appears twice.") }
        self.value.removeAll(keepingCapacity: true)
        self.state = .model
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
        let boundaries = parts.dropFirst().filter { $0.lowercased().hasPrefix("boundary=") }
        guard boundaries.count == 1, let boundary = boundaries.first else { return nil }
        let value = boundary.dropFirst("boundary=".count).trimming("\"")
        let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        return (1...70).contains(value.utf8.count) && isPlain ? Array(value.utf8) : nil
    }
}

/// The headers of one part (RFC 7578 §4.2, RFC 6266 for the parameters' form).
enum PartHeaders {
    /// Whether these are the headers of the field `model`.
    static func isModel(_ headers: ArraySlice<UInt8>) throws(Refusal) -> Bool {
        guard headers.allSatisfy({ $0 != 0 }) else { throw Self.unclear("holds a NUL") }
        // Characters beyond ASCII could hide a separator that they combine with, and none of them decides anything.
        let plain = headers.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
        let lines = String(decoding: plain, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        var disposition: Substring?
        var transferEncoding: String?
        for line in lines {
            guard !line.utf8.contains(UInt8(ascii: "\r")), !line.utf8.contains(UInt8(ascii: "\n")) else {
                throw Self.unclear("has a line that does not end in CR LF")
            }
            guard let colon = line.firstIndex(of: ":"), line.first?.isWhitespace == false else {
                throw Self.unclear("is folded or has no colon")
            }
            switch line[..<colon].trimmingBlanks().lowercased() {
            case "content-disposition":
                guard disposition == nil else { throw Self.unclear("appears twice") }
                disposition = line[line.index(after: colon)...]
            case "content-transfer-encoding":
                transferEncoding = line[line.index(after: colon)...].trimmingBlanks().lowercased()
            default: break
            }
        }
        guard let disposition, try Self.name(in: disposition) == "model" else { return false }
        if let transferEncoding, !["binary", "8bit", "7bit"].contains(transferEncoding) {
            throw Refusal(.invalidMultipart, "`model` is encoded.")
        }
        return true
    }

    private static func unclear(_ what: String) -> Refusal {
        Refusal(.invalidMultipart, "A part's header \(what).")
    }

    /// The parameter `name`. A file that is called `model` is refused.
    private static func name(in disposition: Substring) throws(Refusal) -> String? {
        var rest = disposition
        var name: String?
        var isFile = false
        guard let end = rest.firstIndex(of: ";") else { return nil }
        rest = rest[rest.index(after: end)...]
        while let (parameter, value) = try Self.nextParameter(&rest) {
            switch parameter {
            case "name":
                guard name == nil, !value.contains("\\") else { throw Self.unclear("names its field unclearly") }
                name = value
            case "name*": throw Self.unclear("names its field unclearly")
            case "filename", "filename*": isFile = true
            default: break
            }
        }
        guard !isFile || name != "model" else { throw Refusal(.invalidMultipart, "`model` is a file.") }
        return name
    }

    /// Takes `name=value` or `name="value"` and the semicolon behind it.
    private static func nextParameter(_ rest: inout Substring) throws(Refusal) -> (String, String)? {
        rest = rest.trimmingBlanks()
        while rest.first == ";" { rest = rest.dropFirst().trimmingBlanks() }
        guard !rest.isEmpty else { return nil }
        guard let equals = rest.firstIndex(of: "=") else { throw Self.unclear("has a parameter without value") }
        let parameter = rest[..<equals].trimmingBlanks().lowercased()
        rest = rest[rest.index(after: equals)...].trimmingBlanks()
        guard rest.first == "\"" else {
            let end = rest.firstIndex(of: ";") ?? rest.endIndex
            let value = rest[..<end].trimmingBlanks()
            rest = rest[end...]
            guard !value.contains("\"") else { throw Self.unclear("quotes unclearly") }
            return (parameter, String(value))
        }
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: "\"") else { throw Self.unclear("has an open quote") }
        let value = rest[..<end]
        // Readers differ on whether a backslash takes the quote's meaning away.
        guard value.last != "\\" else { throw Self.unclear("quotes unclearly") }
        rest = rest[rest.index(after: end)...].trimmingBlanks()
        guard rest.isEmpty || rest.first == ";" else { throw Self.unclear("quotes unclearly") }
        return (parameter, String(value))
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
