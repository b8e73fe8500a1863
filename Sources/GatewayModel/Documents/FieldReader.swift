/// Reads the fields of one object strictly: every field that nobody asked for is a problem, and reading goes on after
/// each problem with a stand-in value, so that one pass finds them all. The caller ends with `finish()`.
package final class FieldReader {
    package let path: String
    package let log: ProblemLog
    private let object: DocumentObject
    private var asked: [String] = []

    /// A value that is no object is reported, and read as an empty one.
    package init(_ value: DocumentValue, at path: String, log: ProblemLog) {
        self.path = path
        self.log = log
        if let object = value.object {
            self.object = object
        } else {
            log.add(path, "must be an object, not \(value.kind)")
            self.object = DocumentObject()
        }
    }

    package func path(_ name: String) -> String { self.path.isEmpty ? name : "\(self.path).\(name)" }

    package func problem(_ name: String, _ message: String, allowed: [String] = []) {
        self.log.add(self.path(name), message, allowed: allowed)
    }

    /// The field as it is; nil when it is missing or null. Asking makes it a known field.
    package func value(_ name: String) -> DocumentValue? {
        if !self.asked.contains(name) { self.asked.append(name) }
        guard let value = self.object[name], value != .null else { return nil }
        return value
    }

    package func has(_ name: String) -> Bool { self.value(name) != nil }

    /// The names of the fields that are written, known or not.
    package var written: [String] { self.object.fields.map(\.name) }

    /// Reports every field that was not asked for.
    package func finish() {
        let known = self.asked
        for field in self.object.fields where !known.contains(field.name) {
            self.log.add(
                self.path(String(field.name.prefix(64))),
                "unknown field; allowed: \(known.joined(separator: ", "))",
                allowed: known
            )
        }
    }
}

extension FieldReader {
    package func string(_ name: String, _ rule: (String) -> String? = { _ in nil }) -> String? {
        guard let value = self.value(name) else { return nil }
        guard let text = value.string else {
            self.problem(name, "must be a string, not \(value.kind)")
            return nil
        }
        guard let complaint = rule(text) else { return text }
        self.problem(name, complaint)
        return nil
    }

    /// A field that must be there; the stand-in is the empty string.
    package func required(_ name: String, _ rule: (String) -> String? = { _ in nil }) -> String {
        guard self.has(name) else {
            self.problem(name, "is required")
            return ""
        }
        return self.string(name, rule) ?? ""
    }

    package func bool(_ name: String, default fallback: Bool) -> Bool {
        guard let value = self.value(name) else { return fallback }
        if case .bool(let flag) = value { return flag }
        self.problem(name, "must be true or false, not \(value.kind)", allowed: ["true", "false"])
        return fallback
    }

    /// A whole number within `range`, also written as `5k`, `2M`, `1G`.
    package func int(_ name: String, default fallback: Int?, in range: ClosedRange<Int>) -> Int? {
        guard let value = self.value(name) else { return fallback }
        let number = value.int ?? value.string.flatMap(Quantity.count)
        guard let number, range.contains(Int(number)) else {
            self.problem(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return Int(number)
    }

    package func duration(_ name: String, default fallback: Duration?, in range: ClosedRange<Duration>) -> Duration? {
        guard let value = self.value(name) else { return fallback }
        guard let duration = value.string.flatMap(Quantity.duration), range.contains(duration) else {
            let (lower, upper) = (Quantity.text(range.lowerBound), Quantity.text(range.upperBound))
            self.problem(name, "must be a duration from \(lower) to \(upper), such as 100ms, 2s, 10m")
            return fallback
        }
        return duration
    }

    /// One of the raw values of a closed set.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String,
        default fallback: Choice
    ) -> Choice where Choice.RawValue == String {
        guard let value = self.value(name) else { return fallback }
        if let choice = value.string.flatMap(Choice.init(rawValue:)) { return choice }
        let allowed = Choice.allCases.map(\.rawValue)
        self.problem(name, "must be one of: \(allowed.joined(separator: ", "))", allowed: allowed)
        return fallback
    }

    package func object(_ name: String) -> FieldReader? {
        self.value(name).map { FieldReader($0, at: self.path(name), log: self.log) }
    }

    /// The elements with their paths; a single value stands for a list of one.
    package func list(_ name: String, atMost limit: Int) -> [(value: DocumentValue, path: String)]? {
        guard let value = self.value(name) else { return nil }
        guard let values = value.array else { return [(value, self.path(name))] }
        if values.count > limit { self.problem(name, "must have at most \(limit) entries") }
        return values.prefix(limit).enumerated().map { ($1, "\(self.path(name))[\($0)]") }
    }

    package func objects(_ name: String, atMost limit: Int) -> [FieldReader]? {
        self.list(name, atMost: limit)?.map { FieldReader($0.value, at: $0.path, log: self.log) }
    }

    package func strings(_ name: String, atMost limit: Int, _ rule: (String) -> String?) -> [String]? {
        self.list(name, atMost: limit)?.compactMap { value, path in
            // Numbers are written without quotes easily: `on: [429]`.
            let text = value.string ?? value.int.map(String.init)
            let complaint = text.map(rule) ?? "must be a string, not \(value.kind)"
            if let complaint { self.log.add(path, complaint) }
            return complaint == nil ? text : nil
        }
    }

    /// A list of patterns that is nil when it is not written, and never empty.
    package func patterns(_ name: String, atMost limit: Int, _ rule: (String) -> String?) -> [NamePattern]? {
        guard let texts = self.strings(name, atMost: limit, rule) else { return nil }
        if self.value(name)?.array?.isEmpty == true { self.problem(name, "must have at least one entry") }
        return texts.map { NamePattern($0) }
    }
}
