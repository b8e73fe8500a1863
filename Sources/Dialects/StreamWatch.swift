package import GatewayModel
import JSONScan

/// Looks at each event of a stream that is passed through: picks up the usage, sees the end, knows what to hide.
///
/// Most events are decided by one search for `"usage"`; only those that have it are read as JSON.
package struct StreamWatch: Sendable {
    package enum Verdict: Sendable, Equatable {
        case forward
        /// The client did not ask for this event.
        case hide
    }

    private let format: WireFormat
    /// The event that carries only usage was asked for by the gateway, not by the client.
    private let hidesUsageEvent: Bool
    /// What has been seen of the usage so far; its source says how final it is.
    package private(set) var usage = TokenUsage()
    /// The dialect's own last event has passed.
    package private(set) var hasEnded = false
    /// An error event of the upstream's has passed.
    package private(set) var hasFailed = false
    /// The id of the stored object that the stream tells of, if its first event named one.
    package private(set) var objectID: [UInt8]?
    private var isFirst = true

    package init(_ format: WireFormat, hidesUsageEvent: Bool) {
        self.format = format
        self.hidesUsageEvent = hidesUsageEvent
    }

    /// Judges the event in `range`, which ends behind its blank line.
    package mutating func see(_ bytes: borrowing Span<UInt8>, event range: Range<Int>) -> Verdict {
        guard let data = SSEScanner.data(bytes, in: range), !data.isEmpty else { return .forward }
        let wasFirst = self.isFirst
        self.isFirst = false
        switch self.format {
        case .openAIChat, .openAIPlain:
            if wasFirst, self.format == .openAIChat { self.objectID = Self.text(bytes, data, "id") }
            return self.seeChat(bytes, data)
        case .openAIResponses:
            if wasFirst, let response = Self.member(bytes, data, "response") {
                self.objectID = Self.text(bytes, response, "id")
            }
            self.seeResponses(bytes, data)
        case .anthropicMessages: self.seeMessages(bytes, data)
        case .geminiGenerate, .geminiArray, .geminiPlain: self.seeGenerate(bytes, data)
        }
        return .forward
    }

    private mutating func seeChat(_ bytes: borrowing Span<UInt8>, _ data: Range<Int>) -> Verdict {
        guard bytes[data.lowerBound] == UInt8(ascii: "{") else {
            if LineScan.begins("[DONE]", bytes, in: data) { self.hasEnded = true }
            return .forward
        }
        guard let place = LineScan.find("\"usage\"", bytes, in: data) else {
            if LineScan.begins("\"error\"", bytes, in: data.dropFirst()) { self.hasFailed = true }
            return .forward
        }
        // The usual `"usage":null` costs no more than this look.
        if LineScan.begins(":null", bytes, in: place + 7..<data.upperBound) { return .forward }
        guard let usage = Self.object(bytes, data, "usage") else { return .forward }
        self.usage = TokenUsage(openAI: usage)
        guard self.hidesUsageEvent, let choices = Self.member(bytes, data, "choices") else { return .forward }
        return choices.count == 2 ? .hide : .forward
    }

    private mutating func seeResponses(_ bytes: borrowing Span<UInt8>, _ data: Range<Int>) {
        guard let type = Self.text(bytes, data, "type") else { return }
        switch String(decoding: type, as: UTF8.self) {
        case "response.completed", "response.incomplete": self.hasEnded = true
        case "response.failed", "error":
            self.hasEnded = true
            self.hasFailed = true
        default: return
        }
        guard let response = Self.member(bytes, data, "response"),
            let usage = Self.object(bytes, response, "usage")
        else { return }
        self.usage = TokenUsage(openAI: usage)
    }

    private mutating func seeMessages(_ bytes: borrowing Span<UInt8>, _ data: Range<Int>) {
        guard LineScan.find("\"content_block_delta\"", bytes, in: data) == nil else { return }
        guard let type = Self.text(bytes, data, "type") else { return }
        switch String(decoding: type, as: UTF8.self) {
        case "message_start":
            guard let message = Self.member(bytes, data, "message"),
                let usage = Self.object(bytes, message, "usage")
            else { return }
            self.usage.add(anthropic: usage)
            self.usage.source = .partial
        case "message_delta":
            guard let usage = Self.object(bytes, data, "usage") else { return }
            self.usage.add(anthropic: usage)
            self.usage.source = .provider
        case "message_stop": self.hasEnded = true
        case "error": self.hasFailed = true
        default: break
        }
    }

    /// Google's streams have no last event: the one with the reason to stop is the last that matters.
    private mutating func seeGenerate(_ bytes: borrowing Span<UInt8>, _ data: Range<Int>) {
        if LineScan.find("\"finishReason\"", bytes, in: data) != nil { self.hasEnded = true }
        if LineScan.begins("\"error\"", bytes, in: data.dropFirst()) { self.hasFailed = true }
        guard LineScan.find("\"usageMetadata\"", bytes, in: data) != nil,
            let usage = Self.object(bytes, data, "usageMetadata")
        else { return }
        self.usage = WireFormat.geminiGenerate.usage(usage)
        self.usage.source = self.hasEnded ? .provider : .partial
    }

    /// Where the member `name` of the object in `range` stands.
    private static func member(
        _ bytes: borrowing Span<UInt8>,
        _ range: Range<Int>,
        _ name: StaticString
    ) -> Range<Int>? {
        let scanner = TopLevelScanner(watching: [name])
        // Malformed data is the client's to judge; the stream passes as it is.
        guard (try? scanner.feed(bytes.extracting(range))) != nil, let member = scanner[0] else { return nil }
        return member.start + range.lowerBound..<member.end + range.lowerBound
    }

    private static func object(
        _ bytes: borrowing Span<UInt8>,
        _ range: Range<Int>,
        _ name: StaticString
    ) -> [UInt8]? {
        guard let place = self.member(bytes, range, name), bytes[place.lowerBound] == UInt8(ascii: "{") else {
            return nil
        }
        return self.copy(bytes, place)
    }

    private static func text(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, _ name: StaticString) -> [UInt8]? {
        guard let place = self.member(bytes, range, name), place.count >= 2,
            bytes[place.lowerBound] == UInt8(ascii: "\"")
        else { return nil }
        return self.copy(bytes, place.lowerBound + 1..<place.upperBound - 1)
    }

    private static func copy(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(range.count)
        for index in range { copy.append(bytes[index]) }
        return copy
    }
}
