package import Tokenizer

/// What is needed to count for a model: its vocabulary, how its provider frames a conversation, and whether the vocabulary
/// is really the model's.
package struct ModelFamily: Sendable {
    package let vocabulary: Vocabulary
    let rules: PromptRules
    /// The ids are those that the model sees.
    package let hasVocabulary: Bool

    /// The family of a model by its name, whatever provider's prefix stands before it; nil when the name says nothing.
    package init?(model name: String) {
        let model = name.split(separator: "/").last.map { $0.lowercased() } ?? ""
        if let (vocabulary, isExact) = Vocabulary.forModel(model) {
            self.init(vocabulary, Self.rules(vocabulary, model), isExact)
        } else if model.contains("claude") {
            // As Bedrock and Vertex call them: `anthropic.claude-…`.
            self.init(.claude, .anthropic, false)
        } else if model.contains("gemini") || model.contains("gemma") {
            // Google's vocabulary is not here; o200k has about its size.
            self.init(.o200kBase, .gemini, false)
        } else {
            return nil
        }
    }

    /// A vocabulary by itself.
    init(encoding vocabulary: Vocabulary) { self.init(vocabulary, .open, true) }

    private init(_ vocabulary: Vocabulary, _ rules: PromptRules, _ hasVocabulary: Bool) {
        self.vocabulary = vocabulary
        self.rules = rules
        self.hasVocabulary = hasVocabulary
    }

    private static func rules(_ vocabulary: Vocabulary, _ model: String) -> PromptRules {
        switch vocabulary {
        case .cl100kBase, .o200kBase, .p50kBase: model.hasPrefix("gpt-oss") ? .open : .openAI(model)
        case .claude: .anthropic
        case .qwen, .deepSeek, .tekken: .open
        }
    }

    /// Where nothing is known of a model: a vocabulary of today's size, as an estimate.
    package static let unknown = ModelFamily(.o200kBase, .open, false)
}
