import Dialects
import GatewayModel
import JSONScan

/// A loop's readers of JSON answers, one for each dialect: they look for `usage` and `id`.
///
/// Most answers come in one piece and are read in one go, so that all exchanges of a loop can use the same reader: its
/// memory stays in the cache, and an idle connection has none.
final class AnswerReaders {
    private let openAI = AnswerReaders.makeReader(for: .openAIPlain)
    private let anthropic = AnswerReaders.makeReader(for: .anthropicMessages)

    private let gemini = AnswerReaders.makeReader(for: .geminiPlain)

    func reader(for format: WireFormat) -> TopLevelScanner {
        switch format.dialect {
        case .anthropic: self.anthropic
        case .gemini: self.gemini
        case .openAI, .azureOpenAI, .bedrock, .simulator: self.openAI
        }
    }

    /// A reader of its own, for an answer that comes in pieces.
    static func makeReader(for format: WireFormat) -> TopLevelScanner {
        TopLevelScanner(watching: [format.usageMember, "id"], captureLimit: 4096, counting: format.usageReader)
    }
}
