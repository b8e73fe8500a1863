// Grammar of a model name that carries dials: `sim` followed by dials, each with its value, all joined by `-`:
//
//     sim-ttft-200ms-rate-50-tokens-100
//     sim-status-503-error-0.5-retry-2
//
// | dial        | value             | effect                                                                       |
// |-------------|-------------------|------------------------------------------------------------------------------|
// | `ttft`      | duration          | waits before the first byte of the answer                                    |
// | `rate`      | tokens per second | paces tokens; an unstreamed answer waits for all of them                     |
// | `tokens`    | count             | tokens of output, where the request's own limit does not end it earlier      |
// | `status`    | 400…599           | answers with this error (in every case, unless `error` says how often)       |
// | `error`     | 0…1               | share of requests that fail, spread evenly; with status 500 unless `status`  |
// | `retry`     | seconds           | `retry-after` of the error                                                   |
// | `cut`       | bytes             | closes the connection after that many bytes of the body, with no final chunk |
// | `stall`     | bytes             | sends nothing more after that many bytes of the body                         |
// | `malformed` | bytes             | from that byte of the body on, four bytes are garbage                        |
// | `fault`     | tokens            | a stream ends with an error event after that many tokens                     |
// | `tool`      | name of a tool    | calls that tool where it is offered, and answers its result with text        |
// | `think`     | tokens            | thinks for that many tokens first, asked to or not; 0: not at all            |
// | `refuse`    | –                 | refuses to answer                                                            |
// | `gzip`      | –                 | compresses the answer, asked for or not                                      |
//
// A duration is a number with `ms` or `s`. The same dials are request headers (`x-sim-ttft: 200ms`, `x-sim-gzip: 1`) and
// defaults in `SimulatorOptions`. A header overrides the model name, the model name the default. A model name in which
// any part is not such a dial is a plain name.

/// How the simulator is asked to misbehave, or to take its time, for one request.
package struct Dials: Sendable, Equatable {
    /// The wait before the first byte of an answer.
    package var timeToFirstToken: Duration?
    /// How many tokens are produced per second; nil: at once.
    package var tokensPerSecond: Double?
    /// How many tokens are produced; nil: a number between 16 and 31 that follows from the request.
    package var outputTokens: Int?
    /// The share of requests that fail, from 0 to 1.
    package var errorRate: Double?
    /// The status of failing requests.
    package var errorStatus: Int?
    /// The `retry-after` of failing requests, in seconds.
    package var retryAfter: Int?
    /// The connection is closed after this many bytes of the body.
    package var cutAfter: Int?
    /// Nothing more is sent after this many bytes of the body.
    package var stallAfter: Int?
    /// Four bytes of garbage stand at this offset of the body.
    package var malformedAt: Int?
    /// A stream ends with an error event after this many tokens.
    package var faultAfter: Int?
    /// The tool that is called first, where it is offered.
    package var toolName: String?
    /// How many tokens the model thinks for; nil: as the request asks.
    package var thoughtTokens: Int?
    /// The model refuses to answer.
    package var refuses = false
    /// The answer is compressed, asked for or not.
    package var gzip = false

    /// No dial is set: answers come complete and at once.
    package init() {}

    /// The longest output that a dial may ask for.
    static let maximumOutputTokens = 1_000_000

    /// The largest offset that a dial may name.
    static let maximumOffset = 1 << 40

    /// Every dial that takes a value, by the name that model names and headers use.
    static let names = [
        "ttft", "rate", "tokens", "status", "error", "retry", "cut", "stall", "malformed", "fault", "tool", "think",
    ]
}

extension Dials {
    /// These dials with those of a model name laid over them.
    package func overridden(byModel model: String) -> Dials {
        var parts = model.split(separator: "-", omittingEmptySubsequences: false)[...]
        guard parts.popFirst() == "sim", !parts.isEmpty else { return self }
        var dials = self
        while let name = parts.popFirst() {
            if name == "gzip" {
                dials.gzip = true
            } else if name == "refuse" {
                dials.refuses = true
            } else {
                guard let value = parts.popFirst(), dials.set(String(name), String(value)) else { return self }
            }
        }
        return dials
    }

    /// These dials with those of request headers laid over them; `header` looks up a header by its name.
    /// Throws the name of a header whose value is none of its dial's.
    func overridden(byHeaders header: (String) -> String?) throws(DialError) -> Dials {
        var dials = self
        for name in Self.names {
            guard let value = header("x-sim-\(name)") else { continue }
            guard dials.set(name, value) else { throw DialError(header: "x-sim-\(name)", value: value) }
        }
        if let value = header("x-sim-gzip") { dials.gzip = value != "0" && value != "false" }
        if let value = header("x-sim-refuse") { dials.refuses = value != "0" && value != "false" }
        return dials
    }

    /// Sets one dial from its text; false when there is no such dial or the text is not its value.
    private mutating func set(_ name: String, _ text: String) -> Bool {
        switch name {
        case "ttft": Self.store(Self.duration(text), &self.timeToFirstToken)
        case "rate": Self.store(Self.number(text, in: 0.001...1_000_000), &self.tokensPerSecond)
        case "tokens": Self.store(Self.whole(text, in: 1...Self.maximumOutputTokens), &self.outputTokens)
        case "status": Self.store(Self.whole(text, in: 400...599), &self.errorStatus)
        case "error": Self.store(Self.number(text, in: 0...1), &self.errorRate)
        case "retry": Self.store(Self.whole(text, in: 0...86_400), &self.retryAfter)
        case "cut": Self.store(Self.whole(text, in: 0...Self.maximumOffset), &self.cutAfter)
        case "stall": Self.store(Self.whole(text, in: 0...Self.maximumOffset), &self.stallAfter)
        case "malformed": Self.store(Self.whole(text, in: 0...Self.maximumOffset), &self.malformedAt)
        case "fault": Self.store(Self.whole(text, in: 0...Self.maximumOutputTokens), &self.faultAfter)
        case "tool": Self.store(text.isEmpty ? nil : text, &self.toolName)
        case "think": Self.store(Self.whole(text, in: 0...Self.maximumOutputTokens), &self.thoughtTokens)
        default: false
        }
    }

    private static func store<Value>(_ value: Value?, _ place: inout Value?) -> Bool {
        guard let value else { return false }
        place = value
        return true
    }

    private static func number(_ text: String, in range: ClosedRange<Double>) -> Double? {
        Double(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static func whole(_ text: String, in range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static func duration(_ text: String) -> Duration? {
        if text.hasSuffix("ms") {
            return Self.number(String(text.dropLast(2)), in: 0...600_000).map { .seconds($0 / 1000) }
        }
        if text.hasSuffix("s") { return Self.number(String(text.dropLast()), in: 0...600).map { .seconds($0) } }
        return nil
    }
}

/// A dial's header has a value that is none of the dial's.
struct DialError: Error {
    let header: String
    let value: String
}
