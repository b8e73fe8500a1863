import JSONScan

/// How likely a token was, as `logprobs` tell it: made up, but the same for the same token.
enum TokenOdds {
    /// The most alternatives that a request may ask for.
    static let maximumAlternatives = 20

    /// One entry of `content`, with the token itself first among its alternatives.
    static func json(_ piece: String, alternatives: Int) -> JSON {
        let seed = Text.seed(piece)
        let first = -Double(seed % 100) / 1000
        let others = (1..<max(1, alternatives)).map { place in
            Self.entry(" " + Text.word(place, seed: seed), first - Double(place))
        }
        let entry = Self.entry(piece, first)
        return entry.setting("top_logprobs", .array(alternatives > 0 ? [entry] + others : []))
    }

    private static func entry(_ token: String, _ odds: Double) -> JSON {
        ["token": .string(token), "logprob": .double(odds), "bytes": .array(token.utf8.map { .int(Int($0)) })]
    }
}
