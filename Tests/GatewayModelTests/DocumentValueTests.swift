import Testing

@testable import GatewayModel

struct DocumentValueTests {
    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "line 1: the field `a` occurs twice"),
        ("{\"a\":1,\n\"\\u0061\":2}", "line 2: the field `a` occurs twice"),
        ("[1,]", "line 1: this is no JSON value"),
        ("[01]", "line 1: a number begins with 0"),
        ("1 2", "line 1: there is more after the end of the value"),
        (#""\ud800""#, "line 1: a lone surrogate"),
        ("\"a\tb\"", "line 1: a control character in a string must be escaped"),
        ("{", "line 1: a field name in double quotes should be here"),
        ("", "line 1: the text ends where a value should be"),
        ("1e999", "line 1: the number is too large"),
        ("nul", "line 1: this is no JSON value"),
    ])
    func refusesWhatIsNoUnambiguousJSON(_ text: String, _ message: String) {
        #expect(throws: DocumentSyntaxError.self) { try DocumentValue(json: text) }
        do {
            _ = try DocumentValue(json: text)
        } catch { #expect(error.description == message) }
    }

    @Test func refusesNestingBeyondItsDepth() throws {
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try DocumentValue(json: nested(64))
        #expect(throws: DocumentSyntaxError(line: 1, message: "nested deeper than 64")) {
            try DocumentValue(json: nested(65))
        }
        #expect(throws: DocumentSyntaxError.self) { try DocumentValue(yaml: nested(65)) }
    }

    /// Damaged texts are refused or read, never fatal; what is read survives writing.
    @Test func survivesDamagedTexts() throws {
        var seed: UInt64 = 42
        let random = { (bound: Int) -> Int in
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        let good = Array(#"{"a":[1,-2.5e3,true,null,"x\u00e9\n\ud83d\ude00"],"b":{"c":""}}"#.utf8)
        var readable = 0
        for _ in 0..<5000 {
            var bytes = good
            for _ in 0..<(1 + random(3)) { bytes[random(bytes.count)] = good[random(good.count)] }
            if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
            guard let value = try? DocumentValue(json: bytes) else { continue }
            readable += 1
            #expect(try DocumentValue(json: value.json()) == value)
        }
        #expect(readable > 10)
    }

    @Test func writesCanonicalJSON() throws {
        let value = try DocumentValue(json: #" { "b" : [1, -2, 1.5, true, null], "a" : "\u00e9\n\"\u0001😀" } "#)
        #expect(
            String(decoding: value.json(sorted: true), as: UTF8.self)
                == #"{"a":"é\n\"\u0001😀","b":[1,-2,1.5,true,null]}"#
        )
        #expect(try DocumentValue(json: value.json()) == value)
    }

    @Test(arguments: [
        ("a: no", DocumentValue.string("no")), ("a: 2027-01-01T00:00:00Z", .string("2027-01-01T00:00:00Z")),
        ("a: true", .bool(true)), ("a: 12", .int(12)), ("a: 1.5", .double(1.5)), ("a: \"12\"", .string("12")),
        ("a: ~", .null), ("a:", .null), ("a: 10m", .string("10m")), ("a: [1, b]", .array([1, "b"])),
    ])
    func readsYAMLScalarsOfTheCoreSchema(_ text: String, _ value: DocumentValue) throws {
        #expect(try DocumentValue(yaml: text)["a"] == value)
    }

    @Test func namesTheLineOfWrongYAML() {
        #expect(throws: DocumentSyntaxError(line: 2, message: "the field `a` occurs twice in one mapping")) {
            try DocumentValue(yaml: "b: 1\na: 1\na: 2\n")
        }
        do {
            _ = try DocumentValue(yaml: "a: 1\nb: [1, 2\nc: 3\n")
            Issue.record("an unclosed list was read")
        } catch { #expect(error.line == 3) }
    }

    @Test(arguments: [
        "", "plain", "with space", "true", "No", "12", "-1", "1.5", "a: b", "# no comment", "*", "&a", "é\nü\t\"",
        "~", "[", "/path/x", "2027-01-01", " lead", "\u{1}", "=", "0x1f", "\u{2028}",
    ])
    func writesYAMLThatReadsBack(_ text: String) throws {
        let value: DocumentValue = [
            "text": .string(text),
            "list": [.string(text), ["a": .string(text), "b": ["c": .string(text)]], [], [[1]]],
            "empty": .object(DocumentObject()), "other": [true, 1, .null, .double(1.5)],
        ]
        #expect(try DocumentValue(yaml: value.yaml()) == value)
    }

    @Test func followsFewAliasesOnly() throws {
        let value = try DocumentValue(yaml: "a: &x { b: 1 }\nc: *x\nd: [ *x ]\n")
        #expect(value["c"] == ["b": 1] && value["d"] == [["b": 1]])
        let levels = (1...9).map {
            "l\($0): &l\($0) [\(Array(repeating: "*l\($0 - 1)", count: 9).joined(separator: ", "))]"
        }
        #expect(throws: DocumentSyntaxError(line: 0, message: "more than 32 aliases (`*name`)")) {
            try DocumentValue(yaml: "l0: &l0 [x]\n" + levels.joined(separator: "\n"))
        }
        let deep = (1...10).map {
            "l\($0): &l\($0) [\(Array(repeating: "*l\($0 - 1)", count: 3).joined(separator: ", "))]"
        }
        #expect(throws: DocumentSyntaxError.self) {
            try DocumentValue(yaml: "l0: &l0 [x]\n" + deep.joined(separator: "\n"))
        }
    }

    @Test func putsEnvironmentVariablesIntoStrings() throws {
        let value = try DocumentValue(yaml: "a: x${ONE}y${TWO}\nb: [\"$${ONE}\", \"${MISSING}\"]\nc: ${EVIL}\n")
        let environment = ["ONE": "1", "TWO": "2", "EVIL": "${ONE}"]
        let (result, problems) = value.substituting { environment[$0] }
        #expect(result["a"] == "x1y2")
        #expect(result["b"] == ["${ONE}", ""])
        #expect(result["c"] == "${ONE}")
        #expect(
            problems == [
                Problem(path: "b[1]", message: "needs the environment variable `MISSING`, which is not set")
            ]
        )
    }
}

struct QuantityTests {
    @Test(arguments: [
        ("100ms", Duration.milliseconds(100)), ("2s", .seconds(2)), ("10m", .seconds(600)), ("1h", .seconds(3600)),
        ("1d", .seconds(86_400)), ("250us", .microseconds(250)), ("0s", .zero),
    ])
    func readsAndWritesDurations(_ text: String, _ duration: Duration) {
        #expect(Quantity.duration(text) == duration)
        #expect(Quantity.text(duration) == text)
    }

    @Test(arguments: ["", "2", "s", "2 s", "-2s", "1.5s", "2S", "99999999999999999999s", "4000000000000d"])
    func refusesWhatIsNoDuration(_ text: String) { #expect(Quantity.duration(text) == nil) }

    @Test(arguments: [("5000", 5000), ("5k", 5000), ("2M", 2_000_000), ("1G", 1_000_000_000)])
    func readsCounts(_ text: String, _ count: Int64) { #expect(Quantity.count(text) == count) }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2027-01-01T00:00:00Z", 1_798_761_600),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("9999-12-31T23:59:59Z", 253_402_300_799), ("2000-03-01T00:00:00Z", 951_868_800),
        ] as [(String, Int64)]
    )
    func readsAndWritesTimes(_ text: String, _ seconds: Int64) {
        #expect(Timestamp.seconds(text) == seconds)
        #expect(Timestamp.text(seconds) == text)
    }

    @Test func readsOffsetsAndFractions() {
        #expect(Timestamp.seconds("2027-01-01T02:00:00.250+02:00") == 1_798_761_600)
        #expect(Timestamp.seconds("2026-12-31t19:00:00-05:00") == 1_798_761_600)
    }

    @Test(arguments: [
        "2027-02-29T00:00:00Z", "2027-01-01", "2027-13-01T00:00:00Z", "2027-01-01T24:00:00Z", "now",
        "2027-01-01T00:00:00", "1969-12-31T23:59:59Z", "2027-01-01T00:00:00.Z", "2027-01-01T00:00:00+2:00",
    ])
    func refusesWhatIsNoTime(_ text: String) { #expect(Timestamp.seconds(text) == nil) }
}

/// Digits, against those of the standard library.
struct DecimalNumberTests {
    private static func text(_ number: UInt64) -> String {
        withUnsafeTemporaryAllocation(byteCount: DecimalNumber.room + 8, alignment: 1) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0xAA)
            let count = DecimalNumber.write(number, to: memory.baseAddress!)
            #expect(memory.suffix(8).allSatisfy { $0 == 0xAA }, "more than the room is touched")
            return String(decoding: memory.prefix(count), as: UTF8.self)
        }
    }

    @Test func writesWhatTheStandardLibraryDoes() {
        var numbers: [UInt64] = [0, .max, .max - 1, 1_844_674_407_370_955_161]
        for shift in 0..<64 { numbers += [1 << UInt64(shift), (1 << UInt64(shift)) - 1] }
        var power: UInt64 = 1
        for _ in 0..<20 {
            for factor in 1...9 { numbers += [power &* UInt64(factor), power &* UInt64(factor) &- 1] }
            power = power &* 10
        }
        // Every four digits in either half of a word.
        for digits in 0..<10_000 as Range<UInt64> { numbers += [digits, digits * 10_000 + 9_999 - digits] }
        for number in numbers { #expect(Self.text(number) == String(number)) }
    }
}
