import HTTPWire
import NIOCore

/// What both kinds of heads have to be.
private enum HeadCheck {
    static let limit = 2048

    /// How a head, complete or not, was judged.
    enum Verdict: Equatable { case complete(Int), needsMore, refused }

    /// A head that is complete is complete behind its last byte and not before; what is refused stays refused.
    static func checkPrefixes(_ bytes: [UInt8], _ judge: ([UInt8]) -> Verdict) {
        let whole = judge(bytes)
        for length in 0..<bytes.count {
            let part = judge(Array(bytes.prefix(length)))
            switch (whole, part) {
            case (.complete(let end), .needsMore): expect(length < end, "more wanted behind the end: \(length), \(end)")
            case (.complete(let end), .complete(let other)):
                expect(length >= end && other == end, "two ends: \(end), \(other) after \(length)")
            case (.complete, .refused): expect(false, "the beginning was refused after \(length)")
            case (.needsMore, .needsMore), (.refused, .needsMore), (.refused, .refused): break
            case (.needsMore, _), (.refused, .complete): expect(false, "\(part) after \(length), then \(whole)")
            }
        }
    }

    /// The lines of a head by the plainest reading; nil when that has an objection.
    static func lines(_ head: [UInt8]) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        var index = 0
        while index < head.count {
            if head[index] == 0x0D {
                guard index + 1 < head.count, head[index + 1] == 0x0A else { return nil }
                lines.append(line)
                line = []
                index += 2
            } else {
                guard head[index] >= 0x20 || head[index] == 0x09, head[index] != 0x7F else { return nil }
                line.append(head[index])
                index += 1
            }
        }
        return line.isEmpty && lines.last == [] ? lines.dropLast() : nil
    }

    static func isToken(_ bytes: [UInt8]) -> Bool {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        return !bytes.isEmpty
            && bytes.allSatisfy { byte in
                let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
                return isLetter || (byte >= 0x30 && byte <= 0x39) || marks.contains(byte)
            }
    }

    /// Compares the fields and what was noted of them with the lines.
    static func checkFields(_ fields: [HeadField], _ facts: FieldFacts, _ lines: [[UInt8]], _ bytes: [UInt8]) {
        expect(fields.count == lines.count, "\(fields.count) fields in \(lines.count) lines")
        var lengths: [[UInt8]] = []
        var codings: [[UInt8]] = []
        var options: [[UInt8]] = []
        var hosts: [[UInt8]] = []
        for (field, line) in zip(fields, lines) {
            let name = Array(line.prefix { $0 != UInt8(ascii: ":") })
            let value = Array(line.dropFirst(name.count + 1)).trimmed()
            expect(self.isToken(name), "the name \(name.text.debugDescription)")
            expect(Array(bytes[field.name.lower..<field.name.upper]) == name, "another name: \(name.text)")
            expect(Array(bytes[field.value.lower..<field.value.upper]) == value, "another value of \(name.text)")
            switch name.lowercasedASCII().text {
            case "content-length": lengths.append(value)
            case "transfer-encoding": codings.append(value.lowercasedASCII())
            case "connection":
                options += value.lowercasedASCII().split(separator: UInt8(ascii: ",")).map { Array($0).trimmed() }
            case "host": hosts.append(value)
            default: break
            }
        }
        expect(lengths.count <= 1 && facts.contentLength == lengths.first.flatMap { UInt64($0.text) }, "the length")
        expect(lengths.allSatisfy { $0.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }, "a length that is no number")
        expect(facts.isChunked ? codings == [Array("chunked".utf8)] : codings.isEmpty, "the codings \(codings)")
        expect(!facts.isChunked || facts.contentLength == nil, "both lengths")
        expect(facts.close == options.contains(Array("close".utf8)), "close")
        expect(facts.keepAlive == options.contains(Array("keep-alive".utf8)), "keep-alive")
        let others = options.filter { !["", "close", "keep-alive"].contains($0.text) }
        expect(facts.namesFields == !others.isEmpty, "connection options \(options.map(\.text))")
        expect(facts.hostCount == hosts.count, "hosts")
    }
}

/// Heads of requests.
enum RequestHeadCheck {
    static func run(_ bytes: [UInt8]) {
        HeadCheck.checkPrefixes(bytes, self.judge)
        let head = RequestHead()
        guard case .complete(let length)? = try? head.parse(ByteBuffer(bytes: bytes), limit: HeadCheck.limit) else {
            return
        }
        expect(length == head.length && length <= bytes.count, "the length \(length)")
        guard let lines = HeadCheck.lines(Array(bytes.prefix(length))), let first = lines.first else {
            return expect(false, "accepted lines that are none")
        }
        self.checkRequestLine(head, first, bytes)
        HeadCheck.checkFields(head.fields, head.facts, Array(lines.dropFirst()), bytes)
        self.checkAgain(head, bytes)
    }

    private static func judge(_ bytes: [UInt8]) -> HeadCheck.Verdict {
        let head = RequestHead()
        switch Result(catching: { try head.parse(ByteBuffer(bytes: bytes), limit: HeadCheck.limit) }) {
        case .success(.complete(let length)): return .complete(length)
        case .success(.needsMore): return .needsMore
        case .failure: return .refused
        }
    }

    private static func checkRequestLine(_ head: RequestHead, _ line: [UInt8], _ bytes: [UInt8]) {
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false).map { Array($0) }
        guard words.count == 3 else { return expect(false, "\(words.count) words in the request line") }
        expect(HeadCheck.isToken(words[0]), "the method")
        expect(words[2].text == (head.isVersion10 ? "HTTP/1.0" : "HTTP/1.1"), "the version")
        let path = Array(words[1].prefix { $0 != UInt8(ascii: "?") })
        expect(Array(bytes[head.path.lower..<head.path.upper]) == path, "the path")
        expect(
            Array(bytes[head.query.lower..<head.query.upper]) == Array(words[1].dropFirst(path.count + 1)),
            "the query"
        )
        expect(words[1].allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }, "bytes in the target")
        // One path means one thing: decoding it finds no segment to skip or to go back by.
        let decoded = self.decoded(path)
        let segments = decoded.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        expect(path.first == UInt8(ascii: "/"), "a path without its slash")
        expect(!segments.contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }, "dots in \(path.text)")
        expect(!segments.dropLast().contains { $0.isEmpty }, "an empty segment in \(path.text)")
        expect(decoded.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }, "a control in \(path.text)")
        expect(self.decoded(decoded) == decoded, "escaped twice: \(path.text)")
    }

    private static func decoded(_ path: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var index = 0
        while index < path.count {
            if path[index] == UInt8(ascii: "%"), index + 2 < path.count,
                let byte = UInt8(path[index + 1...index + 2].map { String(Unicode.Scalar($0)) }.joined(), radix: 16)
            {
                decoded.append(byte)
                index += 3
            } else {
                decoded.append(path[index])
                index += 1
            }
        }
        return decoded
    }

    /// The head that is written from what was read is read as the same.
    private static func checkAgain(_ head: RequestHead, _ bytes: [UInt8]) {
        let query = head.query.isEmpty ? [] : Array("?".utf8) + bytes[head.query.lower..<head.query.upper]
        var again = Array(bytes[head.methodRange.lower..<head.methodRange.upper]) + [0x20]
        again += bytes[head.path.lower..<head.path.upper] + query
        again += Array(head.isVersion10 ? " HTTP/1.0\r\n".utf8 : " HTTP/1.1\r\n".utf8)
        for field in head.fields {
            again += bytes[field.name.lower..<field.name.upper] + Array(": ".utf8)
            again += bytes[field.value.lower..<field.value.upper] + [0x0D, 0x0A]
        }
        again += [0x0D, 0x0A]
        let other = RequestHead()
        let result = try? other.parse(ByteBuffer(bytes: again), limit: again.count + 1)
        expect(result == .complete(length: again.count), "what was read cannot be read again")
        expect(other.method == head.method && other.keepAlive == head.keepAlive, "another method or another end")
        expect(other.fields.map(\.known) == head.fields.map(\.known), "other fields")
        expect(other.facts.contentLength == head.facts.contentLength, "another length")
        expect(other.facts.isChunked == head.facts.isChunked && other.hasBody == head.hasBody, "another framing")
    }
}

/// Heads of answers.
enum ResponseHeadCheck {
    static func run(_ bytes: [UInt8]) {
        HeadCheck.checkPrefixes(bytes, self.judge)
        let head = ResponseHead()
        guard case .complete(let length)? = try? head.parse(ByteBuffer(bytes: bytes), limit: HeadCheck.limit) else {
            return
        }
        guard let lines = HeadCheck.lines(Array(bytes.prefix(length))), let first = lines.first else {
            return expect(false, "accepted lines that are none")
        }
        let words = first.split(separator: 0x20, omittingEmptySubsequences: false)
        expect(words.count >= 2 && Array(words[1]).text == "\(head.status)", "the status \(head.status)")
        expect((100..<600).contains(head.status), "the status \(head.status)")
        HeadCheck.checkFields(head.fields, head.facts, Array(lines.dropFirst()), bytes)
        self.checkFraming(head)
    }

    private static func judge(_ bytes: [UInt8]) -> HeadCheck.Verdict {
        let head = ResponseHead()
        switch Result(catching: { try head.parse(ByteBuffer(bytes: bytes), limit: HeadCheck.limit) }) {
        case .success(.complete(let length)): return .complete(length)
        case .success(.needsMore): return .needsMore
        case .failure: return .refused
        }
    }

    private static func checkFraming(_ head: ResponseHead) {
        let framing = head.framing(answering: .post)
        let hasNoBody = head.isInformational || head.status == 204 || head.status == 304
        switch framing {
        case .none: expect(hasNoBody || head.facts.contentLength == 0, "no body")
        case .length(let length): expect(head.facts.contentLength == length && !hasNoBody, "the length")
        case .chunked: expect(head.facts.isChunked && !hasNoBody, "chunked")
        case .untilClose: expect(head.facts.contentLength == nil && !head.facts.isChunked && !hasNoBody, "until close")
        }
        expect(head.framing(answering: .head) == .none, "an answer to HEAD with a body")
    }
}
