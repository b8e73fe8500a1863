/// One thing that is wrong with a configuration: where, what, and what would be right.
package struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
    /// `upstreams[2].limits.queue`; empty for the document as a whole.
    package let path: String
    package let message: String
    /// The values or field names that would be accepted, where they can be listed.
    package let allowed: [String]

    package init(path: String, message: String, allowed: [String] = []) {
        self.path = path
        self.message = message
        self.allowed = allowed
    }

    package var description: String { self.path.isEmpty ? self.message : "\(self.path): \(self.message)" }
}

/// Everything that is wrong with a configuration, at most `limit` problems of it.
package struct DocumentProblems: Error, Sendable, Equatable, CustomStringConvertible {
    package static let limit = 100

    package let problems: [Problem]

    package init(_ problems: [Problem]) { self.problems = Array(problems.prefix(Self.limit)) }

    package var description: String { self.problems.map(\.description).joined(separator: "\n") }
}

/// A text that is not JSON or not YAML at all.
package struct DocumentSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// From 1; 0 when the place is not known.
    package let line: Int
    package let message: String

    package init(line: Int, message: String) {
        self.line = line
        self.message = message
    }

    package var description: String { self.line > 0 ? "line \(self.line): \(self.message)" : self.message }
}

/// Collects problems while a document is read, so that one answer names all of them.
package final class ProblemLog {
    package private(set) var problems: [Problem] = []

    package init() {}

    package func add(_ path: String, _ message: String, allowed: [String] = []) {
        guard self.problems.count < DocumentProblems.limit else { return }
        self.problems.append(Problem(path: path, message: message, allowed: allowed))
    }

    package func throwIfAny() throws(DocumentProblems) {
        if !self.problems.isEmpty { throw DocumentProblems(self.problems) }
    }
}
