import Foundation
import GatewayModel

/// Reads `gateway.yaml`, with every complaint on a line of its own that begins with the file's name.
enum ConfigFile {
    static func read(_ path: String, environment: [String: String]) throws(OptionError) -> ConfigDocument {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw OptionError("\(path): cannot be read: \(String(cString: strerror(errno)))", exitCode: 1)
        }
        guard let text = String(data: data, encoding: .utf8) else { throw OptionError("\(path): is not UTF-8") }
        do {
            return try ConfigDocument(yaml: text) { environment[$0] }
        } catch let problems as DocumentProblems {
            throw OptionError(Self.describe(problems, path))
        } catch {
            throw OptionError("\(path): \(error)")
        }
    }

    /// The problems, a line each.
    static func describe(_ problems: DocumentProblems, _ path: String) -> String {
        problems.problems.map { "\(path): \($0)" }.joined(separator: "\n")
    }
}
