import Dialects
import GatewayModel
import HTTPWire
import JSONScan
import Journal

/// What a JSON call asks for, read from the top level of its body without decoding it.
struct Call {
    /// Where the `model` value stands in the body, quotes included.
    var modelRange: Range<Int>?
    /// The name was written with escapes, so its bytes must be replaced by ours.
    var isModelEscaped = false
    var isStream = false
    var streamOptions: TopLevelScanner.Member?
    /// The client asked for the usage event itself.
    var asksForUsage = false
    var store: Bool?
    /// The body may refer to stored files; false only when it is certain that it does not.
    var mayNameFiles = false
    /// Where the id of a stored object that the call builds on stands, as it is written, without its quotes.
    var previousObject: ByteRange?
}

/// Reads calls; the scanner's memory is used again for each.
struct CallReader {
    private static let model = 0
    private static let stream = 1
    private static let streamOptions = 2
    private static let user = 3
    private static let store = 4
    private static let previousResponse = 5
    private static let inputFile = 6
    private static let metadata = 7
    /// Bytes of a model's name as it is written; longer ones name nothing, and would go into headers and logs.
    private static let modelLimit = 1024

    private let scanner = TopLevelScanner(watching: [
        "model", "stream", "stream_options", "user", "store", "previous_response_id", "input_file_id",
        "metadata",
    ])

    /// Reads `body`. Throws for what is not one JSON object, or not the same object to all readers. The asked model's name
    /// as text is put into `record`, where it stays empty when none is named, the end user's, cut at 128 bytes, and the
    /// metadata, unless they are long.
    func read(_ body: borrowing Span<UInt8>, into record: inout ExchangeRecord) throws(Refusal) -> Call {
        try self.check(body)
        var call = Call()
        call.mayNameFiles = self.scanner.mayNameFiles
        try self.readModel(body, into: &call, &record.modelAsked)
        call.isStream = try self.flag(body, Self.stream, "stream") ?? false
        call.store = try self.flag(body, Self.store, "store")
        if let options = self.scanner[Self.streamOptions], options.kind == .object {
            call.streamOptions = options
            call.asksForUsage = try Self.includesUsage(body, options)
        } else {
            call.streamOptions = self.scanner[Self.streamOptions]
        }
        for index in [Self.previousResponse, Self.inputFile] where call.previousObject == nil {
            guard let member = self.scanner[index], member.kind == .string else { continue }
            call.previousObject = ByteRange(member.start + 1, member.end - 1)
        }
        if let user = self.scanner[Self.user], user.kind == .string {
            let end = min(user.end - 1, user.start + 1 + 128)
            record.endUser.set(body, ByteRange(user.start + 1, end))
        }
        if let metadata = self.scanner[Self.metadata], metadata.kind == .object {
            record.metadata = ExchangeRecord.tags(ByteRange(metadata.start, metadata.end))
        }
        return call
    }

    /// Throws for what is not one JSON object.
    func check(_ body: borrowing Span<UInt8>) throws(Refusal) {
        self.scanner.reset()
        do throws(JSONFlaw) {
            try self.scanner.feed(body)
            try self.scanner.finish()
        } catch {
            throw Refusal(error.isAmbiguity ? .ambiguousJSON : .invalidJSON, "In detail: \(error.rawValue).")
        }
    }

    private func readModel(
        _ body: borrowing Span<UInt8>,
        into call: inout Call,
        _ name: inout ReusedBytes
    ) throws(Refusal) {
        guard let model = self.scanner[Self.model] else { return }
        guard model.kind == .string else { throw Refusal(.missingModel, "`model` must be a string.") }
        guard model.end - model.start <= Self.modelLimit else {
            throw Refusal(.modelNotFound, "A model's name has at most \(Self.modelLimit) bytes.")
        }
        call.modelRange = model.range
        var isASCII = true
        for index in model.start + 1..<model.end - 1 {
            if body[index] == UInt8(ascii: "\\") { call.isModelEscaped = true }
            if body[index] >= 0x80 { isASCII = false }
        }
        name.set(body, ByteRange(model.start + 1, model.end - 1))
        // What is not UTF-8 is read differently by different readers.
        guard isASCII || String(validating: name.bytes, as: UTF8.self) != nil else {
            throw Refusal(.invalidJSON, "`model` is not UTF-8.")
        }
        guard call.isModelEscaped else { return }
        guard let decoded = JSONText.decode(name.array[...]) else {
            throw Refusal(.invalidJSON, "`model` holds a malformed escape.")
        }
        name.set(decoded)
    }

    private func flag(_ body: borrowing Span<UInt8>, _ index: Int, _ name: String) throws(Refusal) -> Bool? {
        guard let member = self.scanner[index], member.kind != .null else { return nil }
        guard member.kind == .bool else { throw Refusal(.invalidJSON, "`\(name)` must be true or false.") }
        return body[member.start] == UInt8(ascii: "t")
    }

    private static func includesUsage(
        _ body: borrowing Span<UInt8>,
        _ options: TopLevelScanner.Member
    ) throws(Refusal) -> Bool {
        let scanner = TopLevelScanner(watching: ["include_usage"])
        do throws(JSONFlaw) {
            try scanner.feed(body.extracting(options.range))
            try scanner.finish()
        } catch {
            throw Refusal(error.isAmbiguity ? .ambiguousJSON : .invalidJSON, "In `stream_options`: \(error.rawValue).")
        }
        guard let member = scanner[0], member.kind == .bool else { return false }
        return body[options.start + member.start] == UInt8(ascii: "t")
    }
}

/// A change to a body that is otherwise forwarded byte for byte.
struct Splice {
    let range: Range<Int>
    let replacement: [UInt8]
}
