import Testing

@testable import JSONScan

struct ObjectReaderTests {
    static func reader(_ text: String) -> ObjectReader { ObjectReader(Array(text.utf8)) }

    @Test(
        arguments: [
            ("0", 0), ("42", 42), ("-1", nil), ("1.5", nil), ("1e3", nil), ("null", nil), ("\"1\"", nil), ("true", nil),
            ("18446744073709551616", nil), ("99999999999999999999999999", nil),
        ] as [(String, UInt64?)]
    )
    func readsCounts(_ text: String, _ count: UInt64?) {
        #expect(Self.reader(#"{"a":\#(text)}"#).count("a") == count)
    }

    /// Whatever an upstream claims, sums over its figures must stay within 64 bits.
    @Test(arguments: ["18446744073709551615", "9223372036854775807", "1844674407370955161"])
    func refusesCountsThatCannotBeSummed(_ text: String) {
        #expect(Self.reader(#"{"a":\#(text)}"#).count("a") == nil)
    }

    @Test func readsObjectsWithinObjects() throws {
        let reader = Self.reader(#" {"x":[{"a":9}], "usage" : {"a":1,"details":{"b":2,"t":"\u0041b"}},"a":3} "#)
        #expect(reader.count("a") == 3)
        let usage = try #require(reader.object("usage"))
        #expect(usage.count("a") == 1)
        #expect(usage.object("details")?.count("b") == 2)
        #expect(usage.object("details")?.text("t") == Array("Ab".utf8))
        #expect(usage.object("a") == nil && usage.text("a") == nil && usage.count("missing") == nil)
    }

    @Test(arguments: ["", "[]", "{", #"{"a":1"#, #"{"a":1,"a":1}"#, #"{"A":1}"#])
    func malformedInputReadsAsAbsent(_ text: String) {
        #expect(Self.reader(text).count("a") == nil)
    }
}
