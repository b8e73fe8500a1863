/// Texts that tokenizers trip over, made from a seed.
enum Texts {
    private static let snippets = [
        "a", "B", "s", "t", "LL", "re", "ve", "d", "'", "'s", "'ll", "'RE", "\u{17F}", " ", "  ", "\t", "\n", "\r\n",
        "\u{A0}",
        "\u{2028}", "1", "23", "٣", "½", ".", "/", "...", "!", "-", "é", "e\u{301}", "ǅ", "漢", "字", "かな", "・",
        "\u{3099}",
        "한국", "ไทย", "مرحبا", "🙂", "👩‍💻", "\u{0}", "\u{7F}", "\u{AD}", "<|endoftext|>", "return", "  return", "的", "我们",
    ]

    static func random(count: Int, seed: UInt64) -> [[UInt8]] {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        return (0..<count).map { _ in
            var text: [UInt8] = []
            for _ in 0..<next(40) {
                if next(20) == 0 { text.append(UInt8(next(256))) }
                let snippet = Array(Self.snippets[next(Self.snippets.count)].utf8)
                for _ in 0..<(next(8) == 0 ? next(30) : 1) { text += snippet }
            }
            return text
        }
    }
}
