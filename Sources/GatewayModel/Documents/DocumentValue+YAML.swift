internal import Yams

// YAML in by Yams, with the scalars of the 1.2 core schema: `no`, `on` and dates are strings. Names may occur once per
// mapping; merge keys are ordinary names, hence unknown fields. YAML out is block style, strings quoted when in doubt.

extension DocumentValue {
    /// Reads one YAML document; an empty text is an empty object.
    package init(yaml text: String) throws(DocumentSyntaxError) {
        guard text.utf8.count <= Limits.bytes else {
            throw DocumentSyntaxError(line: 0, message: "the document is longer than \(Limits.bytes) bytes")
        }
        guard Self.aliasCount(text) <= Limits.aliases else {
            throw DocumentSyntaxError(line: 0, message: "more than \(Limits.aliases) aliases (`*name`)")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw Self.syntaxError(error)
        }
        guard let node else {
            self = .object(DocumentObject())
            return
        }
        // Without aliases a text has fewer values than bytes; what aliases add must fit in that, too.
        var budget = min(Limits.values, text.utf8.count + 1024)
        self = try Self.converted(node, depth: 0, budget: &budget)
    }

    /// How many places look like an alias: `*` at the beginning of a token, before a name. Aliases of aliases grow
    /// exponentially, and comparing such values takes as long as they are large; so there may be few, counted before
    /// anything is parsed and rather one too many.
    private static func aliasCount(_ text: String) -> Int {
        var previous = UInt8(ascii: " ")
        var candidate = false
        var count = 0
        for byte in text.utf8 {
            if candidate, byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") {
                count += 1
            }
            candidate = byte == UInt8(ascii: "*") && (previous <= 0x20 || "[]{},:?-".utf8.contains(previous))
            previous = byte
        }
        return count
    }

    private static func syntaxError(_ error: any Error) -> DocumentSyntaxError {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            DocumentSyntaxError(line: mark.line, message: problem)
        case .duplicatedKeysInMapping(let names, let context):
            DocumentSyntaxError(
                line: context.mark.line,
                message: "the field `\(names.first?.prefix(64) ?? "")` occurs twice in one mapping"
            )
        case .reader(let problem, _, _, _): DocumentSyntaxError(line: 0, message: problem)
        default: DocumentSyntaxError(line: 0, message: "this is no YAML")
        }
    }

    private static func converted(
        _ node: Node,
        depth: Int,
        budget: inout Int
    ) throws(DocumentSyntaxError) -> DocumentValue {
        let line = node.mark?.line ?? 0
        budget -= 1
        guard budget > 0 else { throw DocumentSyntaxError(line: line, message: "too many values") }
        guard depth < Limits.depth else {
            throw DocumentSyntaxError(line: line, message: "nested deeper than \(Limits.depth)")
        }
        switch node {
        case .scalar(let scalar): return Self.scalar(scalar)
        case .sequence(let sequence):
            var values: [DocumentValue] = []
            for element in sequence {
                values.append(try Self.converted(element, depth: depth + 1, budget: &budget))
            }
            return .array(values)
        case .mapping(let mapping):
            var object = DocumentObject()
            var names: Set<String> = []
            for (key, value) in mapping {
                guard let name = key.scalar?.string else {
                    throw DocumentSyntaxError(line: line, message: "a field name must be a plain text")
                }
                guard names.insert(name).inserted else {
                    throw DocumentSyntaxError(line: line, message: "the field `\(name.prefix(64))` occurs twice")
                }
                object.appendUnchecked(name, try Self.converted(value, depth: depth + 1, budget: &budget))
            }
            return .object(object)
        case .alias: throw DocumentSyntaxError(line: line, message: "an alias without its anchor")
        }
    }

    /// Only what is written plainly can be anything but a string.
    private static func scalar(_ scalar: Node.Scalar) -> DocumentValue {
        let text = scalar.string
        guard scalar.style == .plain || scalar.style == .any else { return .string(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: return Self.number(text) ?? .string(text)
        }
    }

    private static func number(_ text: String) -> DocumentValue? {
        guard let first = text.utf8.first, first.isDigit || first == UInt8(ascii: "-") || first == UInt8(ascii: "+"),
            text.utf8.allSatisfy({ $0.isDigit || "+-.eE".utf8.contains($0) })
        else { return nil }
        if let value = Int64(text) { return .int(value) }
        if let value = Double(text), value.isFinite { return .double(value) }
        return nil
    }

    /// The value as a YAML document in block style.
    package func yaml() -> String {
        var out = ""
        self.writeYAML(into: &out, indent: 0, inline: false)
        return out
    }

    /// `inline`: something (`name:` or `-`) stands before the value on its line already.
    private func writeYAML(into out: inout String, indent: Int, inline: Bool) {
        let margin = String(repeating: " ", count: indent)
        switch self {
        case .array(let values) where !values.isEmpty:
            if inline { out += "\n" }
            for value in values {
                out += margin + "-"
                value.writeYAML(into: &out, indent: indent + 2, inline: true)
            }
        case .object(let object) where !object.fields.isEmpty:
            // After `-` the first field stays on the line; after `name:` the fields begin on the next.
            let afterDash = inline && out.hasSuffix("-")
            if inline { out += afterDash ? " " : "\n" }
            for (index, field) in object.fields.enumerated() {
                if !(afterDash && index == 0) { out += margin }
                out += Self.yamlScalar(field.name) + ":"
                field.value.writeYAML(into: &out, indent: indent + 2, inline: true)
            }
        default: out += (inline ? " " : "") + self.yamlLeaf + "\n"
        }
    }

    private var yamlLeaf: String {
        switch self {
        case .array: "[]"
        case .object: "{}"
        case .string(let text): Self.yamlScalar(text)
        default: String(decoding: self.json(), as: UTF8.self)
        }
    }

    /// Plain when that reads back as the same string beyond doubt, else in double quotes.
    private static func yamlScalar(_ text: String) -> String {
        let first = text.utf8.first ?? 0
        let safe = text.utf8.allSatisfy { $0.isLetter || $0.isDigit || "-_./".utf8.contains($0) }
        if safe, first.isLetter || first == UInt8(ascii: "/"), !Self.reservedWords.contains(text.lowercased()) {
            return text
        }
        var quoted: [UInt8] = []
        Self.writeJSON(text, into: &quoted)
        return String(decoding: quoted, as: UTF8.self)
    }

    /// Words that some YAML reader takes for something else than a string.
    private static let reservedWords: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
}
