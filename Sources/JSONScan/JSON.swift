/// A JSON value (RFC 8259) whose objects keep the order of their members, so that the same answer is the same bytes every
/// time, and whose numbers keep their text, so that what is read is what is written.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    /// A number that `Int` does not write the same way, as it was written: `1e5`, `1.10`, `12345678901234567890`.
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    /// One name and value of an object.
    package struct Member: Sendable, Equatable {
        package let name: String
        package var value: JSON

        package init(name: String, value: JSON) {
            self.name = name
            self.value = value
        }
    }
}

// MARK: - Reading

extension JSON {
    /// The member called `name`; nil when this is no object or has no such member, or the member is `null`.
    package subscript(_ name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        let value = members.last { $0.name == name }?.value
        return value == .null ? nil : value
    }

    /// The text of a string.
    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// A whole number, however it is written, as long as a double is exact for it.
    package var int: Int? {
        switch self {
        case .int(let value): return value
        case .number(let text):
            guard let value = Double(text), value.rounded() == value, value.magnitude < 1e15 else { return nil }
            return Int(value)
        default: return nil
        }
    }

    /// Any number, to a double's precision.
    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .number(let text): Double(text)
        default: nil
        }
    }

    /// The value of `true` and `false`.
    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements of an array.
    package var array: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members of an object.
    package var members: [Member]? {
        if case .object(let value) = self { value } else { nil }
    }
}

// MARK: - Building

extension JSON {
    /// This object with `name` set to `value`, in place if it was there, else at its end.
    package func setting(_ name: String, _ value: JSON) -> JSON {
        guard case .object(var members) = self else { return self }
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value = value
        } else {
            members.append(Member(name: name, value: value))
        }
        return .object(members)
    }

    /// A string, or `null` where there is none.
    package static func optional(_ text: String?) -> JSON {
        text.map { .string($0) } ?? .null
    }

    /// A number with a fraction; `null` for what JSON cannot write.
    package static func double(_ value: Double) -> JSON {
        value.isFinite ? .number("\(value)") : .null
    }
}

extension JSON: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(elements.map { Member(name: $0.0, value: $0.1) })
    }
}

extension JSON: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: JSON...) {
        self = .array(elements)
    }
}

extension JSON: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) {
        self = .string(value)
    }
}

extension JSON: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: Int) {
        self = .int(value)
    }
}

extension JSON: ExpressibleByFloatLiteral {
    package init(floatLiteral value: Double) {
        self = .double(value)
    }
}

extension JSON: ExpressibleByBooleanLiteral {
    package init(booleanLiteral value: Bool) {
        self = .bool(value)
    }
}

extension JSON: ExpressibleByNilLiteral {
    package init(nilLiteral: ()) {
        self = .null
    }
}
