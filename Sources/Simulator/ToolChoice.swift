import JSONScan

/// A tool that a request offers, whatever the dialect.
struct Tool: Sendable {
    let name: String
    /// The JSON schema of its arguments.
    let schema: JSON
}

/// Decides which tools are called. A request gets calls when it forces them, or when the last message of the user says
/// `call tool NAME`, once for each call; the result of a tool is answered with text.
struct ToolChoice: Sendable {
    /// What the request says about tools.
    enum Mode: Sendable, Equatable {
        case auto
        case none
        case required
        case named(String)
    }

    var tools: [Tool]
    var mode: Mode = .auto
    var allowsParallel = true
    /// The text of the last message, when it is the user's.
    var lastUserText: String?
    /// Whether the last message carries the result of a tool.
    var endsWithToolResult = false

    /// The calls to make; empty when the answer is text. Identifiers start with `prefix`.
    func calls(seed: UInt64, idPrefix prefix: String) -> [Generation.ToolCall] {
        guard !self.tools.isEmpty, !self.endsWithToolResult else { return [] }
        var chosen = self.chosenTools
        if !self.allowsParallel { chosen = Array(chosen.prefix(1)) }
        return chosen.enumerated().map { index, tool in
            let seed = Text.mix(seed &+ UInt64(index))
            return Generation.ToolCall(
                id: Text.identifier(prefix, seed),
                name: tool.name,
                arguments: Example.value(of: tool.schema, seed: seed).text
            )
        }
    }

    private var chosenTools: [Tool] {
        switch self.mode {
        case .none: []
        case .named(let name): self.tools.filter { $0.name == name }
        case .auto: self.askedFor
        case .required: self.askedFor.isEmpty ? Array(self.tools.prefix(1)) : self.askedFor
        }
    }

    private var askedFor: [Tool] {
        guard let text = self.lastUserText else { return [] }
        return text.ranges(of: "call tool ").compactMap { range in
            let name = text[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
            return self.tools.first { $0.name == name }
        }
    }
}

/// Values that fit a JSON schema, as far as its types, enumerations and properties say.
enum Example {
    static func value(of schema: JSON, seed: UInt64, depth: Int = 0) -> JSON {
        if let value = schema["const"] { return value }
        if let values = schema["enum"]?.array, !values.isEmpty { return values[Int(seed % UInt64(values.count))] }
        if let first = schema["anyOf"]?.array?.first { return Self.value(of: first, seed: seed, depth: depth + 1) }
        let type = schema["type"]?.string ?? schema["type"]?.array?.first?.string
        switch type {
        case "string": return .string(Text.word(0, seed: seed))
        case "integer", "number": return .int(Int(seed % 100))
        case "boolean": return .bool(seed % 2 == 0)
        case "null": return .null
        case "array" where depth < 8:
            return .array([Self.value(of: schema["items"] ?? .null, seed: Text.mix(seed), depth: depth + 1)])
        default: return depth < 8 ? Self.object(of: schema, seed: seed, depth: depth) : [:]
        }
    }

    private static func object(of schema: JSON, seed: UInt64, depth: Int) -> JSON {
        let properties = schema["properties"]?.members ?? []
        return .object(
            properties.enumerated().map { index, property in
                let seed = Text.mix(seed &+ UInt64(index))
                return JSON.Member(
                    name: property.name,
                    value: Self.value(of: property.value, seed: seed, depth: depth + 1)
                )
            }
        )
    }
}
