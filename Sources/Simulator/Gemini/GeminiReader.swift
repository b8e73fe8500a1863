import JSONScan

/// Reads a request as protobuf's JSON mapping does: names in camel or snake case, whole numbers also as strings, and no name
/// that the message does not have. What it returns has names in camel case only.
struct GeminiReader {
    private var violations: [(field: String, description: String)] = []

    /// The request as its message; throws every violation at once, in Google's words.
    static func read(_ json: JSON, as message: String) throws(APIError) -> JSON {
        var reader = GeminiReader()
        let value = reader.message(json, message, path: "")
        guard reader.violations.isEmpty else { throw reader.failure }
        return value
    }

    private var failure: APIError {
        let fields = self.violations.prefix(16).map { violation -> JSON in
            violation.field.isEmpty
                ? ["description": .string(violation.description)]
                : ["field": .string(violation.field), "description": .string(violation.description)]
        }
        return APIError(
            status: 400,
            type: "",
            message: self.violations.prefix(16).map(\.description).joined(separator: "\n"),
            details: [["@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": .array(fields)]]
        )
    }

    private mutating func message(_ json: JSON, _ name: String, path: String) -> JSON {
        guard let members = json.members else { return self.invalid(json, "type.googleapis.com/\(name)", path) }
        let fields = GeminiSchema.messages[name] ?? [:]
        var read: [JSON.Member] = []
        for member in members {
            let camel = Self.camelCase(member.name)
            guard let field = fields[camel] else {
                self.unknown(member.name, path)
                continue
            }
            guard member.value != .null else { continue }
            let place = (path.isEmpty ? "" : path + ".") + Self.snakeCase(camel)
            read.append(JSON.Member(name: camel, value: self.value(member.value, field, path: place)))
        }
        return .object(read)
    }

    private mutating func value(_ json: JSON, _ field: GeminiField, path: String) -> JSON {
        switch field {
        case .any: json
        case .message(let name): self.message(json, name, path: path)
        case .list(let element):
            // One value where a list is expected is taken as a list of one.
            .array(
                (json.array ?? [json]).enumerated().map { index, item in
                    self.value(item, element, path: "\(path)[\(index)]")
                }
            )
        case .map(let element): self.map(json, element, path: path)
        case .string: json.string == nil ? self.invalid(json, "TYPE_STRING", path) : json
        case .bytes: json.string == nil ? self.invalid(json, "TYPE_BYTES", path) : json
        case .bool: json.bool == nil ? self.invalid(json, "TYPE_BOOL", path) : json
        case .name: json.string == nil && json.int == nil ? self.invalid(json, "TYPE_ENUM", path) : json
        case .int:
            (json.int ?? json.string.flatMap { Int($0) }).map { .int($0) } ?? self.invalid(json, "TYPE_INT32", path)
        case .number: self.number(json) ?? self.invalid(json, "TYPE_FLOAT", path)
        }
    }

    private func number(_ json: JSON) -> JSON? {
        switch json {
        case .int, .number: json
        case .string(let text): Double(text).map { .double($0) }
        default: nil
        }
    }

    private mutating func map(_ json: JSON, _ element: GeminiField, path: String) -> JSON {
        guard let members = json.members else { return self.invalid(json, "TYPE_MESSAGE", path) }
        return .object(
            members.map { member in
                let place = "\(path)['\(member.name)']"
                return JSON.Member(name: member.name, value: self.value(member.value, element, path: place))
            }
        )
    }

    private mutating func unknown(_ name: String, _ path: String) {
        let place = path.isEmpty ? "" : " at '\(path)'"
        let text = "Invalid JSON payload received. Unknown name \"\(name)\"\(place): Cannot find field."
        self.violations.append((path, text))
    }

    private mutating func invalid(_ json: JSON, _ type: String, _ path: String) -> JSON {
        self.violations.append((path, "Invalid value at '\(path)' (\(type)), \(json.text)"))
        return .null
    }

    private static func camelCase(_ name: String) -> String {
        var parts = name.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return name }
        let first = parts.removeFirst()
        return parts.reduce(into: String(first)) { $0 += $1.prefix(1).uppercased() + $1.dropFirst() }
    }

    private static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
    }
}
