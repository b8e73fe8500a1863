import HTTPWire

@testable import GatewayCore

/// A form, and the content type that announces it.
enum MultipartCheck {
    enum Reading: Equatable {
        case whole(model: [UInt8], range: Range<Int>?)
        case refused
    }

    static func run(_ input: [UInt8]) {
        let lineEnd = input.firstIndex(of: 0x0A) ?? input.startIndex
        let contentType = Array(input[..<lineEnd])
        let announced = MultipartReader.boundary(ByteRange(0, contentType.count), contentType.span)
        if let announced {
            expect((1...70).contains(announced.count), "a boundary of \(announced.count) bytes")
            expect(contentType.place(of: announced) != nil, "a boundary that was not announced")
        }
        let boundary = announced ?? Array("b".utf8)
        let form = SplitInput(Array(input[lineEnd...].dropFirst()))
        let whole = self.read([form.bytes], boundary)
        expect(self.read(form.pieces, boundary) == whole, "split, it reads otherwise than \(whole)")
        guard case .whole(let model, let range) = whole else { return }
        self.checkModel(model, range, form.bytes, boundary)
    }

    private static func read(_ pieces: [[UInt8]], _ boundary: [UInt8]) -> Reading {
        var reader = MultipartReader(boundary: boundary)
        do throws(Refusal) {
            for piece in pieces { try reader.take(piece.span) }
            try reader.finish()
        } catch {
            return .refused
        }
        return .whole(model: reader.model, range: reader.modelRange)
    }

    /// The model stands where it is said to stand, is the only one by a plain reading, and can be replaced.
    private static func checkModel(_ model: [UInt8], _ range: Range<Int>?, _ form: [UInt8], _ boundary: [UInt8]) {
        let values = self.plainly(form, boundary)
        expect(values.count == (range == nil ? 0 : 1), "\(values.count) fields called model")
        guard let range else { return }
        expect(Array(form[range]) == model && values.first == model, "another model: \(values)")
        let other = Array("another".utf8)
        let spliced = Array(form[..<range.lowerBound]) + other + form[range.upperBound...]
        let again = self.read([spliced], boundary)
        let expected = range.lowerBound..<range.lowerBound + other.count
        // A boundary can be such that the new name holds it; of the lines around it, it cannot.
        expect(again == .whole(model: other, range: expected), "with another model it is \(again)")
    }

    /// The values of all parts named `model`, found by cutting the form at its boundaries.
    private static func plainly(_ form: [UInt8], _ boundary: [UInt8]) -> [[UInt8]] {
        let delimiter = Array("\r\n--".utf8) + boundary
        let text = Array("\r\n".utf8) + form
        var values: [[UInt8]] = []
        var start = text.place(of: delimiter)
        while let begin = start {
            let content = begin + delimiter.count
            if text[content...].starts(with: Array("--".utf8)) { break }
            let end = text.place(of: delimiter, from: content)
            let part = Array(text[content..<(end ?? text.count)])
            if let blank = part.place(of: Array("\r\n\r\n".utf8)) {
                let headers = Array(part[..<blank]).lowercasedASCII()
                let isModel =
                    headers.place(of: Array("name=\"model\"".utf8)) != nil
                    || headers.place(of: Array("name=model".utf8)) != nil
                if isModel, self.names(Array(part[..<blank])) { values.append(Array(part[(blank + 4)...])) }
            }
            start = end
        }
        return values
    }

    /// Whether one of the headers' lines is a disposition whose parameter `name` is exactly `model`.
    private static func names(_ headers: [UInt8]) -> Bool {
        headers.text.split(separator: "\r\n").contains { line in
            guard line.lowercased().hasPrefix("content-disposition:") else { return false }
            return line.split(separator: ";").dropFirst().contains { parameter in
                let parameter = parameter.drop { $0 == " " || $0 == "\t" }.description
                guard parameter.lowercased().hasPrefix("name=") else { return false }
                let value = parameter.dropFirst(5).reversed().drop { $0 == " " || $0 == "\t" }.reversed()
                return String(value) == "model" || String(value) == "\"model\""
            }
        }
    }
}
