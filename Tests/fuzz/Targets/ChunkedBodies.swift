import HTTPWire
import NIOCore

/// Chunked framing: split anywhere, re-framed, and against a plain reading.
enum ChunkedBodyCheck {
    enum Reading: Equatable {
        /// The body, and how many bytes stand behind it.
        case whole([UInt8], left: Int)
        case unfinished([UInt8])
        case refused
    }

    static func run(_ input: [UInt8]) {
        let input = SplitInput(input)
        let whole = self.read([input.bytes])
        expect(self.read(input.pieces) == whole, "split, it reads otherwise than \(whole)")
        guard case .whole(let body, let left) = whole else { return }
        let plain = self.plainly(input.bytes)
        expect(plain == whole, "read plainly it is \(plain), not \(whole)")
        let again = self.framed(body) + input.bytes.suffix(left)
        expect(self.read([again]) == whole, "re-framed it reads otherwise")
    }

    private static func read(_ pieces: [[UInt8]]) -> Reading {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        for (index, piece) in pieces.enumerated() {
            let buffer = ByteBuffer(bytes: piece)
            var cursor = 0
            var hasMore = true
            while hasMore {
                guard let step = try? decoder.next(buffer, &cursor) else { return .refused }
                switch step {
                case .data(let range):
                    expect(!range.isEmpty && range.upper <= piece.count, "a piece of no bytes, or beyond the end")
                    body += piece[range.lower..<range.upper]
                case .needsMore: hasMore = false
                case .finished(let end):
                    return .whole(body, left: piece.count - end + pieces[(index + 1)...].joined().count)
                }
            }
        }
        return .unfinished(body)
    }

    /// Chunk by chunk with what strings offer; only for what has been accepted.
    private static func plainly(_ bytes: [UInt8]) -> Reading {
        var body: [UInt8] = []
        var rest = bytes[...]
        while let line = self.line(&rest) {
            let digits = String(decoding: line.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self)
            guard !digits.hasPrefix("+"), !digits.hasPrefix("-"), let size = Int(digits, radix: 16) else {
                return .refused
            }
            guard size > 0 else {
                while let trailer = self.line(&rest), !trailer.isEmpty {
                    guard trailer.contains(UInt8(ascii: ":")) else { return .refused }
                }
                return .whole(body, left: rest.count)
            }
            guard rest.count >= size + 2, rest.dropFirst(size).starts(with: [0x0D, 0x0A]) else { return .refused }
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return .refused
    }

    private static func line(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let end = Array(rest).place(of: [0x0D, 0x0A]) else { return nil }
        defer { rest = rest.dropFirst(end + 2) }
        return Array(rest.prefix(end))
    }

    private static func framed(_ body: [UInt8]) -> [UInt8] {
        let chunk = body.isEmpty ? [] : Array("\(String(body.count, radix: 16))\r\n".utf8) + body + [0x0D, 0x0A]
        return chunk + Array("0\r\n\r\n".utf8)
    }
}
