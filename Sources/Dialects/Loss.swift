/// The reasons for what an answer loses.
enum AnswerLoss {
    static let part = "the client's dialect has no such part"
    static let reason = "an unknown reason to stop counts as a filter"
}

/// What a translation could not carry, so that nothing is lost in silence.
package struct LossLedger: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// A path in the client's body, such as `tools[2].strict`.
        package let field: String
        package let kind: Kind
        package let why: String
    }

    package enum Kind: String, Sendable {
        /// The upstream never sees it.
        case dropped
        /// The upstream sees something near it.
        case changed
    }

    /// More are counted, not kept: a body of many unknown members must not become a long log line.
    static let capacity = 64

    package private(set) var entries: [Entry] = []
    /// How many did not fit.
    package private(set) var uncounted = 0

    package init() {}

    package var isEmpty: Bool { self.entries.isEmpty }

    /// The fields with what happened to each, for a header: `tools[2].strict;dropped, temperature;changed`. At most 1 kB of
    /// visible ASCII.
    package var headerValue: [UInt8] {
        var value: [UInt8] = []
        for entry in self.entries {
            let item = "\(value.isEmpty ? "" : ", ")\(entry.field);\(entry.kind.rawValue)".utf8
            guard value.count + item.count <= 1000 else { return value + Array(", ...".utf8) }
            value += item.map { $0 > 0x1F && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
        }
        return self.uncounted > 0 ? value + Array(", ...".utf8) : value
    }

    /// The fields with what happened to each and why, for a person; the first few.
    package var summary: String {
        let shown = self.entries.prefix(8).map { "`\($0.field)` is \($0.kind.rawValue) (\($0.why))" }
        let rest = self.entries.count + self.uncounted - shown.count
        return shown.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
    }

    mutating func dropped(_ field: String, _ why: String) { self.add(Entry(field: field, kind: .dropped, why: why)) }

    mutating func changed(_ field: String, _ why: String) { self.add(Entry(field: field, kind: .changed, why: why)) }

    /// Lists `field` when there is a value for it that the target cannot take.
    mutating func dropped(_ field: String, ifPresent value: (some Sendable)?, _ why: String) {
        if value != nil { self.dropped(field, why) }
    }

    /// Takes over what `other` lists.
    package mutating func add(_ other: LossLedger) {
        for entry in other.entries { self.add(entry) }
        self.uncounted += other.uncounted
    }

    private mutating func add(_ entry: Entry) {
        guard !self.entries.contains(entry) else { return }
        if self.entries.count < Self.capacity { self.entries.append(entry) } else { self.uncounted += 1 }
    }
}

/// Why a body cannot be translated at all.
package enum TranslationFailure: Error, Sendable, Equatable {
    /// The client's body is not what its own dialect says: the member, and what it should be.
    case invalid(field: String, reason: String)
    /// The upstream's dialect has no words for something that the answer would be wrong without.
    case unsupported(field: String, reason: String)
    /// The upstream's answer is not what its dialect says.
    case badAnswer(reason: String)
}
