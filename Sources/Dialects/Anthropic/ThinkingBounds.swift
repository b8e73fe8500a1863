import JSONScan

/// `max_tokens` and `thinking` for Anthropic's models, there and on Bedrock: thoughts are part of the bound, and their
/// budget must be smaller than it and at least 1024 (docs.anthropic.com, "Extended thinking", "Adaptive thinking").
struct ThinkingBounds {
    private(set) var maxTokens: Int
    /// The client, or the thoughts, set the bound; else it is the default, which not every dialect needs.
    private(set) var isGiven: Bool
    private(set) var thinking: JSON?
    /// `output_config.effort`.
    private(set) var effort: String?

    /// The model will think, which fixes how tokens are chosen.
    var thinks: Bool { self.thinking != nil && self.thinking?["type"] != "disabled" }

    init(_ request: ChatRequest, _ defaultMaxTokens: Int, _ losses: inout LossLedger, isClaude: Bool = true) {
        let given = request.sampling.maxTokens
        self.maxTokens = given ?? defaultMaxTokens
        self.isGiven = given != nil
        guard isClaude, let reasoning = request.reasoning else { return }
        if reasoning.isOff {
            self.thinking = ["type": "disabled"]
        } else if AnthropicModel.thinksAdaptively(request.model) {
            // The newest models keep their thoughts to themselves unless asked; other clients show what they get.
            self.thinking = [
                "type": "adaptive", "display": reasoning.showsThoughts == false ? "omitted" : "summarized",
            ]
            self.effort = reasoning.anyEffort.map { $0 == "minimal" ? "low" : $0 }
            if reasoning.effort == "minimal" { losses.changed("reasoning_effort", "`minimal` becomes `low`") }
            if reasoning.effort == nil, reasoning.budget != nil {
                losses.changed("reasoning", "a budget of tokens becomes a level")
            }
        } else {
            let wanted = reasoning.anyBudget.flatMap { $0 > 0 ? $0 : nil } ?? Reasoning.budget(of: "medium")
            self.setBudget(max(wanted, 1024), given, &losses)
            if reasoning.showsThoughts == false {
                losses.changed("thinking.display", "this model shows what it thinks")
            }
            if self.thinking != nil, reasoning.budget == nil {
                losses.changed("reasoning_effort", "a level becomes a budget of tokens")
            }
        }
    }

    /// Lists what models that choose tokens themselves refuse; 1 is what they take anyway.
    func listSampling(_ sampling: Sampling, _ losses: inout LossLedger) {
        let why = "this model chooses its tokens itself"
        if let value = sampling.temperature, value.double != 1 { losses.dropped("temperature", why) }
        if let value = sampling.topP, value.double != 1 { losses.dropped("top_p", why) }
        losses.dropped("top_k", ifPresent: sampling.topK, why)
    }

    private mutating func setBudget(_ wanted: Int, _ given: Int?, _ losses: inout LossLedger) {
        var budget = wanted
        if let given {
            guard given > 1024 else {
                losses.dropped("reasoning", "thinking needs more than 1024 tokens, and `max_tokens` is \(given)")
                return
            }
            if budget >= given {
                budget = max(1024, given / 2)
                losses.changed("reasoning", "the budget must leave room within `max_tokens`: \(budget) tokens")
            }
        } else {
            self.maxTokens += budget
            self.isGiven = true
        }
        self.thinking = ["type": "enabled", "budget_tokens": .int(budget)]
    }
}

/// What a model's name says about its abilities.
enum AnthropicModel {
    /// Models since 4.6 judge themselves how much to think; earlier ones are given a budget.
    static func thinksAdaptively(_ model: String) -> Bool {
        let model = Self.hyphenated(model)
        guard model.contains("claude") else { return false }
        let earlier = ["claude-3", "-4-0", "-4-1", "-4-5", "-4-2025", "claude-2", "claude-v2", "claude-instant"]
        return !earlier.contains { model.contains($0) }
    }
    /// Models since Opus 4.7 refuse any other choice of tokens than their own (platform.claude.com, "Migration guide").
    static func choosesTokensItself(_ model: String) -> Bool {
        Self.thinksAdaptively(model) && !Self.hyphenated(model).contains("-4-6")
    }

    /// Some write the version with a point.
    private static func hyphenated(_ model: String) -> String {
        String(model.map { $0 == "." ? "-" : $0 })
    }
}
