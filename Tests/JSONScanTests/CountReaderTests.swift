import Testing

@testable import JSONScan

struct CountReaderTests {
    static let reader = CountReader(["a", "z", "details"], nested: [(2, ["b", "c"])])

    /// What was found, place by place.
    struct Found {
        let counts: [UInt64?]
        let isThere: [Bool]
        subscript(place: Int) -> UInt64? { self.counts[place] }
        func has(_ place: Int) -> Bool { self.isThere[place] }
    }

    static func read(_ text: String) -> Found {
        var counts = Self.reader.read(Array(text.utf8))
        let values = (0..<5).map { counts[$0] }
        return Found(counts: values, isThere: (0..<5).map { counts.has($0) })
    }

    @Test(
        arguments: [
            ("0", 0), ("42", 42), ("-1", nil), ("1.5", nil), ("1e3", nil), ("null", nil), ("\"1\"", nil), ("true", nil),
            ("[1]", nil), ("{}", nil), ("18446744073709551616", nil), ("99999999999999999999999999", nil),
        ] as [(String, UInt64?)]
    )
    func readsCounts(_ text: String, _ count: UInt64?) {
        #expect(Self.read(#"{"a":\#(text)}"#)[0] == count)
    }

    /// Whatever an upstream claims, sums over its figures must stay within 64 bits.
    @Test(arguments: ["18446744073709551615", "9223372036854775807", "1844674407370955161"])
    func refusesCountsThatCannotBeSummed(_ text: String) {
        #expect(Self.read(#"{"a":\#(text)}"#)[0] == nil)
    }

    /// An account of an upstream's own call is not proofread: what is not counted may be anything that ends.
    @Test(arguments: [#"{"x":[},"a":7}"#, #"{"x":[1 2,,: abc],"a":7}"#, #"{"x":-,"a":007}"#, #"{"x":"\u12","a":7}"#])
    func whatIsNotCountedIsNotProofread(_ text: String) {
        #expect(Self.read(text)[0] == 7)
    }

    @Test func readsObjectsWithinObjects() {
        let counts = Self.read(
            #" {"x":[{"a":9}], "usage" : {"a":1} , "details":{"b":2 , "t":"\u0041b\"}", "y":{"c":7}, "c":3},"a":3} "#
        )
        #expect(counts[0] == 3 && !counts.has(1) && counts.has(2) && counts[3] == 2 && counts[4] == 3)
    }

    @Test func whatShouldBeAnObjectIsNoCount() {
        #expect(!Self.read(#"{"details":5}"#).has(2) && !Self.read(#"{"details":null}"#).has(2))
    }

    @Test func aNestedCountIsNotOneOfTheObject() {
        #expect(Self.read(#"{"other":{"a":1,"b":2},"b":4}"#).has(0) == false)
        #expect(Self.read(#"{"other":{"a":1,"b":2},"b":4}"#).has(3) == false)
    }

    @Test func whatHasANameTwiceTellsNothing() {
        #expect(Self.read(#"{"a":1,"a":1}"#)[0] == nil)
        let counts = Self.read(#"{"details":{"b":1},"details":{"c":2},"a":1}"#)
        #expect(!counts.has(2) && counts[3] == nil && counts[4] == nil)
        #expect(Self.read(#"{"details":{"b":1,"b":2,"c":3}}"#)[4] == nil)
        #expect(Self.read(#"{"other":1,"other":2,"a":3}"#)[0] == 3)
    }

    @Test(
        arguments: [
            "", "[]", "{", #"{"a":1"#, #"{"A":1}"#, #"{"a":1,"x}"#, #"{"a":1,"x":}"#, #"{"a":1 "x":2}"#,
            #"{"a":1,"x":{}"#,
            #"{"a":1,"details":{"b":1}"#, #"{"a":1,}"#, #"{"a":1,"details":{"b":1,}}"#, #"{"a":1;"b":2}"#,
            #"{"\u0061":1}"#,
        ]
    )
    func malformedInputReadsAsAbsent(_ text: String) {
        #expect(Self.read(text)[0] == nil)
    }
}
