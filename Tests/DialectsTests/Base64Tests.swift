import Testing

@testable import Dialects

struct Base64Tests {
    @Test(arguments: [
        ("-_-_", "+/+/"), ("_w", "/w=="), ("AAA-", "AAA+"), ("+/+/", "+/+/"), ("QQ==", "QQ=="),
        ("not-base64!", "not-base64!"),
    ])
    func writesTheAlphabetThatEveryProviderReads(_ text: String, _ expected: String) {
        #expect(Base64.standard(text) == expected)
    }
}
