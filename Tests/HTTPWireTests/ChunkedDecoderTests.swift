import NIOCore
import Testing

@testable import HTTPWire

struct ChunkedDecoderTests {
    static let accepted: [(String, String)] = [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789"),
        ("000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
        // The longest size that is read at once, and the shortest that is not.
        ("0000005\r\nhello\r\n00000005\r\nworld\r\n0000000\r\n\r\n", "helloworld"),
        ("2;a=b\r\n\r\n\r\n1;c=\"d;e\"\r\n0\r\n0;last\r\n\r\n", "\r\n0"),
        ("1\r\nx\r\n0\r\nTrailer: value\r\nB:\r\n\r\n", "x"),
    ]

    @Test(arguments: accepted) func takesTheFramingOffHoweverItIsSplit(_ framed: String, _ body: String) throws {
        let bytes = Array(framed.utf8) + Array("GET".utf8)
        let expected = Wire.Chunked(body: Array(body.utf8), left: 3)
        #expect(try Wire.chunked([bytes]) == expected)
        #expect(try Wire.chunked(bytes.map { [$0] }) == expected)
        for cut in 0...bytes.count {
            #expect(try Wire.chunked([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
        }
        for count in 0..<framed.utf8.count { #expect(try Wire.chunked([Array(bytes[..<count])]) == nil) }
    }

    static let refused: [(String, WireError)] = [
        ("\r\n", .badChunk), (" 5\r\nhello", .badChunk), ("5 \r\nhello", .badChunk), ("+5\r\nhello", .badChunk),
        ("-1\r\n", .badChunk), ("0x5\r\nhello", .badChunk), ("g\r\n", .badChunk), (";a\r\n", .badChunk),
        ("5\nhello\r\n", .badChunk), ("5\rhello", .badChunk), ("1000000000000000\r\n", .badChunk),
        ("5\r\nhello0\r\n", .badChunk), ("5\r\nhello\n0\r\n\r\n", .badChunk), ("5\r\nhello\r0\r\n\r\n", .badChunk),
        ("5\r\nhel\r\n0\r\n\r\n", .badChunk), ("0000005\nhello\r\n", .badChunk), ("0000005 \r\nhello", .badChunk),
        ("5;a\u{0}\r\nhello\r\n", .badChunk), ("5;a\nb\r\n", .badChunk),
        ("5;a\rb\r\nhello\r\n", .badChunk), ("ffffffffffffffff\r\n", .badChunk), ("5,5\r\n", .badChunk),
        ("5;;\r\nhello\r\n0\r\n\r\n", .badChunk), ("5; \r\nhello\r\n0\r\n\r\n", .badChunk),
        ("5;\r\nhello\r\n0\r\n\r\n", .badChunk), ("5;a=\"b\r\nhello\r\n0\r\n\r\n", .badChunk),
        ("0\r\nA: b\n\r\n", .badTrailer), ("0\r\n A: b\r\n\r\n", .badTrailer), ("0\r\nA: \u{0}\r\n\r\n", .badTrailer),
        ("0\r\n: b\r\n\r\n", .badTrailer), ("0\r\n\rX", .badTrailer), ("0\r\nA: b\rX", .badTrailer),
        ("0\r\nno colon\r\n\r\n", .badTrailer), ("0\r\nA : b\r\n\r\n", .badTrailer),
        ("0\r\nnocolon\r\n\r\n", .badTrailer),
    ]

    @Test(arguments: refused) func refusesWhatIsNotStrictHoweverItIsSplit(_ framed: String, _ reason: WireError) {
        let bytes = Array(framed.utf8)
        #expect(throws: reason) { try Wire.chunked([bytes]) }
        #expect(throws: reason) { try Wire.chunked(bytes.map { [$0] }) }
    }

    @Test func limitsExtensionsAndTrailersOverTheWholeBody() throws {
        let extended = "1;\(String(repeating: "a", count: 100))\r\nx\r\n"
        #expect(throws: WireError.badChunk) { try Wire.chunked([Array(String(repeating: extended, count: 90).utf8)]) }
        let trailer = "A: \(String(repeating: "b", count: 9000))\r\n\r\n"
        #expect(throws: WireError.badTrailer) { try Wire.chunked([Array(("0\r\n" + trailer).utf8)]) }
        let plain = String(repeating: "1\r\nx\r\n", count: 10_000) + "0\r\n\r\n"
        #expect(try Wire.chunked([Array(plain.utf8)])?.body.count == 10_000)
    }
}
