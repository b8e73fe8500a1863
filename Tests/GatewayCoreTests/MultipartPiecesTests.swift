import Testing

@testable import GatewayCore

/// Forms that come in pieces.
struct MultipartPiecesTests {
    private static let boundary = "b0undary"
    private static let end = "--b0undary--\r\n"

    private static func field(_ name: String, _ value: String, more: String = "") -> String {
        "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\(more)\r\n\(value)\r\n"
    }

    private static func part(_ headers: String, _ content: String = "x") -> String {
        "--\(boundary)\r\n\(headers)\r\n\r\n\(content)\r\n"
    }

    /// Reads `form` in pieces of `step` bytes.
    private static func read(_ form: String, step: Int) throws -> MultipartReader {
        var reader = MultipartReader(boundary: Array(Self.boundary.utf8))
        let bytes = Array(form.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            try reader.take(Array(bytes[start..<min(start + step, bytes.count)]).span)
        }
        try reader.finish()
        return reader
    }

    private static let forms = [
        field("model", "gpt") + field("file", "\r\n--b0undar\r\n--\r\r\n--b0undarx") + end,
        field("file", "\r\n\r\n--b0undar\r") + field("model", "gpt") + field("x", "") + end,
        "\r\n" + field("model", "gpt") + "--b0undary--",
        part("content-disposition: form-data; filename=\"model; name=x\"; name=file") + field("model", "gpt") + end,
        part("Content-Type: text/plain\r\nCONTENT-DISPOSITION: form-data; Name=model", "gpt") + end,
    ]

    @Test(arguments: Self.forms)
    func findsModelWhereverTheFormIsSplit(_ form: String) throws {
        let bytes = Array(form.utf8)
        for place in 0...bytes.count {
            var reader = MultipartReader(boundary: Array(Self.boundary.utf8))
            try reader.take(Array(bytes[..<place]).span)
            try reader.take(Array(bytes[place...]).span)
            try reader.finish()
            #expect(reader.model == Array("gpt".utf8))
            #expect(reader.modelRange.map { Array(bytes[$0]) } == Array("gpt".utf8))
        }
        for step in 1...7 { #expect(try Self.read(form, step: step).model == Array("gpt".utf8)) }
    }

    @Test func knowsModelBeforeTheFormEnds() throws {
        var reader = MultipartReader(boundary: Array(Self.boundary.utf8))
        try reader.take(Array((Self.field("model", "gpt") + "--b0undary").utf8).span)
        #expect(reader.model == Array("gpt".utf8))
        #expect(throws: Refusal.self) { try reader.finish() }
    }

    @Test func readsFormWithoutModel() throws {
        let reader = try Self.read(Self.field("purpose", "batch") + Self.end, step: 3)
        #expect(reader.modelRange == nil)
    }

    private static let refused = [
        "second model": field("model", "a") + field("file", "x") + field("model", "b") + end,
        "same model twice": field("model", "a") + field("model", "a") + end,
        "model as file": part("Content-Disposition: form-data; name=\"model\"; filename=\"m\"") + end,
        "two names": part("Content-Disposition: form-data; name=\"a\"; name=\"model\"") + end,
        "extended name": part("Content-Disposition: form-data; name*=utf-8''model") + end,
        "escaped name": part("Content-Disposition: form-data; name=\"mod\\el\"") + end,
        "escaped quote": part("Content-Disposition: form-data; filename=\"a\\\"; name=model; x=\"") + end,
        "no headers": "--b0undary\r\n\r\nno headers\r\n" + field("model", "gpt") + end,
        "open quote": part("Content-Disposition: form-data; name=\"model") + end,
        "two dispositions":
            part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=model") + end,
        "folded header": part("Content-Disposition: form-data;\r\n name=\"model\"") + end,
        "bare line feed": part("X: y\nContent-Disposition: form-data; name=\"model\"") + end,
        "encoded model": field("model", "Z3B0", more: "Content-Transfer-Encoding: base64\r\n") + end,
        "combining character": part("Content-Disposition: form-data; a=\u{308}b; name=\"model\"; name=\"b\"") + end,
        "boundary in headers": "--b0undary\r\nContent-Disposition: form-data; name=\"model\"\r\n--b0undary--\r\n",
        "content without line's end":
            "--b0undary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n--b0undary--\r\n",
        "text behind the boundary": "--b0undary-\r\n" + end,
        "text behind the form": field("a", "b") + end + field("model", "c"),
        "no boundary": "nothing",
        "no end": field("model", "a"),
        "empty": "",
        "long model": field("model", String(repeating: "m", count: 2000)) + end,
        "long headers": part("X: " + String(repeating: "x", count: 9000)) + end,
    ]

    @Test(arguments: Self.refused.keys.sorted())
    func refuses(_ name: String) throws {
        let form = try #require(Self.refused[name])
        for step in [1, 2, 3, 5, 100_000] {
            #expect(throws: Refusal.self, "\(name), \(step) bytes at once") { try Self.read(form, step: step) }
        }
    }
}
