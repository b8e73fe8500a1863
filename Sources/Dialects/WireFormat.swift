package import GatewayModel
package import JSONScan

/// The grammar of one endpoint's answers: how its streams end and where its usage stands.
@usableFromInline
package enum WireFormat: Sendable, Equatable {
    case openAIChat
    case openAIResponses
    /// Every other endpoint of OpenAI's: a JSON object that may hold `usage`.
    case openAIPlain
    case anthropicMessages
    /// Google's `generateContent`, and `streamGenerateContent` with `alt=sse`.
    case geminiGenerate
    /// Google's `streamGenerateContent` without `alt`: one JSON array, an element per chunk.
    case geminiArray
    /// Every other endpoint of Google's.
    case geminiPlain

    /// The dialect whose error shape a client of this endpoint expects.
    package var dialect: Dialect {
        switch self {
        case .openAIChat, .openAIResponses, .openAIPlain: .openAI
        case .anthropicMessages: .anthropic
        case .geminiGenerate, .geminiArray, .geminiPlain: .gemini
        }
    }

    /// The top-level member of a whole JSON answer that holds the usage.
    package var usageMember: StaticString { self.dialect == .gemini ? "usageMetadata" : "usage" }

    /// Reads the counts of that member.
    package var usageReader: CountReader {
        switch self.dialect {
        case .anthropic: TokenUsage.anthropicReader
        case .gemini: TokenUsage.geminiReader
        case .openAI, .azureOpenAI, .bedrock, .simulator: TokenUsage.openAIReader
        }
    }

    /// The usage in a whole JSON answer, given what `usageReader` has found in it.
    package func usage(_ counts: inout CountReader.Counts) -> TokenUsage {
        switch self {
        case .anthropicMessages:
            var usage = TokenUsage()
            usage.add(anthropic: &counts)
            usage.source = .provider
            return usage
        case .openAIChat, .openAIResponses, .openAIPlain: return TokenUsage(openAI: &counts)
        case .geminiGenerate, .geminiArray, .geminiPlain: return TokenUsage(gemini: &counts)
        }
    }

    /// The same, given the bytes of the member.
    package func usage(_ bytes: [UInt8]) -> TokenUsage {
        var counts = self.usageReader.read(bytes)
        return self.usage(&counts)
    }
}
