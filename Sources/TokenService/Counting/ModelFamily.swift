package import Tokenizer

/// What is needed to count for a model: its vocabulary, how its provider frames a conversation, and whether the vocabulary
/// is really the model's.
package struct ModelFamily: Sendable {
    package let vocabulary: Vocabulary
    let rules: PromptRules
    /// The ids are those that the model sees.
    package let hasVocabulary: Bool

    /// The family of a model by its name, whatever router's prefix stands before it; nil when the name says nothing.
    package init?(model name: String) {
        let name = name.lowercased().split(separator: "/").last.map(String.init) ?? ""
        let begins = { (beginnings: [String]) in beginnings.contains { name.hasPrefix($0) } }
        // OpenAI's table, github.com/openai/tiktoken, tiktoken/model.py.
        if begins([
            "gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "o1", "o3", "o4", "chatgpt-4o", "gpt-oss", "ft:gpt-4o",
            "ft:gpt-4.1",
        ]) {
            self.init(.o200kBase, .openAI(name), true)
        } else if begins(["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-", "ft:gpt-4", "ft:gpt-3.5"]) {
            self.init(.cl100kBase, .openAI(name), true)
        } else if begins(["text-davinci-", "code-davinci-", "davinci-002", "babbage-002"]) {
            self.init(.p50kBase, .openAI(name), begins(["text-davinci-", "code-davinci-"]))
        } else if name.contains("claude") {
            self.init(.claude, .anthropic, begins(["claude-1", "claude-2", "claude-instant"]))
        } else if name.contains("gemini") || name.contains("gemma") {
            // Google's vocabulary is not here; o200k has about its size.
            self.init(.o200kBase, .gemini, false)
        } else if name.contains("qwen") || begins(["qwq", "qvq"]) {
            self.init(.qwen, .open, true)
        } else if name.contains("deepseek") {
            // Those distilled into other models keep the other's vocabulary.
            self.init(.deepSeek, .open, !name.contains("distill"))
        } else if begins([
            "mistral-nemo", "open-mistral-nemo", "pixtral", "ministral", "magistral", "mistral-small", "devstral",
        ]) {
            self.init(.tekken, .open, true)
        } else if name.contains("mistral") || name.contains("mixtral") || name.contains("codestral") {
            self.init(.tekken, .open, false)
        } else {
            return nil
        }
    }

    init(_ vocabulary: Vocabulary, _ rules: PromptRules, _ hasVocabulary: Bool) {
        self.vocabulary = vocabulary
        self.rules = rules
        self.hasVocabulary = hasVocabulary
    }

    /// Where nothing is known of a model: a vocabulary of today's size, as an estimate.
    package static let unknown = ModelFamily(.o200kBase, .open, false)
}
