import GatewayModel
import Testing

@testable import Telemetry

struct JSONLineTests {
    static func text(_ write: (inout JSONLine) -> Void) -> String {
        var line = JSONLine()
        write(&line)
        return String(decoding: line.bytes, as: UTF8.self)
    }

    @Test func writesOneObjectPerLine() {
        let text = Self.text { line in
            for _ in 0..<2 {
                line.begin()
                line.put("a", "é")
                line.put("b", Array("x".utf8))
                line.put("c", 0 as UInt64)
                line.put("d", UInt64.max)
                line.put("e", true)
                line.put("f", false)
                line.end()
            }
        }
        let line = #"{"a":"é","b":"x","c":0,"d":18446744073709551615,"e":true,"f":false}"# + "\n"
        #expect(text == line + line)
    }

    @Test(arguments: [
        ("\"\\", #"\"\\"#), ("\n\r\t\u{0}\u{1F}\u{7F}", #"\u000a\u000d\u0009\u0000\u001f\u007f"#), ("/é😀", "/é😀"),
        ("\",\"forged\":\"", #"\",\"forged\":\""#),
    ])
    func escapesWhatCouldBreakALine(_ value: String, _ escaped: String) {
        let text = Self.text { line in
            line.begin()
            line.put("a", value)
            line.end()
        }
        #expect(text == "{\"a\":\"\(escaped)\"}\n")
    }

    @Test(
        arguments: [
            (0, "0.000"), (999, "0.000"), (1000, "0.001"), (1_234_567, "1.234"), (10_050_000, "10.050"),
            (60_000_000_000, "60000.000"),
        ] as [(UInt64, String)]
    )
    func writesMillisecondsWithThreeDecimals(_ nanoseconds: UInt64, _ number: String) {
        let text = Self.text { line in
            line.begin()
            line.put(milliseconds: "a", nanoseconds)
            line.end()
        }
        #expect(text == "{\"a\":\(number)}\n")
    }

    @Test func writesIDsAsTheyDescribeThemselves() {
        let id = RecordID(process: 0x0123_4567_89AB_CDEF, count: 0xFEDC_BA98_7654_3210)
        let text = Self.text { line in
            line.begin()
            line.put("id", id)
            line.end()
        }
        #expect(text == "{\"id\":\"\(id)\"}\n")
    }

    /// The memory grows with what is written, and is used again when it was cleared.
    @Test func holdsLinesOfAnyLength() {
        var line = JSONLine(capacity: 16)
        for length in [0, 1, 15, 16, 17, 5000] {
            let value = String(repeating: "x", count: length)
            line.begin()
            line.put("a", value)
            line.put("b", Array(value.utf8))
            line.end()
            #expect(line.bytes == Array("{\"a\":\"\(value)\",\"b\":\"\(value)\"}\n".utf8))
            line.clear()
        }
    }

    /// Texts of every length that is copied in another way, and numbers around each power of ten.
    @Test func writesEveryLengthOfTextsAndNumbers() {
        var line = JSONLine(capacity: 1)
        var power: UInt64 = 1
        for length in 0...40 {
            let value = String((0..<length).map { Character(UnicodeScalar(UInt8(ascii: "a") + UInt8($0 % 26))) })
            let numbers = [power &- 1, power, power &+ 1]
            power = power > UInt64.max / 10 ? 1 : power * 10
            line.begin()
            line.put("plain", Array(value.utf8))
            for number in numbers { line.put("n", number) }
            line.put(dynamic: "m", numbers[0])
            line.end()
            let written = numbers.map { ",\"n\":\($0)" }.joined() + ",\"m\":\(numbers[0])"
            #expect(line.bytes == Array("{\"plain\":\"\(value)\"\(written)}\n".utf8))
            line.clear()
        }
    }

    @Test func replacesWhatIsNotUTF8() {
        let text = Self.text { line in
            line.begin()
            line.put("a", [0x61, 0xFF, 0xC3, 0xA9, 0x22])
            line.end()
        }
        #expect(text == "{\"a\":\"a\u{FFFD}é\\\"\"}\n")
    }
}
