internal import Dialects
internal import GatewayModel

/// How a provider makes tokens of what a call's body holds beside its plain texts: the frame of each message, tools, pictures.
struct PromptRules: Sendable, Equatable {
    /// Tokens of every message, of a participant's name, and of the beginning of the answer.
    var perMessage: Int
    var perName: Int
    var perAnswer: Int
    /// The role is a text of its own.
    var countsRole: Bool
    var tools: ToolRule
    var images: ImageRule
    /// The provider documents the rule for conversations of texts, and it is exact for them.
    var isDocumented: Bool

    /// How tools become tokens.
    enum ToolRule: Sendable, Equatable {
        /// OpenAI writes schemas in a form of its own; the numbers are those of its cookbook ("How to count tokens with
        /// tiktoken", "Counting tokens for tool calls", github.com/openai/openai-cookbook), which it calls estimates.
        case functions(perFunction: Int)
        /// The schema as JSON, and this many tokens for the frame.
        case schema(frame: Int)
    }

    /// How pictures become tokens.
    enum ImageRule: Sendable, Equatable {
        /// Tiles of 512 pixels of a picture scaled to 2048, and its shorter side to 768
        /// (platform.openai.com/docs/guides/images-vision, "Calculating costs").
        case tiles(base: Int, tile: Int)
        /// Patches of 32 pixels, 1536 at most, times a factor in hundredths (the same page).
        case patches(hundredths: Int)
        /// Pixels of a picture scaled to 1568 on its longer side, by 750
        /// (docs.claude.com/en/docs/build-with-claude/vision, "Calculate image costs").
        case area
        /// 258 tokens, or as much for each tile of 768 pixels when a side is longer than 384
        /// (ai.google.dev/gemini-api/docs/tokens, "Images").
        case gemini
        /// Not known.
        case unknown
    }

    /// OpenAI's, for a model's name.
    static func openAI(_ model: String) -> Self {
        let model = model.lowercased()
        let images: ImageRule =
            if model.hasPrefix("gpt-4.1-mini") || model.hasPrefix("gpt-5-mini") {
                .patches(hundredths: 162)
            } else if model.hasPrefix("gpt-4.1-nano") || model.hasPrefix("gpt-5-nano") {
                .patches(hundredths: 246)
            } else if model.hasPrefix("o4-mini") {
                .patches(hundredths: 172)
            } else if model.hasPrefix("gpt-4o-mini") {
                .tiles(base: 2833, tile: 5667)
            } else if model.hasPrefix("o1") || model.hasPrefix("o3") {
                .tiles(base: 75, tile: 150)
            } else if model.hasPrefix("gpt-5") {
                .tiles(base: 70, tile: 140)
            } else {
                .tiles(base: 85, tile: 170)
            }
        // The cookbook: a function costs 7 tokens with gpt-4o, 10 with the models before it.
        let perFunction = model.hasPrefix("gpt-4-") || model == "gpt-4" || model.hasPrefix("gpt-3.5") ? 10 : 7
        return Self(
            perMessage: 3,
            perName: 1,
            perAnswer: 3,
            countsRole: true,
            tools: .functions(perFunction: perFunction),
            images: images,
            // The frame is documented for the chat models; reasoning models have been seen with another one.
            isDocumented: !model.hasPrefix("o") && !model.hasPrefix("gpt-5")
        )
    }

    /// Anthropic's: no frame is documented. Four tokens for a turn are what its counting endpoint shows for short ones.
    static let anthropic = Self(
        perMessage: 4,
        perName: 0,
        perAnswer: 3,
        countsRole: false,
        tools: .schema(frame: 10),
        images: .area,
        isDocumented: false
    )

    static let gemini = Self(
        perMessage: 0,
        perName: 0,
        perAnswer: 0,
        countsRole: false,
        tools: .schema(frame: 0),
        images: .gemini,
        isDocumented: false
    )

    /// Open models are served behind templates that differ with server and version.
    static let open = Self(
        perMessage: 4,
        perName: 0,
        perAnswer: 3,
        countsRole: true,
        tools: .schema(frame: 8),
        images: .unknown,
        isDocumented: false
    )
}

extension PromptRules {
    /// The tokens of a whole prompt, of whose texts `count` knows the tokens. Nil as exactness: not known.
    func count(_ prompt: PromptParts, _ count: (String) -> Int) -> (tokens: Int, isExact: Bool) {
        if prompt.isPlain { return (prompt.messages.flatMap(\.texts).reduce(0) { $0 + count($1) }, true) }
        var tokens = self.perAnswer
        for message in prompt.messages {
            tokens += self.perMessage + (self.countsRole ? count(message.role) : 0)
            tokens += message.texts.reduce(0) { $0 + count($1) }
            if let name = message.name { tokens += self.perName + count(name) }
        }
        tokens += self.tools(prompt.tools, count)
        tokens += prompt.images.reduce(0) { $0 + self.tokens(of: $1) }
        let isText = prompt.tools.isEmpty && prompt.images.isEmpty && prompt.opaqueParts == 0
        return (tokens, self.isDocumented && isText)
    }

    // MARK: tools

    private func tools(_ tools: [PromptParts.Tool], _ count: (String) -> Int) -> Int {
        guard !tools.isEmpty else { return 0 }
        switch self.tools {
        case .schema(let frame):
            return tools.reduce(0) { sum, tool in
                sum + frame + count(tool.name) + count(tool.description)
                    + count(String(decoding: tool.schema, as: UTF8.self))
            }
        case .functions(let perFunction):
            return tools.reduce(12) { $0 + perFunction + Self.function($1, count) }
        }
    }

    /// The cookbook's numbers: 3 for having properties, 3 for each, -3 and 3 for each value of an enumeration.
    private static func function(_ tool: PromptParts.Tool, _ count: (String) -> Int) -> Int {
        var tokens = count(tool.name + ":" + tool.description.trimmingEnd("."))
        let properties = (try? DocumentValue(json: tool.schema))?["properties"]?.object?.fields ?? []
        guard !properties.isEmpty else { return tokens }
        tokens += 3
        for property in properties {
            tokens += 3
            if let values = property.value["enum"]?.array {
                tokens += values.reduce(-3) { $0 + 3 + count($1.string ?? String(decoding: $1.json(), as: UTF8.self)) }
            }
            let type = property.value["type"]?.string ?? ""
            let description = (property.value["description"]?.string ?? "").trimmingEnd(".")
            tokens += count("\(property.name):\(type):\(description)")
        }
        return tokens
    }

    // MARK: pictures

    /// A picture whose size is not in the body is taken for one of 1024 × 1024.
    private func tokens(of image: PromptParts.Image) -> Int {
        let (width, height) = (max(1, image.width ?? 1024), max(1, image.height ?? 1024))
        switch self.images {
        case .tiles(let base, let tile):
            if image.detail == "low" { return base }
            let (scaledWidth, scaledHeight) = Self.fitted(width, height)
            return base + tile * Self.ceiling(scaledWidth, 512) * Self.ceiling(scaledHeight, 512)
        case .patches(let hundredths):
            return min(1536, Self.ceiling(width, 32) * Self.ceiling(height, 32)) * hundredths / 100
        case .area:
            let longer = max(width, height)
            let (numerator, denominator) = longer > 1568 ? (1568, longer) : (1, 1)
            return Self.ceiling(width * numerator / denominator * (height * numerator / denominator), 750)
        case .gemini:
            guard width > 384 || height > 384 else { return 258 }
            return 258 * Self.ceiling(width, 768) * Self.ceiling(height, 768)
        case .unknown: return 0
        }
    }

    /// Into a square of 2048, then the shorter side down to 768.
    private static func fitted(_ width: Int, _ height: Int) -> (Int, Int) {
        var (width, height) = (width, height)
        let longer = max(width, height)
        if longer > 2048 { (width, height) = (width * 2048 / longer, height * 2048 / longer) }
        let shorter = min(width, height)
        if shorter > 768 { (width, height) = (width * 768 / shorter, height * 768 / shorter) }
        return (max(1, width), max(1, height))
    }

    private static func ceiling(_ number: Int, _ divisor: Int) -> Int { (number + divisor - 1) / divisor }
}

extension String {
    fileprivate func trimmingEnd(_ end: Character) -> String { self.last == end ? String(self.dropLast()) : self }
}
