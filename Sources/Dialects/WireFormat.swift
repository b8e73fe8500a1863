package import GatewayModel
import JSONScan

/// The grammar of one endpoint's answers: how its streams end and where its usage stands.
package enum WireFormat: Sendable, Equatable {
    case openAIChat
    case openAIResponses
    /// Every other endpoint of OpenAI's: a JSON object that may hold `usage`.
    case openAIPlain
    case anthropicMessages

    /// The dialect whose error shape a client of this endpoint expects.
    package var dialect: Dialect { self == .anthropicMessages ? .anthropic : .openAI }

    /// The usage in a whole JSON answer, given the bytes of its top-level `usage` member.
    package func usage(_ bytes: [UInt8]) -> TokenUsage {
        switch self {
        case .anthropicMessages: TokenUsage(anthropic: ObjectReader(bytes))
        case .openAIChat, .openAIResponses, .openAIPlain: TokenUsage(openAI: ObjectReader(bytes))
        }
    }
}
