internal import CTokenizerTables

/// The vocabularies that ship with the gateway. Origins and licences: Sources/CTokenizerTables/README.md.
package enum Vocabulary: String, CaseIterable, Sendable {
    case cl100kBase = "cl100k_base"
    case o200kBase = "o200k_base"
    case p50kBase = "p50k_base"
    case claude
    case qwen
    case deepSeek = "deepseek"
    case tekken

    /// Where the published file is from.
    package var origin: String {
        switch self {
        case .cl100kBase, .o200kBase, .p50kBase: "OpenAI, tiktoken's encoding \(self.rawValue)"
        case .claude: "Anthropic, the tokenizer of its SDK until 2023"
        case .qwen: "Alibaba Cloud, qwen.tiktoken of its SDK dashscope"
        case .deepSeek: "DeepSeek, tokenizer.json of DeepSeek-V3"
        case .tekken: "Mistral AI, tekken_240911.json of mistral-common"
        }
    }

    /// The licence that the package with the file declares.
    package var licence: String {
        switch self {
        case .cl100kBase, .o200kBase, .p50kBase, .claude, .deepSeek: "MIT"
        case .qwen, .tekken: "Apache-2.0"
        }
    }

    /// What to know before relying on its counts, or nil.
    package var note: String? {
        switch self {
        case .claude:
            """
            approximate: newer models use a tokenizer that is not published; and compatibility characters, which the \
            original normalises (NFKC) first, are counted as they are
            """
        default: nil
        }
    }
}

extension Vocabulary {
    /// The id of rank 0.
    var firstID: UInt32 { self == .tekken ? 1000 : 0 }

    var table: tokenizer_table { tokenizer_vocabulary(self.tableNumber) }

    private var tableNumber: Int32 {
        switch self {
        case .cl100kBase: 0
        case .o200kBase: 1
        case .p50kBase: 2
        case .claude: 3
        case .qwen: 4
        case .deepSeek: 5
        case .tekken: 6
        }
    }

    var grammar: PieceGrammar {
        switch self {
        case .cl100kBase: .cl100k
        case .o200kBase: .o200k
        case .p50kBase, .claude: .gpt2
        case .qwen: .qwen
        case .deepSeek: .deepSeek
        case .tekken: .tekken
        }
    }

    /// tiktoken runs on Rust's regular expressions, Hugging Face's tokenizers on Oniguruma.
    var engine: CharacterClasses.Engine {
        switch self {
        case .claude, .deepSeek: .oniguruma
        default: .rust
        }
    }
}
