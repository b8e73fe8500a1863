import JSONScan

/// How Anthropic's models are told to think, on their own servers and on Bedrock (docs.anthropic.com, "Extended thinking").
enum AnthropicThinking {
    /// `max_tokens` and `thinking`: thoughts are part of the bound, and their budget must be smaller and at least 1024.
    /// `defaultMaxTokens` stands in where the client set no bound.
    static func settings(
        _ request: ChatRequest,
        _ defaultMaxTokens: Int,
        _ losses: inout LossLedger
    ) -> (maxTokens: Int, thinking: JSON?) {
        let given = request.sampling.maxTokens
        guard let reasoning = request.reasoning else { return (given ?? defaultMaxTokens, nil) }
        if reasoning.isOff { return (given ?? defaultMaxTokens, ["type": "disabled"]) }
        if AnthropicModel.thinksAdaptively(request.model) || reasoning.anyBudget == nil {
            return (given ?? defaultMaxTokens, ["type": "adaptive"])
        }
        var budget = max(reasoning.anyBudget ?? 0, 1024)
        if let given {
            if given <= 1024 {
                losses.dropped("reasoning", "thinking needs more than 1024 tokens, and `max_tokens` is \(given)")
                return (given, nil)
            }
            if budget >= given {
                budget = max(1024, given / 2)
                losses.changed("reasoning", "the budget must leave room within `max_tokens`: \(budget) tokens")
            }
        }
        return (given ?? budget + defaultMaxTokens, ["type": "enabled", "budget_tokens": .int(budget)])
    }
}
