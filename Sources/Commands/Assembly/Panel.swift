import Foundation

/// What is printed when everything listens: addresses, what is shown only once, and a call that works as printed.
struct Panel {
    /// Colours only where a person looks.
    private static let isTerminal = isatty(STDOUT_FILENO) == 1

    private var lines: [String] = []

    mutating func title(_ text: String) { self.lines.append(Self.bold(text)) }

    mutating func row(_ name: String, _ value: String?) {
        guard let value else { return }
        self.lines.append("  " + name.padding(toLength: 18, withPad: " ", startingAt: 0) + value)
    }

    mutating func text(_ text: String) { self.lines.append(text) }

    var description: String { self.lines.joined(separator: "\n") }

    private static func bold(_ text: String) -> String { self.isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    /// A call with curl, in the dialect of the model.
    static func curl(gateway: String, key: String, model: String, anthropic: Bool) -> String {
        let path = anthropic ? "/v1/messages" : "/v1/chat/completions"
        let extra = anthropic ? #""max_tokens":100,"# : ""
        return """
              curl \(gateway)\(path) \\
                -H "Authorization: Bearer \(key)" -H "Content-Type: application/json" \\
                -d '{"model":"\(model)",\(extra)"messages":[{"role":"user","content":"Hello"}]}'
            """
    }
}
