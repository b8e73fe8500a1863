import JSONScan

/// A call for a chat answer in no provider's words: what every dialect is read into and written from.
///
/// Numbers whose exact text matters to nobody but the provider (`temperature` …) stay JSON, so that they arrive as sent.
struct ChatRequest: Sendable, Equatable {
    var model = ""
    /// In the order of the conversation; the system's words stand where the client put them.
    var messages: [Message] = []
    var tools: [Tool] = []
    var toolChoice: ToolChoice?
    /// Whether one answer may hold several tool calls.
    var allowsParallelCalls: Bool?
    var responseFormat: ResponseFormat?
    var sampling = Sampling()
    var reasoning: Reasoning?
    var stream = false
    /// The client wants the usage at the end of a stream.
    var includesUsage = false
    var user: String?
    var metadata: JSON?
    var serviceTier: String?
}

/// Whose words a message holds. A tool's results are parts of a user's message, as in Anthropic's and Google's dialects.
enum Role: Sendable, Equatable {
    case system, developer, user, assistant

    /// Instructions rather than conversation.
    var isSystem: Bool { self == .system || self == .developer }
}

/// One turn of the conversation.
struct Message: Sendable, Equatable {
    var role: Role
    var parts: [Part]
    /// OpenAI's name of a participant.
    var name: String?

    init(_ role: Role, _ parts: [Part], name: String? = nil) {
        self.role = role
        self.parts = parts
        self.name = name
    }
}

/// A function that the model may call.
struct Tool: Sendable, Equatable {
    var name: String
    var description: String?
    /// The JSON schema of the arguments.
    var parameters: JSON?
    var strict: Bool?
    var cache: CacheMark?
}

/// Which tools the model may or must call.
enum ToolChoice: Sendable, Equatable {
    case auto, forbidden, required
    case tool(String)
}

/// The form that the answer's text must have.
enum ResponseFormat: Sendable, Equatable {
    case object
    case schema(name: String?, description: String?, schema: JSON, strict: Bool?)
}

/// What shapes the choice of tokens.
struct Sampling: Sendable, Equatable {
    var maxTokens: Int?
    var temperature: JSON?
    var topP: JSON?
    var topK: JSON?
    var stop: [String] = []
    var seed: JSON?
    var presencePenalty: JSON?
    var frequencyPenalty: JSON?
    /// How many answers.
    var count: Int?
    var logprobs: Bool?
    var topLogprobs: Int?
}

/// How much the model should think before it answers.
struct Reasoning: Sendable, Equatable {
    /// Thinking is turned off.
    var isOff = false
    /// A level in OpenAI's words: `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    var effort: String?
    /// A bound in tokens.
    var budget: Int?
    /// The client wants to read the thoughts, or a summary of them.
    var showsThoughts: Bool?

    /// The tokens that a level stands for: Google's own table for OpenAI clients
    /// (ai.google.dev/gemini-api/docs/openai, "Thinking"), continued upwards.
    static func budget(of effort: String) -> Int {
        switch effort {
        case "minimal", "low": 1024
        case "medium": 8192
        case "high": 24576
        default: 32768
        }
    }

    /// The level whose budget is nearest.
    static func effort(of budget: Int) -> String {
        switch budget {
        case ..<0: "medium"
        case ..<2048: "low"
        case ..<16384: "medium"
        default: "high"
        }
    }

    /// A bound in tokens, from whichever of the two was given.
    var anyBudget: Int? { self.budget ?? self.effort.map(Self.budget) }

    /// A level, from whichever of the two was given.
    var anyEffort: String? { self.effort ?? self.budget.map(Self.effort) }
}

extension ChatRequest {
    /// The system's parts in order, whatever message they stand in; says in `losses` when that moves them.
    func hoistedSystem(_ losses: inout LossLedger) -> [Part] {
        var parts: [Part] = []
        var hasBegun = false
        for (index, message) in self.messages.enumerated() {
            if index == self.onlyTurn {
                losses.changed(
                    "messages[\(index)]",
                    "a conversation needs a turn, so the last instruction becomes the user's"
                )
                continue
            }
            guard message.role.isSystem else {
                hasBegun = true
                continue
            }
            if hasBegun {
                losses.changed("messages[\(index)]", "instructions within the conversation move to its beginning")
            }
            parts += message.parts
        }
        return parts
    }

    /// Of a request that holds instructions alone, which OpenAI answers and others refuse: the last of them.
    private var onlyTurn: Int? {
        self.messages.contains { !$0.role.isSystem } ? nil : self.messages.indices.last
    }

    /// The conversation without the system's words, neighbours of one role joined: for dialects whose turns alternate.
    var turns: [Message] {
        if let index = self.onlyTurn { return [Message(.user, self.messages[index].parts)] }
        var turns: [Message] = []
        for message in self.messages where !message.role.isSystem && !message.parts.isEmpty {
            if let last = turns.last, last.role == message.role {
                turns[turns.count - 1].parts += message.parts
            } else {
                turns.append(message)
            }
        }
        return turns
    }

    /// The names of the tools by the ids of their calls, for dialects whose results name the tool.
    var toolNames: [String: String] {
        var names: [String: String] = [:]
        for message in self.messages {
            for case .toolCall(let call) in message.parts.map(\.content) { names[call.id] = call.name }
        }
        return names
    }
}
