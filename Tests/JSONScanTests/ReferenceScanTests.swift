import Testing

@testable import JSONScan

struct ReferenceScanTests {
    static func strings(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return ReferenceScan.strings(named: ["file_id", "file_ids"], in: bytes.span).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test(
        arguments: [
            ("{}", []), (#"{"file_id":"a"}"#, ["a"]), (#"{ "file_id" : "a" , "x" : "b" }"#, ["a"]),
            (#"{"x":[{"y":{"file_id":"a"}},{"file_id":"b"}],"file_ids":["c","d"]}"#, ["a", "b", "c", "d"]),
            (#"{"f\u0069le_id":"\u0061"}"#, ["a"]), (#"{"x":"file_id","y":["file_id","a"]}"#, []),
            (#"{"x":"\"file_id\":\"a\""}"#, []), (#"{"file_id":null,"x":"a"}"#, []), (#"{"file_id":5,"x":["a"]}"#, []),
            (#"{"file_id":{"file_id":"a"},"x":"b"}"#, ["a"]), (#"{"file_ids":[["a"],"b"],"x":"c"}"#, ["a", "b"]),
            (#"{"file_ids":["a",{"x":"b"},"c"],"y":"d"}"#, ["a", "b", "c"]),
            (#"{"file_id":[{"file_id":"a"}],"y":["b"],"file_id":"c"}"#, ["a", "c"]), (#"{"file_ids":[],"x":"a"}"#, []),
            (#"{"xfile_id":"a","file_idx":"b","FILE_ID":"c"}"#, []),
        ] as [(String, [String])]
    )
    func findsEveryReference(_ text: String, _ ids: [String]) {
        #expect(Self.strings(text) == ids)
    }

    @Test(arguments: 0..<4) func theSearchAgreesWithThePlainOne(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        for _ in 0..<2000 {
            let parts = [
                "file_id", "file_i", "fi", "f", "xyz", "\\u0041", "\\u00", "\\u", String(repeating: "y", count: 14),
            ]
            let count = Int.random(in: 0...6, using: &numbers)
            let text = (0..<count).map { _ in parts.randomElement(using: &numbers)! }.joined()
            let bytes = Array(text.utf8)
            #expect(
                ReferenceScan.mayNameFiles(bytes.span) == (text.contains("file_id") || text.contains("\\u00"))
            )
        }
    }
}
