import Foundation
import Testing

@testable import JSONScan

struct JSONTextTests {
    static func decode(_ text: String) -> String? {
        JSONText.decode(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("", ""), ("abc", "abc"), (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#"\u0041\u00E9\u20ac"#, "A\u{E9}\u{20AC}"),
        (#"\ud83d\ude00"#, "😀"), (#"\uD83D"#, "\u{FFFD}"), (#"\ude00"#, "\u{FFFD}"), (#"\ud83dx"#, "\u{FFFD}x"),
        (#"\ud83d\u0041"#, "\u{FFFD}A"), (#"\ud83d\n"#, "\u{FFFD}\n"), (#"\u0000"#, "\u{0}"), ("é😀", "é😀"),
        (#"\udbff\udfff"#, "\u{10FFFF}"), (#"\ud800\udc00"#, "\u{10000}"),
    ])
    func decodesEscapes(_ raw: String, _ text: String) {
        #expect(Self.decode(raw) == text)
    }

    @Test(arguments: [#"\"#, #"\x41"#, #"\u"#, #"\u12"#, #"\u12g4"#, #"a\'"#, #"\U0041"#])
    func refusesMalformedEscapes(_ raw: String) {
        #expect(Self.decode(raw) == nil)
    }

    @Test func everyScalarSurvivesEncodingAndDecoding() throws {
        let scalars = (0..<0x800).compactMap(Unicode.Scalar.init) + ["\u{FFFD}", "\u{2028}", "\u{10FFFF}", "😀"]
        for scalar in scalars {
            let text = "a\(Character(scalar))b"
            var encoded: [UInt8] = []
            JSONText.encode(Array(text.utf8), into: &encoded)
            #expect(JSONText.decode(encoded[...]) == Array(text.utf8))
            let quoted = Data([0x22] + encoded + [0x22])
            let read = try JSONSerialization.jsonObject(with: quoted, options: .fragmentsAllowed) as? String
            #expect(read == text)
        }
    }
}
