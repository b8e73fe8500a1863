import NIOCore

@testable import HTTPWire

/// A request as this module reads it, with everything that must not depend on how the bytes arrived.
struct ReadRequest: Equatable {
    var method = ""
    var target = ""
    var fields: [String] = []
    var body: [UInt8] = []
}

enum Wire {
    static let limit = 16 << 10

    static func buffer(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    static func request(_ text: String, limit: Int = Self.limit) -> Result<ParseResult, WireError> {
        self.request(Array(text.utf8), limit: limit)
    }

    static func request(_ bytes: [UInt8], limit: Int = Self.limit) -> Result<ParseResult, WireError> {
        let head = RequestHead()
        return Result { () throws(WireError) in try head.parse(ByteBuffer(bytes: bytes), limit: limit) }
    }

    static func response(_ bytes: [UInt8], limit: Int = Self.limit) -> Result<ParseResult, WireError> {
        let head = ResponseHead()
        return Result { () throws(WireError) in try head.parse(ByteBuffer(bytes: bytes), limit: limit) }
    }

    /// The text of `range` in `bytes`.
    static func text(_ range: ByteRange, _ bytes: [UInt8]) -> String {
        String(decoding: bytes[range.lower..<range.upper], as: UTF8.self)
    }

    static func fields(_ fields: [HeadField], _ bytes: [UInt8]) -> [String] {
        fields.map { "\(self.text($0.name, bytes)): \(self.text($0.value, bytes))" }
    }

    /// The first request in `bytes`, its body included; nil while it is not complete.
    static func message(_ bytes: [UInt8]) throws(WireError) -> ReadRequest? {
        let head = RequestHead()
        guard case .complete(let length) = try head.parse(ByteBuffer(bytes: bytes), limit: Self.limit) else {
            return nil
        }
        var message = ReadRequest()
        message.method = self.text(head.methodRange, bytes)
        message.target = self.text(head.path, bytes)
        // A target may end in an empty query.
        let target = bytes[head.methodRange.upper + 1..<bytes.count].prefix { $0 != UInt8(ascii: " ") }
        message.target = String(decoding: target, as: UTF8.self)
        message.fields = self.fields(head.fields, bytes)
        if head.facts.isChunked {
            guard let chunked = try self.chunked([Array(bytes[length...])]) else { return nil }
            message.body = chunked.body
        } else if let count = head.facts.contentLength {
            guard UInt64(bytes.count - length) >= count else { return nil }
            message.body = Array(bytes[length..<length + Int(count)])
        }
        return message
    }

    struct Chunked: Equatable {
        var body: [UInt8]
        /// Bytes behind the end of the body.
        var left: Int
    }

    /// The chunked body that comes in `pieces`; nil when it is not complete.
    static func chunked(_ pieces: [[UInt8]]) throws(WireError) -> Chunked? {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        for (index, piece) in pieces.enumerated() {
            let buffer = ByteBuffer(bytes: piece)
            var cursor = 0
            while true {
                let step = try decoder.next(buffer, &cursor)
                if case .data(let range) = step {
                    body += piece[range.lower..<range.upper]
                } else if case .finished(let end) = step {
                    return Chunked(body: body, left: piece.count - end + pieces[(index + 1)...].joined().count)
                } else {
                    break
                }
            }
        }
        return nil
    }
}

/// SplitMix64: the same numbers on every run.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
