// multipart/form-data as RFC 7578 writes it: parts between lines `--BOUNDARY`, the last line `--BOUNDARY--`; each part has
// headers, an empty line, and bytes up to the CRLF before the next boundary. Only `content-disposition`'s `name` and
// `filename` are read.

/// The parts of a form.
struct MultipartForm: Sendable {
    struct Part: Sendable {
        let name: String
        let filename: String?
        let content: [UInt8]

        var text: String { String(decoding: self.content, as: UTF8.self) }
    }

    let parts: [Part]

    /// Reads a form; nil when the content type names no boundary or the bytes are no form.
    init?(contentType: String, body: [UInt8]) {
        guard let boundary = Self.parameter("boundary", in: contentType), !boundary.isEmpty else { return nil }
        let delimiter = Array("--\(boundary)".utf8)
        var parts: [Part] = []
        guard var position = Self.find(delimiter, in: body, from: 0).map({ $0 + delimiter.count }) else { return nil }
        while !body[position...].starts(with: "--".utf8) {
            let next = Self.find([0x0D, 0x0A] + delimiter, in: body, from: position)
            guard let next, let part = Self.part(body[position..<next]) else { return nil }
            parts.append(part)
            position = next + 2 + delimiter.count
        }
        self.parts = parts
    }

    /// The text of the field called `name`.
    func text(_ name: String) -> String? {
        self.parts.first { $0.name == name }?.text
    }

    /// The first part called `name`.
    func part(_ name: String) -> Part? {
        self.parts.first { $0.name == name || $0.name == "\(name)[]" }
    }

    private static func part(_ bytes: ArraySlice<UInt8>) -> Part? {
        guard bytes.starts(with: [0x0D, 0x0A]) else { return nil }
        let separator: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        let whole = Array(bytes)
        guard let end = Self.find(separator, in: whole, from: 0) else { return nil }
        let headers = String(decoding: whole[..<end], as: UTF8.self).split(separator: "\r\n")
        let disposition = headers.first { $0.lowercased().hasPrefix("content-disposition:") }.map { String($0) }
        guard let disposition, let name = Self.parameter("name", in: disposition) else { return nil }
        let content = Array(whole[(end + separator.count)...])
        return Part(name: name, filename: Self.parameter("filename", in: disposition), content: content)
    }

    private static func parameter(_ name: String, in header: String) -> String? {
        for part in header.split(separator: ";").dropFirst() {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].lowercased() == name else { continue }
            return pair[1].trimming { $0 == "\"" || $0 == " " }
        }
        return nil
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= needle.count else { return nil }
        var index = start
        while index <= bytes.count - needle.count {
            if bytes[index] == needle[0], bytes[index..<(index + needle.count)].elementsEqual(needle) { return index }
            index += 1
        }
        return nil
    }
}

extension Substring {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        let start = self.drop(while: isTrimmed)
        guard let last = start.lastIndex(where: { !isTrimmed($0) }) else { return "" }
        return String(start[...last])
    }
}
