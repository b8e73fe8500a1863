import JSONScan

/// Takes the members of one object apart, and knows at the end which of them nobody asked for.
struct MemberReader {
    let path: String
    private let members: [JSON.Member]
    private var isTaken: [Bool]
    /// Google's servers take `system_instruction` for `systemInstruction` (protobuf's JSON form).
    private let takesSnakeCase: Bool

    init(_ json: JSON, _ path: String, snakeCase: Bool = false) throws(TranslationFailure) {
        self.takesSnakeCase = snakeCase
        guard let members = json.members else {
            throw .invalid(field: path.isEmpty ? "body" : path, reason: "must be an object")
        }
        self.path = path
        self.members = members
        self.isTaken = Array(repeating: false, count: members.count)
    }

    /// Where the member `name` stands in the body.
    func field(_ name: String) -> String { self.path.isEmpty ? name : "\(self.path).\(name)" }

    /// The member `name`; nil when it is absent or `null`. Of a repeated name the last counts.
    mutating func take(_ name: String) -> JSON? {
        var found: JSON?
        let other = self.takesSnakeCase ? name.snakeCased : name
        for index in self.members.indices where self.members[index].name == name || self.members[index].name == other {
            self.isTaken[index] = true
            found = self.members[index].value
        }
        return found == .null ? nil : found
    }

    mutating func string(_ name: String) throws(TranslationFailure) -> String? {
        guard let value = self.take(name) else { return nil }
        guard let text = value.string else { throw self.wrong(name, "a string") }
        return text
    }

    mutating func int(_ name: String) throws(TranslationFailure) -> Int? {
        guard let value = self.take(name) else { return nil }
        guard let number = value.int else { throw self.wrong(name, "a whole number") }
        return number
    }

    /// A number as it was written.
    mutating func number(_ name: String) throws(TranslationFailure) -> JSON? {
        guard let value = self.take(name) else { return nil }
        guard value.double != nil else { throw self.wrong(name, "a number") }
        return value
    }

    mutating func bool(_ name: String) throws(TranslationFailure) -> Bool? {
        guard let value = self.take(name) else { return nil }
        guard let flag = value.bool else { throw self.wrong(name, "true or false") }
        return flag
    }

    mutating func array(_ name: String) throws(TranslationFailure) -> [JSON]? {
        guard let value = self.take(name) else { return nil }
        // Where names may be in snake case, one element may stand for an array of one.
        if self.takesSnakeCase, value.members != nil { return [value] }
        guard let values = value.array else { throw self.wrong(name, "an array") }
        return values
    }

    mutating func object(_ name: String) throws(TranslationFailure) -> MemberReader? {
        guard let value = self.take(name) else { return nil }
        return try MemberReader(value, self.field(name), snakeCase: self.takesSnakeCase)
    }

    /// The elements of an array of objects.
    mutating func objects(_ name: String) throws(TranslationFailure) -> [MemberReader] {
        var readers: [MemberReader] = []
        for (index, value) in (try self.array(name) ?? []).enumerated() {
            readers.append(try MemberReader(value, "\(self.field(name))[\(index)]", snakeCase: self.takesSnakeCase))
        }
        return readers
    }

    mutating func required(_ name: String) throws(TranslationFailure) -> String {
        guard let text = try self.string(name) else { throw self.wrong(name, "a string, and must be there") }
        return text
    }

    func wrong(_ name: String, _ expected: String) -> TranslationFailure {
        .invalid(field: self.field(name), reason: "must be \(expected)")
    }

    /// Lists what was not taken. `null` says nothing, and is no loss.
    func finish(_ losses: inout LossLedger) {
        for index in self.members.indices where !self.isTaken[index] && self.members[index].value != .null {
            losses.dropped(self.field(self.members[index].name), "not a member that the gateway can translate")
        }
    }

    /// Marks `names` as known but lost, for one reason.
    mutating func drop(_ names: [String], _ why: String, _ losses: inout LossLedger) {
        for name in names where self.take(name) != nil { losses.dropped(self.field(name), why) }
    }
}

/// Puts an object together, leaving out what is not there.
struct MemberWriter {
    private(set) var members: [JSON.Member] = []

    mutating func set(_ name: String, _ value: JSON?) {
        if let value { self.members.append(JSON.Member(name: name, value: value)) }
    }

    mutating func set(_ name: String, _ value: String?) { self.set(name, value.map(JSON.string)) }
    mutating func set(_ name: String, _ value: Int?) { self.set(name, value.map(JSON.int)) }
    mutating func set(_ name: String, _ value: Bool?) { self.set(name, value.map(JSON.bool)) }

    var json: JSON { .object(self.members) }
    var isEmpty: Bool { self.members.isEmpty }
}

extension String {
    /// `system_instruction` of `systemInstruction`.
    fileprivate var snakeCased: String {
        var text = ""
        for character in self {
            if character.isUppercase { text.append("_") }
            text += character.lowercased()
        }
        return text
    }
}
