package import GatewayModel
import JSONScan

extension TokenUsage {
    /// Where the counts stand in `reader`.
    private enum Place {
        static let promptTokens = 0
        static let inputTokens = 1
        static let completionTokens = 2
        static let outputTokens = 3
        static let promptDetails = 4
        static let inputDetails = 5
        static let completionDetails = 6
        static let outputDetails = 7
        /// The first count of each details object: four of an input's, three of an output's.
        static func details(_ object: Int) -> Int {
            8 + 4 * min(object - Place.promptDetails, 2) + 3 * max(object - Place.completionDetails, 0)
        }
    }

    private static let inputDetails: [StaticString] = [
        "cached_tokens", "audio_tokens", "image_tokens", "cache_write_tokens",
    ]
    private static let outputDetails: [StaticString] = ["reasoning_tokens", "audio_tokens", "image_tokens"]

    /// Reads the counts of OpenAI's `usage` object.
    static let openAIReader = CountReader(
        [
            "prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "prompt_tokens_details",
            "input_tokens_details", "completion_tokens_details", "output_tokens_details",
        ],
        nested: [
            (Place.promptDetails, Self.inputDetails),
            (Place.inputDetails, Self.inputDetails),
            (Place.completionDetails, Self.outputDetails),
            (Place.outputDetails, Self.outputDetails),
        ]
    )

    /// OpenAI's `usage` object: of chat and completions (`prompt_tokens`, `completion_tokens`), or of responses, images
    /// and embeddings (`input_tokens`, `output_tokens`).
    ///
    /// The details are parts of the totals there (platform.openai.com/docs/api-reference, "usage"); here each token is
    /// counted once, so they are taken out of the totals.
    package init(openAI usage: [UInt8]) {
        var counts = Self.openAIReader.read(usage)
        self.init(openAI: &counts)
    }

    /// The same of what `openAIReader` has found.
    init(openAI counts: inout CountReader.Counts) {
        self.init()
        let input = counts[Place.promptTokens] ?? counts[Place.inputTokens] ?? 0
        let output = counts[Place.completionTokens] ?? counts[Place.outputTokens] ?? 0
        let of = Place.details(counts.has(Place.promptDetails) ? Place.promptDetails : Place.inputDetails)
        let by = Place.details(counts.has(Place.completionDetails) ? Place.completionDetails : Place.outputDetails)
        self.read(&counts, input: input, output: output, of: of, by: by)
    }

    /// Where the counts stand in `realtimeReader`: the totals, the two objects, and what is in them.
    private static let realtimeReader = CountReader(
        ["input_tokens", "output_tokens", "input_token_details", "output_token_details"],
        nested: [
            (2, Self.inputDetails),
            (3, Self.outputDetails),
        ]
    )

    /// The `usage` of one answer of a realtime session, whose details have names of their own.
    init(realtime usage: [UInt8]) {
        self.init()
        var counts = Self.realtimeReader.read(usage)
        let (input, output) = (counts[0] ?? 0, counts[1] ?? 0)
        self.read(&counts, input: input, output: output, of: 4, by: 8)
    }

    /// Takes the parts out of the totals; `of` and `by` are the first count of either's details.
    private mutating func read(_ counts: inout CountReader.Counts, input: UInt64, output: UInt64, of: Int, by: Int) {
        self.cachedInput = min(counts[of] ?? 0, input)
        // Of models that charge for it, and of servers that pass on Anthropic's.
        self.cacheWrite = min(counts[of + 3] ?? 0, input - self.cachedInput)
        var rest = input - self.cachedInput - self.cacheWrite
        let audioIn = min(counts[of + 1] ?? 0, rest)
        rest -= audioIn
        let imageIn = min(counts[of + 2] ?? 0, rest)
        self.input = rest - imageIn
        self.reasoning = min(counts[by] ?? 0, output)
        let audioOut = min(counts[by + 1] ?? 0, output - self.reasoning)
        let imageOut = min(counts[by + 2] ?? 0, output - self.reasoning - audioOut)
        self.output = output - self.reasoning - audioOut - imageOut
        self.audio = audioIn + audioOut
        self.image = imageIn + imageOut
        self.audioOutput = audioOut
        self.imageOutput = imageOut
        self.source = .provider
    }
}
