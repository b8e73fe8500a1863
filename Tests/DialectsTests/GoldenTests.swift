import GatewayModel
import Glibc
import JSONScan
import Testing

@testable import Dialects

/// Inputs under `Goldens/<feature>/`, each with what it becomes in every other dialect. `AGW_UPDATE_GOLDENS=1` writes them
/// anew; what changes is read before it is committed.
///
/// `request.<client>.json` → `request.<client>-<upstream>.json` with path, body and losses;
/// `answer.<upstream>.json` → `answer.<upstream>-<client>.json`;
/// `error.<upstream>.<status>.json` → `error.<upstream>-<client>.<status>.json`;
/// `stream.<upstream>.sse` or `.bin` → `stream.<upstream>-<client>.sse`.
struct GoldenTests {
    static let context = AnswerContext(
        model: "alias",
        id: "0a1b2c",
        created: 1_700_000_000,
        includesUsage: true,
        requestID: "req-1"
    )

    @Test
    func translatesAsRecorded() throws {
        var count = 0
        for feature in try Goldens.features() {
            for file in try Goldens.inputs(feature) {
                let words = file.split(separator: ".").map(String.init)
                let input = try Files.read("\(Goldens.root)/\(feature)/\(file)")
                switch words[0] {
                case "request":
                    let client = try #require(Goldens.clients[words[1]], "\(file)")
                    for (name, upstream) in Goldens.upstreams {
                        guard let translation = Translation(client: client, upstream: upstream) else { continue }
                        let result = Self.request(translation, input)
                        try Goldens.expect(result, "\(feature)/request.\(words[1])-\(name).json")
                        count += 1
                    }
                default:
                    let upstream = try #require(Goldens.upstreams[words[1]], "\(file)")
                    for (name, client) in Goldens.clients {
                        guard let translation = Translation(client: client, upstream: upstream) else { continue }
                        try Self.answer(translation, input, words, "\(feature)/\(words[0]).\(words[1])-\(name)")
                        count += 1
                    }
                }
            }
        }
        print("goldens: \(count) run")
        #expect(count > 0)
    }

    private static func request(_ translation: Translation, _ input: [UInt8]) -> String {
        let stream: Bool? = nil
        do {
            let made = try translation.request(input, model: "upstream-model", defaultMaxTokens: 4096, stream: stream)
            let losses = made.losses.entries.map {
                JSON.string("\($0.kind.rawValue) \($0.field): \($0.why)")
            }
            let body = try JSON(parsing: made.body)
            return (["path": .string(made.path), "losses": .array(losses), "body": body] as JSON).indented + "\n"
        } catch {
            return "\(error)\n"
        }
    }

    private static func answer(
        _ translation: Translation,
        _ input: [UInt8],
        _ words: [String],
        _ place: String
    ) throws {
        switch words[0] {
        case "answer":
            let answer = try translation.answer(input, Self.context)
            try Goldens.expect(try JSON(parsing: answer.body).indented + "\n", "\(place).json")
        case "error":
            let status = try #require(Int(words[2]))
            let body = translation.error(status: status, body: input, requestID: "req-1")
            try Goldens.expect(try JSON(parsing: body).indented + "\n", "\(place).\(status).json")
        default:
            var out: [UInt8] = []
            let stream = translation.stream(Self.context)
            stream.feed(input.span, into: &out)
            stream.finish(into: &out)
            try Goldens.expect(String(decoding: out, as: UTF8.self), "\(place).sse")
        }
    }
}

/// The recorded inputs and results.
enum Goldens {
    static let root = String(#filePath.dropLast("GoldenTests.swift".count)) + "Goldens"
    static let clients: [String: WireFormat] = [
        "chat": .openAIChat, "messages": .anthropicMessages, "generate": .geminiGenerate,
        "responses": .openAIResponses,
    ]
    static let upstreams: [String: Dialect] = [
        "openai": .openAI, "anthropic": .anthropic, "gemini": .gemini, "bedrock": .bedrock,
    ]
    private static let updates = getenv("AGW_UPDATE_GOLDENS") != nil

    static func features() throws -> [String] { try Files.names(self.root) }

    static func inputs(_ feature: String) throws -> [String] {
        try Files.names("\(self.root)/\(feature)").filter { !$0.contains("-") }
    }

    static func expect(_ text: String, _ place: String) throws {
        let path = "\(self.root)/\(place)"
        if self.updates { try Files.write(text, path) }
        let recorded = String(decoding: try Files.read(path), as: UTF8.self)
        #expect(recorded == text, "\(place)")
    }
}

extension JSON {
    /// The value over several lines, for people.
    var indented: String { self.indented("") }

    private func indented(_ margin: String) -> String {
        let inner = margin + "  "
        switch self {
        case .array(let values) where !values.isEmpty && self.text.utf8.count > 100:
            return "[\n" + values.map { inner + $0.indented(inner) }.joined(separator: ",\n") + "\n\(margin)]"
        case .object(let members) where !members.isEmpty && self.text.utf8.count > 100:
            let lines = members.map { "\(inner)\(JSON.string($0.name).text): \($0.value.indented(inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(margin)}"
        default: return self.text
        }
    }
}

/// Files without Foundation.
enum Files {
    struct Failure: Error { let path: String }

    static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw Failure(path: path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
        return bytes
    }

    static func write(_ text: String, _ path: String) throws {
        guard let file = fopen(path, "wb") else { throw Failure(path: path) }
        defer { fclose(file) }
        let bytes = Array(text.utf8)
        _ = fwrite(bytes, 1, bytes.count, file)
    }

    /// What is in a folder, in order.
    static func names(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw Failure(path: path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
