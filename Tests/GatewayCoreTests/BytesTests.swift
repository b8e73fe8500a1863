import GatewayModel
import Testing

@testable import GatewayCore

struct SipHashTests {
    /// The reference implementation's vectors for 128 bits (`vectors_sip128`): key 00…0f, input 00 01 02 ….
    @Test(arguments: [
        (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
        (2, "8177228da4a45dc7fca38bdef60affe4"), (3, "9c70b60c5267a94e5f33b6b02985ed51"),
        (7, "a1f1ebbed8dbc153c0b84aa61ff08239"), (8, "3b62a9ba6258f5610f83e264f31497b4"),
        (9, "264499060ad9baabc47f8b02bb6d71ed"), (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
        (16, "6ee2a4ca67b054bbfd3315bf85230577"), (63, "5150d1772f50834a503e069a973fbd7c"),
    ])
    func agreesWithTheAuthorsVectors(_ count: Int, _ expected: String) {
        let hash = SipHash(key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
        let input = (0..<count).map { UInt8($0) }
        let result = input.withUnsafeBytes { hash.hash($0) }
        let bytes = [result.high, result.low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        #expect(digits.joined() == expected)
    }

    @Test func everyProcessHasItsOwnKey() {
        let input = Array("key".utf8)
        let hashes = (0..<8).map { _ in input.withUnsafeBytes { SipHash().hash($0) } }
        #expect(Set(hashes).count == 8)
    }
}

struct BytesTableTests {
    static func find(_ table: BytesTable, _ key: String) -> Int? { Array(key.utf8).withUnsafeBytes { table.find($0) } }

    @Test func findsEveryKeyAndNoOther() {
        let entries = (0..<2000).map { ("model-\($0)", $0) }
        let table = BytesTable(entries)
        for (key, value) in entries { #expect(Self.find(table, key) == value) }
        for index in 2000..<4000 { #expect(Self.find(table, "model-\(index)") == nil) }
        #expect(Self.find(table, "") == nil && Self.find(table, "model-1\u{0}") == nil)
    }

    @Test func anEmptyTableAndTheEmptyKeyWork() {
        #expect(Self.find(BytesTable([]), "a") == nil && Self.find(BytesTable([]), "") == nil)
        #expect(Self.find(BytesTable([("", 3)]), "") == 3)
    }

    @Test func theFirstOfEqualKeysWins() {
        #expect(Self.find(BytesTable([("a", 1), ("a", 2)]), "a") == 1)
    }
}

struct NamePatternTests {
    @Test(arguments: [
        ("gpt-4o", "gpt-4o", true), ("gpt-4o", "gpt-4o-mini", false), ("gpt-4o", "gpt-4", false),
        ("gpt-4o", "GPT-4O", false),
        ("*", "", true), ("*", "anything/at all", true), ("", "", true), ("", "a", false), ("gpt-*", "gpt-", true),
        ("gpt-*", "gpt", false), ("*-mini", "gpt-mini", true), ("*-mini", "-mini-", false), ("a*b*c", "abc", true),
        ("a*b*c", "aXbXbYc", true), ("a*b*c", "acb", false), ("**", "x", true), ("a**b", "ab", true),
        ("/v1/files*", "/v1/files/file-1/content", true), ("*a*a*a*", "aa", false), ("*a*a*a*", "banana", true),
        ("a.c", "abc", false), ("a?c", "abc", false), ("é*", "éa", true),
    ])
    func matches(_ pattern: String, _ name: String, _ fits: Bool) {
        #expect(NamePattern(pattern).matches(name) == fits)
    }

    @Test func manyStarsCostNoMoreThanTheirProduct() {
        let pattern = NamePattern(String(repeating: "*a", count: 100) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 5000)))
    }

    @Test func ordersBySpecificity() {
        let patterns = ["*", "g*", "gpt-*", "gpt-*-mini", "gpt-4o"].map { NamePattern($0).specificity }
        #expect(patterns == patterns.sorted() && Set(patterns).count == 5)
    }
}
