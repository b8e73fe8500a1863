import CByteScan

/// The shape of the event before, when it did nothing but let a text grow.
///
/// Most events of a stream differ from the one before in that text alone. One that does is not read as JSON: its text, as
/// it stands, goes to the client. Where it was found is where the decoder found it, for the same bytes around it.
/// `StreamTranslatorTests` compares the two ways.
struct DeltaPattern {
    private let block: Int
    private let choice: Int
    private let kind: DeltaKind
    private let prefix: [UInt8]
    private let suffix: [UInt8]

    /// Learns from an event that became nothing but `event`. Nil where the text is not found in exactly one place.
    init?(of event: AnswerEvent, in bytes: borrowing Span<UInt8>, _ data: Range<Int>) {
        // Arguments are watched for their end.
        guard case .delta(let block, let choice, let kind, let text) = event, kind != .arguments, !text.bytes.isEmpty,
            // A short text without escapes: finding others costs more than it saves.
            text.bytes.count <= 1024, !text.bytes.contains(UInt8(ascii: "\\"))
        else { return nil }
        let whole = bytes.extracting(data).withUnsafeBufferPointer { Array($0) }
        let needle = [UInt8(ascii: "\"")] + text.bytes + [UInt8(ascii: "\"")]
        guard let place = Self.onlyPlace(of: needle, in: whole) else { return nil }
        self.block = block
        self.choice = choice
        self.kind = kind
        self.prefix = Array(whole[...place])
        self.suffix = Array(whole[(place + needle.count - 1)...])
    }

    private static func onlyPlace(of needle: [UInt8], in whole: [UInt8]) -> Int? {
        var found: Int?
        var place = 0
        while place + needle.count <= whole.count {
            if whole[place] == needle[0], whole[place..<place + needle.count].elementsEqual(needle) {
                guard found == nil else { return nil }
                found = place
            }
            place += 1
        }
        return found
    }

    /// The text of an event that differs in it alone; nil for all others, and for text with escapes.
    func match(_ bytes: borrowing Span<UInt8>, _ data: Range<Int>) -> EscapedText? {
        guard data.count > self.prefix.count + self.suffix.count else { return nil }
        let start = data.lowerBound + self.prefix.count
        let end = data.upperBound - self.suffix.count
        return bytes.withUnsafeBufferPointer { all -> EscapedText? in
            guard all[data.lowerBound..<start].elementsEqual(self.prefix),
                all[end..<data.upperBound].elementsEqual(self.suffix),
                // The first byte that a string cannot run over must be its closing quote.
                Int(byte_scan_string_end(all.baseAddress, start, all.count)) == end
            else { return nil }
            let text = UnsafeBufferPointer(rebasing: all[start..<end])
            guard text.allSatisfy({ $0 < 0x80 }) || String(validating: text, as: UTF8.self) != nil else { return nil }
            return EscapedText(escaped: Array(text))
        }
    }

    func event(_ text: EscapedText) -> AnswerEvent {
        .delta(block: self.block, choice: self.choice, self.kind, text)
    }
}
