import GatewayModel
import JSONScan

extension TokenUsage {
    /// Reads the counts of Google's `usageMetadata`.
    static let geminiReader = CountReader([
        "promptTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount", "candidatesTokenCount",
        "thoughtsTokenCount",
    ])

    /// Google's `usageMetadata`: what is cached is part of the prompt's count, thoughts stand beside the candidates'
    /// (ai.google.dev/api/generate-content#usagemetadata).
    init(gemini counts: inout CountReader.Counts) {
        self.init()
        let prompt = (counts[0] ?? 0) &+ (counts[1] ?? 0)
        self.cachedInput = min(counts[2] ?? 0, prompt)
        self.input = prompt.less(self.cachedInput)
        self.output = counts[3] ?? 0
        self.reasoning = counts[4] ?? 0
        self.source = .provider
    }
}
