import ArgumentParser
import Foundation
import GatewayModel
import TokenService
import Tokenizer

/// `ai-gateway tokens`: what models make of texts.
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "Count tokens, and show where texts are cut.",
        subcommands: [TokensCount.self, TokensShow.self]
    )
}

/// Which vocabulary, and which files.
struct TokenOptions: ParsableArguments {
    @Option(help: "The vocabulary: \(Vocabulary.allCases.map(\.rawValue).joined(separator: ", ")).") var encoding:
        String?
    @Option(help: "The model whose vocabulary it is, instead of --encoding.") var model: String?
    @Argument(help: "Files; standard input when there is none, or for `-`.") var files: [String] = []

    /// The vocabulary, and whether it is the model's own.
    func family() throws -> (vocabulary: Vocabulary, isExact: Bool) {
        switch (self.encoding, self.model) {
        case (_?, _?): throw OptionError("--encoding and --model: give one of the two")
        case (let name?, nil):
            guard let vocabulary = Vocabulary(rawValue: name) else {
                let known = Vocabulary.allCases.map(\.rawValue).joined(separator: ", ")
                throw OptionError("--encoding: `\(name)` is not known; known are \(known)")
            }
            return (vocabulary, true)
        case (nil, let model?):
            let family = ModelFamily(model: model) ?? .unknown
            return (family.vocabulary, family.hasVocabulary)
        case (nil, nil): return (.o200kBase, true)
        }
    }

    /// Standard input alone when no file is named.
    var paths: [String] { self.files.isEmpty ? ["-"] : self.files }
}

/// A file, or standard input, piece by piece.
private struct InputPieces {
    private static let pieceBytes = 1 << 20
    private let handle: FileHandle
    let name: String
    /// Bytes in all; nil where that is not known before the end.
    let size: Int?

    init(_ path: String) throws {
        self.name = path
        guard path != "-" else {
            (self.handle, self.size) = (.standardInput, nil)
            return
        }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw OptionError("cannot read \(path): \(String(cString: strerror(errno)))", exitCode: 1)
        }
        self.handle = handle
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        self.size = attributes?[.size] as? Int
    }

    func next() throws -> Data? {
        guard let data = try self.handle.read(upToCount: Self.pieceBytes), !data.isEmpty else { return nil }
        return data
    }
}

/// `ai-gateway tokens count`
struct TokensCount: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count",
        abstract: "Say how many tokens files are, in the manner of wc."
    )

    @OptionGroup var options: TokenOptions
    @Flag(help: "One JSON object per file.") var json = false

    func run() async throws {
        let family = try self.options.family()
        let tokenizer = Tokenizer.of(family.vocabulary)
        var total = (tokens: 0, bytes: 0)
        for path in self.options.paths {
            let counted = try Self.count(try InputPieces(path), tokenizer, isQuiet: self.json)
            self.report(counted.tokens, counted.bytes, path, family)
            total = (total.tokens + counted.tokens, total.bytes + counted.bytes)
        }
        if self.options.paths.count > 1, !self.json { self.report(total.tokens, total.bytes, "total", family) }
    }

    private static func count(
        _ input: InputPieces,
        _ tokenizer: Tokenizer,
        isQuiet: Bool
    ) throws -> (tokens: Int, bytes: Int) {
        var counter = TokenCounter(tokenizer)
        var bytes = 0
        while let data = try input.next() {
            counter.add([UInt8](data))
            bytes += data.count
            let share = input.size.map { " of \($0 >> 20)" } ?? ""
            Progress.show("\(input.name): \(bytes >> 20)\(share) MB", isQuiet: isQuiet)
        }
        Progress.show("", isQuiet: isQuiet)
        return (counter.finish(), bytes)
    }

    private func report(_ tokens: Int, _ bytes: Int, _ name: String, _ family: (vocabulary: Vocabulary, isExact: Bool))
    {
        guard self.json else {
            let number = { (value: Int) in String(repeating: " ", count: max(0, 10 - "\(value)".count)) + "\(value)" }
            print("\(number(tokens)) \(number(bytes))  \(name)\(family.isExact ? "" : "  (estimated)")")
            return
        }
        printJSON([
            "file": .string(name), "tokens": .int(Int64(tokens)), "bytes": .int(Int64(bytes)),
            "encoding": .string(family.vocabulary.rawValue), "exact": .bool(family.isExact),
        ])
    }
}

/// `ai-gateway tokens show`
struct TokensShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print a text with its tokens marked: by colours on a terminal, by bars elsewhere."
    )

    @OptionGroup var options: TokenOptions
    @Flag(help: "One JSON object per token.") var json = false

    /// More is not for people to look at.
    private static let limit = 16 << 20

    func run() async throws {
        let tokenizer = Tokenizer.of(try self.options.family().vocabulary)
        for path in self.options.paths {
            let input = try InputPieces(path)
            var text: [UInt8] = []
            while let data = try input.next() {
                text += data
                guard text.count <= Self.limit else {
                    throw OptionError(
                        "\(path) is longer than \(Self.limit >> 20) MB; `tokens count` counts it",
                        exitCode: 1
                    )
                }
            }
            let ids = try tokenizer.encode(text)
            if self.json { try Self.list(ids, tokenizer) } else { try Self.paint(ids, tokenizer) }
        }
    }

    private static func list(_ ids: [UInt32], _ tokenizer: Tokenizer) throws {
        var offset = 0
        for id in ids {
            let bytes = try tokenizer.bytes(of: id)
            let text = String(decoding: bytes, as: UTF8.self)
            printJSON(["id": .int(Int64(id)), "offset": .int(Int64(offset)), "text": .string(text)])
            offset += bytes.count
        }
    }

    /// Written as bytes: a token may be a part of a character, which the next one completes.
    private static func paint(_ ids: [UInt32], _ tokenizer: Tokenizer) throws {
        let hasColours = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        var out: [UInt8] = []
        for (index, id) in ids.enumerated() {
            if hasColours {
                // Six backgrounds of the 256 colours, in turn.
                out += "\u{1B}[48;5;\([24, 58, 52, 22, 53, 94][index % 6])m".utf8
            } else if index > 0 {
                out += "|".utf8
            }
            out += try tokenizer.bytes(of: id)
        }
        if hasColours { out += "\u{1B}[0m".utf8 }
        if out.last != UInt8(ascii: "\n") { out += "\n".utf8 }
        FileHandle.standardOutput.write(Data(out))
    }
}

private func printJSON(_ value: DocumentValue) { print(String(decoding: value.json(), as: UTF8.self)) }
