extension Vocabulary {
    /// The vocabulary that counts for a model, by the start of its name as clients write it; nil if nothing is known.
    ///
    /// `exact` says whether the counts are the provider's own for plain text. OpenAI's families are those of tiktoken's
    /// `model.py`; the others follow the publishers' own tokenizer files. A name may have a provider before it
    /// (`openai/gpt-4o`) and counts without regard to case. The cost is a walk through a short list.
    package static func forModel(_ name: String) -> (vocabulary: Vocabulary, isExact: Bool)? {
        let model = name.split(separator: "/").last.map { $0.lowercased() } ?? ""
        let family = Self.families.first { family in
            model.hasPrefix(family.start) && (family.isOpen || model.utf8.count == family.start.utf8.count)
        }
        return family.map { ($0.vocabulary, $0.isExact) }
    }

    private struct Family {
        let start: String
        let vocabulary: Vocabulary
        /// Whether names that go on behind `start` belong to it.
        let isOpen: Bool
        let isExact: Bool

        init(_ start: String, _ vocabulary: Vocabulary, isExact: Bool = true) {
            self.isOpen = start.hasSuffix("*")
            self.start = self.isOpen ? String(start.dropLast()) : start
            self.vocabulary = vocabulary
            self.isExact = isExact
        }
    }

    // The first that fits counts, so longer starts come before shorter ones.
    private static let families: [Family] = [
        // OpenAI: tiktoken, model.py.
        .init("gpt-5*", .o200kBase), .init("gpt-4.5*", .o200kBase), .init("gpt-4.1*", .o200kBase),
        .init("gpt-4o*", .o200kBase), .init("chatgpt-4o*", .o200kBase), .init("gpt-oss*", .o200kBase),
        .init("o1", .o200kBase), .init("o1-*", .o200kBase), .init("o3", .o200kBase), .init("o3-*", .o200kBase),
        .init("o4-mini*", .o200kBase), .init("ft:gpt-4o*", .o200kBase),
        .init("gpt-4", .cl100kBase), .init("gpt-4-*", .cl100kBase), .init("gpt-3.5*", .cl100kBase),
        .init("gpt-35-turbo*", .cl100kBase), .init("ft:gpt-4", .cl100kBase), .init("ft:gpt-4-*", .cl100kBase),
        .init("ft:gpt-4:*", .cl100kBase), .init("ft:gpt-3.5-turbo*", .cl100kBase),
        .init("davinci-002", .cl100kBase), .init("babbage-002", .cl100kBase),
        .init("text-embedding-ada-002", .cl100kBase), .init("text-embedding-3-*", .cl100kBase),
        .init("text-davinci-002", .p50kBase), .init("text-davinci-003", .p50kBase), .init("code-davinci-*", .p50kBase),
        .init("code-cushman-*", .p50kBase),
        // Anthropic: the file was published for Claude 1 and 2.
        .init("claude-1*", .claude), .init("claude-2*", .claude), .init("claude-instant*", .claude),
        .init("claude*", .claude, isExact: false),
        // Alibaba: Qwen to Qwen2.5 share the merges; of newer ones it is not certain.
        .init("qwen2.5*", .qwen), .init("qwen2-*", .qwen), .init("qwen1.5*", .qwen), .init("qwen-*", .qwen),
        .init("qwen*", .qwen, isExact: false),
        // DeepSeek: V3 and R1; hosted names follow the newest model.
        .init("deepseek-v3*", .deepSeek), .init("deepseek-r1", .deepSeek),
        .init("deepseek-*", .deepSeek, isExact: false),
        // Mistral AI: tekken came with Nemo.
        .init("open-mistral-nemo*", .tekken), .init("mistral-nemo*", .tekken), .init("pixtral*", .tekken),
        .init("ministral*", .tekken, isExact: false), .init("mistral-*", .tekken, isExact: false),
        .init("codestral*", .tekken, isExact: false), .init("magistral*", .tekken, isExact: false),
        .init("devstral*", .tekken, isExact: false),
    ]
}
