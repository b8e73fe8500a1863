import JSONScan

/// A tool that a request offers, whatever the dialect.
struct Tool: Sendable {
    let name: String
    /// The JSON schema of its arguments.
    let schema: JSON
}

/// Decides which tools are called. A request gets calls when it forces them, when the dial `tool` names one, or when what the
/// user said last says `call tool NAME`, once for each call; a JSON object behind the name is the call's arguments. The
/// result of a tool is answered with text.
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
    /// What the user has said since the model spoke last; agents send notes of their own after it.
    var lastUserText: String?
    /// Whether the result of a tool has come since the model spoke last.
    var endsWithToolResult = false

    /// A tool and the arguments that were written for it, if any were.
    private typealias Choice = (tool: Tool, arguments: JSON?)

    /// The calls to make; empty when the answer is text. Identifiers start with `prefix`. `script` names a tool to call where
    /// nothing else is asked for.
    func calls(seed: UInt64, idPrefix prefix: String, script: String? = nil) -> [Generation.ToolCall] {
        guard !self.tools.isEmpty, !self.endsWithToolResult else { return [] }
        var chosen = self.chosen(script)
        if !self.allowsParallel { chosen = Array(chosen.prefix(1)) }
        return chosen.enumerated().map { index, choice in
            let seed = Text.mix(seed &+ UInt64(index))
            return Generation.ToolCall(
                id: Text.identifier(prefix, seed),
                name: choice.tool.name,
                arguments: (choice.arguments ?? Example.value(of: choice.tool.schema, seed: seed)).text
            )
        }
    }

    private func chosen(_ script: String?) -> [Choice] {
        let asked = self.askedFor
        let scripted = self.tools.filter { $0.name == script }.prefix(1).map { Choice($0, nil) }
        switch self.mode {
        case .none: return []
        case .named(let name):
            let written = asked.first { $0.tool.name == name }
            return written.map { [$0] } ?? self.tools.filter { $0.name == name }.prefix(1).map { Choice($0, nil) }
        case .auto: return asked.isEmpty ? scripted : asked
        case .required:
            let first = self.tools.prefix(1).map { Choice($0, nil) }
            return asked.isEmpty ? (scripted.isEmpty ? first : scripted) : asked
        }
    }

    private var askedFor: [Choice] {
        guard let text = self.lastUserText else { return [] }
        return text.ranges(of: "call tool ").compactMap { range in
            let rest = text[range.upperBound...]
            let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
            guard let tool = self.tools.first(where: { $0.name == name }) else { return nil }
            return Choice(tool, Self.object(rest[name.endIndex...]))
        }
    }

    /// The JSON object that a text begins with.
    private static func object(_ text: Substring) -> JSON? {
        let text = text.drop { $0 == " " }
        guard text.first == "{" else { return nil }
        var depth = 0
        var isInString = false
        var isEscaped = false
        for index in text.indices {
            let character = text[index]
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = isInString
            } else if character == "\"" {
                isInString.toggle()
            } else if !isInString, character == "{" || character == "}" {
                depth += character == "{" ? 1 : -1
                if depth == 0 { return try? JSON(parsing: Array(text[...index].utf8)) }
            }
        }
        return nil
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
