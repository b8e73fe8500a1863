import GatewayModel
import Glibc
import JSONScan
import Testing

@testable import Dialects

/// Another gateway's recorded translations beside ours, member by member: a difference is a decision with a reason in
/// `docs/dialect-decisions.md`, or a fault.
struct SnapshotTests {
    private static let folder =
        (getenv("FIXTURES_DIR").map { String(cString: $0) }
            ?? String(#filePath.dropLast("Tests/DialectsTests/SnapshotTests.swift".count)) + "../shared/fixtures")
        + "/agw"

    private struct Pair {
        let name: String
        let theirs: JSON
        let ours: JSON
    }

    @Test func differencesAreDecisions() throws {
        var unused = Set(Decision.all.map(\.name))
        var equal = 0
        var decided = 0
        var unlisted: [String] = []
        let pairs = Self.requests() + Self.answers()
        for pair in pairs {
            let theirs = Leaves(pair.theirs).values
            let ours = Leaves(pair.ours).values
            for path in Set(theirs.keys).union(ours.keys).sorted() {
                let difference = Difference(pair: pair.name, path: path, theirs: theirs[path], ours: ours[path])
                if difference.saysNothing { continue }
                if let left = theirs[path], let right = ours[path], Self.isEqual(left, right) {
                    equal += 1
                    continue
                }
                if let decision = Decision.all.first(where: { $0.explains(difference) }) {
                    decided += 1
                    unused.remove(decision.name)
                } else {
                    unlisted.append(difference.line)
                }
            }
        }
        print(
            "snapshots: \(pairs.count) compared, \(equal) members equal, \(decided) differ by decision, from \(Self.folder)"
        )
        #expect(unlisted.isEmpty, "\(unlisted.count):\n\(unlisted.joined(separator: "\n"))")
        if !pairs.isEmpty { #expect(unused.isEmpty, "decisions that explain nothing: \(unused.sorted())") }
    }

    /// Each decision stands in the table for people by the same name.
    @Test func decisionsAreWrittenDown() throws {
        let root = String(#filePath.dropLast("Tests/DialectsTests/SnapshotTests.swift".count))
        guard let bytes = try? Files.read("\(root)docs/dialect-decisions.md") else { return }
        let page = String(decoding: bytes, as: UTF8.self)
        for decision in Decision.all { #expect(page.contains("| \(decision.name) |"), "\(decision.name)") }
    }

    private static func isEqual(_ left: JSON, _ right: JSON) -> Bool {
        if left == right || (left.double != nil && left.double == right.double) { return true }
        // Arguments of calls are JSON within a string.
        guard let left = left.string, let right = right.string, left.hasPrefix("{") else { return false }
        guard let left = try? JSON(parsing: Array(left.utf8)) else { return false }
        guard let right = try? JSON(parsing: Array(right.utf8)) else { return false }
        return Leaves(left).values == Leaves(right).values
    }

    // MARK: what is recorded

    /// The JSON behind the header of a `.snap`.
    private static func read(_ path: String) -> JSON? {
        guard let bytes = try? Files.read(path) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.ranges(of: "\n---\n").first?.upperBound else { return nil }
        return try? JSON(parsing: Array(text[end...].utf8))
    }

    private static func snapshots(_ folder: String, _ suffix: String) -> [(name: String, input: [UInt8], snap: JSON)] {
        let path = "\(Self.folder)/\(folder)"
        return ((try? Files.names(path)) ?? []).filter { $0.hasSuffix(".\(suffix).snap") }.compactMap { file in
            let name = String(file.dropLast(suffix.count + 6))
            guard let input = try? Files.read("\(path)/\(name).json"), let snap = Self.read("\(path)/\(file)") else {
                return nil
            }
            return ("\(folder.split(separator: "/").last ?? "")/\(name).\(suffix)", input, snap)
        }
    }

    private static func requests() -> [Pair] {
        let ways: [(folder: String, suffix: String, WireFormat, Dialect)] = [
            ("completions", "anthropic", .openAIChat, .anthropic), ("completions", "bedrock", .openAIChat, .bedrock),
            ("completions", "vertex-gemini", .openAIChat, .gemini),
            ("messages", "completions", .anthropicMessages, .openAI),
            ("messages", "bedrock", .anthropicMessages, .bedrock), ("responses", "bedrock", .openAIResponses, .bedrock),
            // Google's server of OpenAI's dialect.
            ("responses", "gemini", .openAIResponses, .openAI),
        ]
        var pairs: [Pair] = []
        for (folder, suffix, client, upstream) in ways {
            guard let translation = Translation(client: client, upstream: upstream) else { continue }
            for (name, input, snap) in Self.snapshots("requests/\(folder)", suffix) {
                let model = (try? JSON(parsing: input))?["model"]?.string ?? ""
                // What is refused has nothing to compare.
                guard let theirs = snap["request"],
                    let made = try? translation.request(input, model: model, defaultMaxTokens: 4096),
                    let ours = try? JSON(parsing: made.body)
                else { continue }
                pairs.append(Pair(name: "request \(name)", theirs: theirs, ours: ours))
            }
        }
        return pairs
    }

    private static func answers() -> [Pair] {
        let ways: [(folder: String, suffix: String, Dialect, WireFormat)] = [
            ("anthropic", "messages-completions", .anthropic, .openAIChat),
            ("bedrock", "bedrock-completions", .bedrock, .openAIChat),
            ("bedrock", "bedrock-messages", .bedrock, .anthropicMessages),
            ("bedrock", "bedrock-responses", .bedrock, .openAIResponses),
            ("completions", "completions-messages", .openAI, .anthropicMessages),
            ("completions", "completions-responses", .openAI, .openAIResponses),
            ("vertex-gemini", "vertex-gemini-completions", .gemini, .openAIChat),
        ]
        var pairs: [Pair] = []
        for (folder, suffix, upstream, client) in ways {
            guard let translation = Translation(client: client, upstream: upstream) else { continue }
            for (name, input, snap) in Self.snapshots("response/\(folder)", suffix) {
                guard let theirs = snap["response"], let made = try? translation.answer(input, GoldenTests.context),
                    let ours = try? JSON(parsing: made.body)
                else { continue }
                pairs.append(Pair(name: "answer \(name)", theirs: theirs, ours: ours))
            }
        }
        return pairs
    }
}

/// The values of a document by their paths, `messages[0].content[0].text`. A text alone counts as one part.
private struct Leaves {
    var values: [String: JSON] = [:]

    init(_ json: JSON) { self.add(json, "") }

    private mutating func add(_ json: JSON, _ path: String) {
        switch json {
        case .object(let members):
            if members.isEmpty { self.values[path] = json }
            for member in members { self.add(member.value, path.isEmpty ? member.name : "\(path).\(member.name)") }
        case .array(let elements):
            if elements.isEmpty { self.values[path] = json }
            for (index, element) in elements.enumerated() { self.add(element, "\(path)[\(index)]") }
        case .string(let text) where path.hasSuffix("content") || path == "system" || path == "input":
            self.values["\(path)[0].type"] = "text"
            self.values["\(path)[0].text"] = .string(text)
        // Nothing is said by it.
        case .null: break
        default: self.values[path] = json
        }
    }
}

private struct Difference {
    let pair: String
    /// Without numbers.
    let pattern: String
    let theirs: JSON?
    let ours: JSON?
    let line: String

    init(pair: String, path: String, theirs: JSON?, ours: JSON?) {
        self.pair = pair
        self.theirs = theirs
        self.ours = ours
        var pattern = ""
        for character in path where !character.isNumber { pattern.append(character) }
        self.pattern = pattern
        let show = { (json: JSON?) in json.map { String($0.text.prefix(90)) } ?? "–" }
        self.line = "\(pair): \(pattern): \(show(theirs)) | \(show(ours))"
    }

    /// Names that each gateway gives, and defaults that only one of them writes down.
    var saysNothing: Bool {
        if self.pair.hasPrefix("answer"), Self.made.contains(self.pattern) { return true }
        guard self.theirs == nil || self.ours == nil, let one = self.theirs ?? self.ours else { return false }
        if self.pair.hasPrefix("answer"), Self.fixed.contains(self.pattern) { return true }
        return one == false || one == [] || one == [:] || one == "" || one.int == 0
    }

    private static let made: Set = ["id", "model", "created", "created_at", "output[].id"]
    private static let fixed: Set = ["truncation", "tool_choice", "text.format.type", "parallel_tool_calls"]
}

private struct Decision: Sendable {
    /// The first column of the table for people.
    let name: String
    /// Parts of the names of what was compared; none stands for all.
    var pairs: [String] = [""]
    /// How the members' paths begin.
    let members: [String]

    func explains(_ difference: Difference) -> Bool {
        self.pairs.contains { $0.isEmpty || difference.pair.contains($0) }
            && self.members.contains { difference.pattern.hasPrefix($0) }
    }

    static let all: [Decision] = [
        Decision(
            name: "usage",
            pairs: ["answer"],
            members: [
                "usage.prompt_tokens", "usage.total_tokens", "usage.input_tokens", "usage.cache_",
                "usage.output_tokens",
            ]
        ),
        Decision(name: "tier of an answer", pairs: ["answer"], members: ["service_tier", "usage.service_tier"]),
        Decision(
            name: "proofs of thoughts",
            pairs: ["thinking.", "/reasoning"],
            members: [
                "choices[].message.reasoning_signature", "output[].encrypted_content",
                "messages[].content[].reasoningContent",
            ]
        ),
        Decision(
            name: "proofs in a request",
            pairs: ["request completions/reasoning_replay.bedrock"],
            members: ["messages[]"]
        ),
        Decision(
            name: "thoughts",
            pairs: ["bedrock/reasoning", "openrouter_reasoning"],
            members: ["output[]", "content[]"]
        ),
        Decision(name: "bound reached", pairs: ["answer"], members: ["incomplete_details", "output[].status"]),
        Decision(name: "calls cut short", pairs: ["truncated_tool_call"], members: ["content[].input"]),
        Decision(name: "empty texts", pairs: ["blocked.vertex"], members: ["choices[].message.content"]),
        Decision(name: "`max_tokens` for Bedrock", pairs: [".bedrock"], members: ["inferenceConfig.maxTokens"]),
        Decision(
            name: "schemas for Google",
            pairs: ["vertex-gemini"],
            members: [
                "tools[].functionDeclarations[].parameters", "generationConfig.responseSchema",
                "generationConfig.responseJsonSchema",
            ]
        ),
        Decision(name: "media types", pairs: ["image-inline"], members: ["contents[].parts[].inlineData.mimeType"]),
        Decision(
            name: "ids of calls for Google",
            pairs: ["vertex-gemini"],
            members: ["contents[].parts[].functionCall.id", "contents[].parts[].functionResponse.id"]
        ),
        Decision(
            name: "results for Google",
            pairs: ["vertex-gemini"],
            members: ["contents[].parts[].functionResponse.response"]
        ),
        Decision(name: "tools that were called", pairs: [".bedrock"], members: ["toolConfig.tools[].toolSpec"]),
        Decision(
            name: "how much to think",
            pairs: ["/reasoning", "/structured-output.bedrock", "/structured-output.completions", "gpt_adaptive"],
            members: [
                "max_tokens", "thinking.", "generationConfig.thinkingConfig", "output_config.effort",
                "reasoning_effort",
                "additionalModelRequestFields.thinking", "additionalModelRequestFields.output_config.effort",
            ]
        ),
        Decision(name: "results in one turn", pairs: ["tool-call.anthropic"], members: ["messages[]"]),
        Decision(name: "name of the bound", pairs: ["request"], members: ["max_completion_tokens", "max_tokens"]),
        Decision(name: "cache marks for OpenAI", pairs: ["/cache_control."], members: ["messages[]"]),
        Decision(name: "instructions", pairs: ["responses/instructions.gemini"], members: ["messages[].role"]),
        Decision(name: "metadata", pairs: ["metadata.bedrock"], members: ["additionalModelRequestFields.metadata"]),
        Decision(
            name: "structured output",
            pairs: ["structured-output.completions"],
            members: ["response_format.json_schema"]
        ),
    ]
}
