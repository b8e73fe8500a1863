import Testing

@testable import JSONScan

struct JSONTests {
    @Test(arguments: [
        #"{"b":1,"a":[true,null,-2.5,"x"]}"#, #"[]"#, #"{}"#, #""\"\\\n\u0001é😀""#, #"{"n":12345678901234567}"#,
        "[1e5,1.10,12345678901234567890,-0,-0.0,1E+2,0,-17,9223372036854775807]", #"{"":"\u001f\\","数":"値"}"#,
    ])
    func writesWhatItRead(_ text: String) throws {
        let json = try JSON(parsing: Array(text.utf8))
        #expect(json.text == text)
    }

    @Test
    func readsEscapes() throws {
        let json = try JSON(parsing: Array(#"{"mod\u0065l":"\ud83d\ude00\/"}"#.utf8))
        #expect(json["model"]?.string == "😀/")
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "nul", "1 2", "\"\\ud800\"", "\"a", "\"\u{01}\"", "01x", "-", "1.",
        "+1",
        "\"\\u+123\"", "01", "-01", "1e", "1e+", ".5", "1.e1", "--1", "\"\\udc00\"", "\"\\x\"", "[1 2]",
        "{\"a\":1 \"b\":2}",
    ])
    func refusesWhatIsNotJSON(_ text: String) {
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test
    func refusesWhatIsNotUTF8() {
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: [0x22, 0xC3, 0x28, 0x22]) }
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: [0x22, 0x5C, 0x6E, 0xF0, 0x9F, 0x22]) }
    }

    @Test
    func refusesDeepNesting() {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: Array(deep.utf8)) }
    }

    @Test
    func lastOfARepeatedNameCounts() throws {
        #expect(try JSON(parsing: Array(#"{"a":1,"a":2}"#.utf8))["a"]?.int == 2)
    }
}
