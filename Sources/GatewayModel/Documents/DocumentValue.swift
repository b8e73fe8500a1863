/// What a configuration text says, before anyone asks what it means: the common form of YAML and JSON.
package enum DocumentValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([DocumentValue])
    case object(DocumentObject)

    /// The limits within which a text is read at all.
    package enum Limits {
        package static let depth = 64
        package static let bytes = 64 << 20
        package static let values = 8_000_000
        /// In one YAML text.
        package static let aliases = 32
    }

    /// What the value is, for an error message.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    package var string: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    package var int: Int64? {
        if case .int(let number) = self { return number }
        return nil
    }

    package var array: [DocumentValue]? {
        if case .array(let values) = self { return values }
        return nil
    }

    package var object: DocumentObject? {
        if case .object(let object) = self { return object }
        return nil
    }

    /// The field of an object; nil when there is none, or this is no object.
    package subscript(name: String) -> DocumentValue? { self.object?[name] }
}

/// Named values in the order in which they were written. Names are unique.
package struct DocumentObject: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        package let name: String
        package var value: DocumentValue
    }

    package private(set) var fields: [Field]

    package init() { self.fields = [] }

    /// For names that are known to differ.
    package init(_ fields: [(String, DocumentValue)]) {
        self.fields = fields.map { Field(name: $0.0, value: $0.1) }
    }

    package subscript(name: String) -> DocumentValue? {
        self.fields.first { $0.name == name }?.value
    }

    /// Replaces the field in its place, or adds it at the end.
    package mutating func set(_ name: String, _ value: DocumentValue) {
        if let index = self.fields.firstIndex(where: { $0.name == name }) {
            self.fields[index].value = value
        } else {
            self.fields.append(Field(name: name, value: value))
        }
    }

    package mutating func remove(_ name: String) {
        self.fields.removeAll { $0.name == name }
    }

    /// For readers that have checked already that no field has this name: spares the search.
    mutating func appendUnchecked(_ name: String, _ value: DocumentValue) {
        self.fields.append(Field(name: name, value: value))
    }
}

extension DocumentValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: DocumentValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, DocumentValue)...) { self = .object(DocumentObject(elements)) }
}
