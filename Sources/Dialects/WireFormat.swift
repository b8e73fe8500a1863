package import GatewayModel
package import JSONScan

/// The grammar of one endpoint's answers: how its streams end and where its usage stands.
package enum WireFormat: Sendable, Equatable {
    case openAIChat
    case openAIResponses
    /// Every other endpoint of OpenAI's: a JSON object that may hold `usage`.
    case openAIPlain
    case anthropicMessages

    /// The dialect whose error shape a client of this endpoint expects.
    package var dialect: Dialect { self == .anthropicMessages ? .anthropic : .openAI }

    /// Reads the counts of the top-level `usage` member of a whole JSON answer.
    package var usageReader: CountReader {
        self == .anthropicMessages ? TokenUsage.anthropicReader : TokenUsage.openAIReader
    }

    /// The usage in a whole JSON answer, given what `usageReader` has found in it.
    package func usage(_ counts: CountReader.Counts) -> TokenUsage {
        switch self {
        case .anthropicMessages:
            var usage = TokenUsage()
            usage.add(anthropic: counts)
            usage.source = .provider
            return usage
        case .openAIChat, .openAIResponses, .openAIPlain: return TokenUsage(openAI: counts)
        }
    }

    /// The same, given the bytes of the member.
    package func usage(_ bytes: [UInt8]) -> TokenUsage { self.usage(self.usageReader.read(bytes)) }
}
