import Foundation
import Glibc
import Testing

@testable import JSONScan

struct TopLevelScannerTests {
    static let names: [StaticString] = ["model", "stream", "stream_options"]

    /// What a scanner says about a document that came in pieces.
    enum Reading: Equatable {
        case members([String?])
        case flaw(JSONFlaw)
    }

    static func read(_ pieces: [[UInt8]], captureLimit: Int = 64) -> Reading {
        let scanner = TopLevelScanner(watching: Self.names, captureLimit: captureLimit)
        do throws(JSONFlaw) {
            for piece in pieces { try scanner.feed(piece.span) }
            try scanner.finish()
        } catch {
            return .flaw(error)
        }
        let whole = Array(pieces.joined())
        for index in Self.names.indices {
            // Captured bytes and reported places are the same value.
            let placed = scanner[index].map { Array(whole[$0.range]) }
            if let placed, placed.count <= captureLimit { #expect(scanner.captured(index) == placed) }
        }
        return .members(
            Self.names.indices.map { index in
                scanner[index].map { "\($0.kind) \(String(decoding: whole[$0.range], as: UTF8.self))" }
            }
        )
    }

    static func expectAlike(_ text: String, _ expected: Reading) {
        let bytes = Array(text.utf8)
        #expect(Self.read([bytes]) == expected)
        #expect(Self.read(bytes.map { [$0] }) == expected, "byte by byte")
        for cut in 0...bytes.count {
            #expect(Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
        }
    }

    static let documents: [(String, [String?])] = [
        ("{}", [nil, nil, nil]),
        (" \t\r\n{ } \n", [nil, nil, nil]),
        (#"{"model":"gpt-4o"}"#, [#"string "gpt-4o""#, nil, nil]),
        (#"{"a":{"model":"inner"},"model":"m","b":["model","x"]}"#, [#"string "m""#, nil, nil]),
        (#"{ "stream" : true , "model" : null }"#, ["null null", "bool true", nil]),
        (
            #"{"stream_options":{"a":[1,{"b":"}"}]},"stream":false}"#,
            [
                nil, "bool false", #"object {"a":[1,{"b":"}"}]}"#,
            ]
        ),
        (#"{"model":-1.5e+10}"#, ["number -1.5e+10", nil, nil]),
        (#"{"model":[[],[{}]]}"#, ["array [[],[{}]]", nil, nil]),
        (#"{"model":"a\"b\\","x":"\u00e9\/\b\f\n\r\t"}"#, [#"string "a\"b\\""#, nil, nil]),
        (#"{"modelx":1,"mode":2,"xmodel":3,"":4,"mödel":5}"#, [nil, nil, nil]),
        (#"{"x\u0041":1,"model":"m"}"#, [#"string "m""#, nil, nil]),
        (
            #"{"x":"a string that is longer than sixteen bytes, with \" and é","stream":true}"#,
            [
                nil, "bool true", nil,
            ]
        ),
    ]

    @Test(arguments: documents) func findsMembersHoweverTheDocumentIsSplit(_ text: String, _ members: [String?]) {
        Self.expectAlike(text, .members(members))
    }

    static let flawed: [(String, JSONFlaw)] = [
        ("", .notAnObject), ("  ", .notAnObject), ("[]", .notAnObject), ("null", .notAnObject), ("\"a\"", .notAnObject),
        ("{", .truncated), (#"{"a""#, .truncated), (#"{"a":"#, .truncated), (#"{"a":1"#, .truncated),
        (#"{"a":1,"#, .truncated), (#"{"a":"b"#, .truncated), (#"{"a":[1"#, .truncated), (#"{"a":["b"#, .truncated),
        ("{}x", .trailingBytes), ("{}{}", .trailingBytes), ("{} ,", .trailingBytes),
        (#"{,}"#, .unexpectedByte), (#"{"a":1,}"#, .unexpectedByte), (#"{a:1}"#, .unexpectedByte),
        (#"{'a':1}"#, .unexpectedByte), (#"{"a" 1}"#, .unexpectedByte), (#"{"a":}"#, .unexpectedByte),
        (#"{"a":1 2}"#, .unexpectedByte), (#"{"a":1"b":2}"#, .unexpectedByte), (#"{"a":NaN}"#, .unexpectedByte),
        (#"{"a":+1}"#, .unexpectedByte), (#"{"a":1;}"#, .unexpectedByte), (#"{"a":[1;2]}"#, .unexpectedByte),
        (#"{"a":/* */1}"#, .unexpectedByte), (#"{"a":['b']}"#, .unexpectedByte),
        ("{\"a\":\"b\nc\"}", .badString), ("{\"a\":\"\u{0}\"}", .badString), ("{\"a\nb\":1}", .badString),
        ("{\"a\":[\"b\tc\"]}", .badString), (#"{"a":"\x"}"#, .badString), (#"{"a":["\'"]}"#, .badString),
        (#"{"mod\el":"x"}"#, .badString), (#"{"mod\u00xl":"x"}"#, .badString), ("{\"a\":\"\\\n\"}", .badString),
        (#"{"model":1,"model":1}"#, .repeatedMember), (#"{"model":"a","x":{},"model":null}"#, .repeatedMember),
        (#"{"stream":true,"model":"a","stream":false}"#, .repeatedMember),
        (#"{"Model":"a"}"#, .disguisedMember), (#"{"MODEL":1}"#, .disguisedMember),
        (#"{"model":"a","Model":"b"}"#, .disguisedMember), (#"{"stream_Options":{}}"#, .disguisedMember),
        (#"{"mode\u006c":"a"}"#, .disguisedMember), (#"{"\u006Dodel":"a"}"#, .disguisedMember),
        (#"{"\u004dODE\u004C":"a"}"#, .disguisedMember),
        (
            #"{"\u0073\u0074\u0072\u0065\u0061\u006d\u005f\u006f\u0070\u0074\u0069\u006f\u006e\u0073":{}}"#,
            .disguisedMember
        ),
    ]

    @Test(arguments: flawed) func refusesWhatReadersCouldReadDifferently(_ text: String, _ flaw: JSONFlaw) {
        Self.expectAlike(text, .flaw(flaw))
    }

    @Test(arguments: ["tru", "trues", "falsey", "nul", "nulll", "t", "true1", "null.", "tttttttt", "fals", "trux"])
    func refusesWordsThatAreNoLiterals(_ word: String) {
        Self.expectAlike(#"{"a":\#(word)}"#, .flaw(.unexpectedByte))
    }

    @Test func limitsTheDepth() {
        let deep = { (depth: Int) in
            #"{"a":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(Self.read([Array(deep(256).utf8)]) == .members([nil, nil, nil]))
        #expect(Self.read([Array(deep(257).utf8)]) == .flaw(.tooDeep))
        let endless = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(Self.read([Array(#"{"a":"#.utf8), endless]) == .flaw(.tooDeep))
    }

    @Test func namesOfAnyLengthAreNotTakenForWatchedOnes() {
        let long = String(repeating: "model", count: 1000)
        Self.expectAlike(
            #"{"\#(long.prefix(400))":1,"model":"m"}"#,
            .members([#"string "m""#, nil, nil])
        )
        #expect(Self.read([Array(#"{"\#(long)\u0041":1}"#.utf8)]) == .members([nil, nil, nil]))
    }

    @Test func keepsValuesUpToTheLimit() throws {
        for length in [62, 63] {
            let text = #"{"model":"\#(String(repeating: "x", count: length))"}"#
            for size in [1, 7, 1000] {
                let scanner = TopLevelScanner(watching: ["model"], captureLimit: 64)
                let bytes = Array(text.utf8)
                for start in stride(from: 0, to: bytes.count, by: size) {
                    try scanner.feed(bytes.span.extracting(start..<min(start + size, bytes.count)))
                }
                #expect(scanner.captured(0)?.count == (length == 62 ? 64 : nil))
            }
        }
    }

    @Test func resetForgetsEverything() throws {
        let scanner = TopLevelScanner(watching: ["model"], captureLimit: 64)
        try scanner.feed(Array(#"{"model":"first","x":["#.utf8).span)
        scanner.reset()
        try scanner.feed(Array(#"{"y":1}"#.utf8).span)
        try scanner.finish()
        #expect(scanner[0] == nil && scanner.captured(0) == nil)
        scanner.reset()
        try scanner.feed(Array(#"{"model":"second"}"#.utf8).span)
        #expect(scanner.captured(0) == Array(#""second""#.utf8))
    }

    @Test(arguments: 0..<8) func agreesWithFoundationOnGeneratedDocuments(_ seed: UInt64) throws {
        var documents = GeneratedJSON(seed: seed)
        for _ in 0..<150 {
            let members = documents.members()
            let text = GeneratedJSON.text(members, &documents.numbers)
            let bytes = Array(text.utf8)
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
                "\(text.debugDescription)"
            )
            let scanner = TopLevelScanner(watching: ["model", "stream", "user"], captureLimit: 4096)
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...40, using: &documents.numbers))
                try scanner.feed(bytes.span.extracting(start..<end))
                start = end
            }
            try scanner.finish()
            for (index, name) in ["model", "stream", "user"].enumerated() {
                let captured = scanner.captured(index)
                #expect((captured == nil) == (object[name] == nil), "\(name) in \(text)")
                guard let captured, let value = object[name] else { continue }
                let read = try JSONSerialization.jsonObject(with: Data(captured), options: .fragmentsAllowed)
                #expect((read as? NSObject) == (value as? NSObject), "\(name) in \(text)")
            }
        }
    }

    /// What the pass over a whole document says of references to files is never less than what the search says.
    @Test(
        arguments: [
            #"{"a":1}"#, #"{"file_id":"x"}"#, #"{"m":[{"file":{"file_id":"x"}}]}"#, #"{"m":[{"file_ids":["x"]}]}"#,
            #"{"input_file_id":"x"}"#, #"{"m":{"f\u0069le_id":"x"}}"#, #"{"m":"say \u0022"}"#, #"{"file":"id"}"#,
        ]
    )
    func noReferenceToAFileIsOverlooked(_ text: String) {
        let bytes = Array(text.utf8)
        let scanner = TopLevelScanner(watching: ["model"])
        #expect((try? scanner.feed(bytes.span)) != nil)
        #expect(scanner.mayNameFiles == ReferenceScan.mayNameFiles(bytes.span))
    }

    /// Reads `bytes` where they end at the end of a page behind which nothing can be read: one byte too many ends the tests.
    static func isAcceptedAtTheEdge(_ bytes: [UInt8]) -> Bool {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let memory = mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        defer { munmap(memory, 2 * page) }
        mprotect(memory + page, page, PROT_NONE)
        let place = memory + page - bytes.count
        bytes.withUnsafeBytes {
            if let start = $0.baseAddress { place.copyMemory(from: start, byteCount: bytes.count) }
        }
        let buffer = UnsafeBufferPointer(start: place.assumingMemoryBound(to: UInt8.self), count: bytes.count)
        let scanner = TopLevelScanner(watching: Self.names, captureLimit: 64)
        return (try? scanner.feed(buffer.span)) != nil && scanner.isFinished
    }

    @Test(
        arguments: documents.map(\.0) + flawed.map(\.0) + [
            "{ ", "}", "{\"a\":\"}", "{\"a\":{}", "{\"a\":[{},1}", "{\"a\":1}  ",
        ]
    )
    func readsNothingBeyondTheBytes(_ text: String) {
        let bytes = Array(text.utf8)
        for count in 0...bytes.count {
            let scanner = TopLevelScanner(watching: Self.names, captureLimit: 64)
            let isAccepted = (try? bytes[..<count].map { try scanner.feed([$0].span) }) != nil && scanner.isFinished
            #expect(Self.isAcceptedAtTheEdge(Array(bytes[..<count])) == isAccepted, "after \(count)")
        }
    }
}

/// Random JSON documents, the same on every run.
struct GeneratedJSON {
    var numbers: SeededNumbers

    init(seed: UInt64) { self.numbers = SeededNumbers(state: seed) }

    mutating func members() -> [(String, String)] {
        var names = ["model", "stream", "user", "messages", "temperature", "tools", "x", "é", ""]
        names.shuffle(using: &self.numbers)
        return names.prefix(Int.random(in: 0...names.count, using: &self.numbers)).map { ($0, self.value(depth: 0)) }
    }

    static func text(_ members: [(String, String)], _ numbers: inout SeededNumbers) -> String {
        let space = ["", " ", "\n", "\t "]
        var blank: String { space.randomElement(using: &numbers)! }
        let written = members.map { "\(blank)\"\($0.0)\"\(blank):\(blank)\($0.1)\(blank)" }
        return "\(blank){\(written.joined(separator: ","))}\(blank)"
    }

    private mutating func value(depth: Int) -> String {
        switch Int.random(in: 0..<(depth < 4 ? 7 : 5), using: &self.numbers) {
        case 0: return "null"
        case 1: return Bool.random(using: &self.numbers) ? "true" : "false"
        case 2: return ["0", "-1", "3.25", "1e3", "-2.5E-2", "123456789"].randomElement(using: &self.numbers)!
        case 3, 4: return self.string()
        case 5: return "[" + (0..<3).map { _ in self.value(depth: depth + 1) }.joined(separator: ", ") + "]"
        default: return #"{"model":\#(self.value(depth: depth + 1)),"b":\#(self.value(depth: depth + 1))}"#
        }
    }

    private mutating func string() -> String {
        let parts = [
            "a", "model", "long enough for a vector of sixteen", "\\\"", "\\\\", "\\n", "\\u00e9", "\\ud83d\\ude00",
            "é",
            "😀", "{", "}", "[", "]", ",", ":", "\\/",
        ]
        let count = Int.random(in: 0...6, using: &self.numbers)
        return "\"" + (0..<count).map { _ in parts.randomElement(using: &self.numbers)! }.joined() + "\""
    }
}

/// SplitMix64: the same numbers on every run.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

/// Counts that are read from the end of a document, beside what reading all of it says.
struct CountsFromEndTests {
    static let counting = CountReader(["a", "details"], nested: [(1, ["b"])])

    static func fromEnd(_ text: String) -> [UInt64?]? {
        let scanner = TopLevelScanner(watching: ["usage", "id"], captureLimit: 64, counting: Self.counting)
        return scanner.countsFromEnd(Array(text.utf8).span, Self.values)
    }

    private static func values(_ counts: inout CountReader.Counts) -> [UInt64?] { [counts[0], counts[2]] }

    @Test(arguments: [
        #"{"usage":{"a":3,"details":{"b":4}}}"#,
        #"{"id":"x","choices":[{"text":"\"usage\":{\"a\":9}"}],"usage":{"details":{"b":4},"a":3}}"#,
        #"{"usage" : {"a":3,"details":{"b":4}} , "z":[1,{"y":"}"}],"s":"]","n":-1.5,"t":true}"# + " \r\n",
        #"{"choices":[{"usage":{"a":9}}],"usage":{"a":3,"details":{"b":4,"x":[{}]}},"o":{}}"#,
        #"{"long":"\#(String(repeating: "usage", count: 100))","usage":{"a":3,"details":{"b":4}}}"#,
    ])
    func saysWhatTheWholeDocumentSays(_ text: String) {
        let counts = Self.fromEnd(text)
        #expect(counts == [3, 4])
        let scanner = TopLevelScanner(watching: ["usage", "id"], captureLimit: 64, counting: Self.counting)
        #expect(throws: Never.self) { try scanner.feed(Array(text.utf8).span) }
        guard var whole = scanner.takeCounts() else {
            Issue.record("no counts")
            return
        }
        #expect(Self.values(&whole) == [3, 4])
    }

    /// Nil sends the reader to the beginning of the document.
    @Test(arguments: [
        "", "{", "[]", "{}", #"{"usage":null}"#, #"{"usage":[{"a":1}]}"#, #"{"usage":"usage"}"#,
        #"{"choices":[{"usage":{"a":9}}]}"#, #"{"choices":{"usage":{"a":9}},"id":1}"#,
        #"{"usage":{"a":1},"choices":{"usage":{"a":9}}}"#, #"{"x\"usage":{"a":9}}"#, #"{"usage":{"a":1},}"#,
        #"{"usage":{"a":1} "id":2}"#, #"{"usage":{"a":1},"id":2"#, #"{"usage":{"a":1}"#, #"{"usage":{"a":1},"id":}"#,
    ])
    func leavesTheRestToTheWholeReading(_ text: String) {
        #expect(Self.fromEnd(text) == nil)
    }

    @Test func findsTheNameInEveryPlaceOfABlock() {
        for padding in 0..<70 {
            let text =
                #"{"p":"\#(String(repeating: "u", count: padding))","usage":{"a":3},"q":"\#(String(repeating: "x", count: padding))"}"#
            #expect(Self.fromEnd(text)?[0] == 3)
        }
    }
}
