// A usage record as JSON: what `usage tail --json` prints, what gateways ship to the ledger, what the ledger exports.
// What may be unknown and is (an estimate, a time that never came) is left out; everything else is always there.

extension UsageRecord {
    /// The written form. Times are whole nanoseconds, so nothing is lost by writing and reading again.
    package var document: DocumentValue { self.written(.whole) }

    /// The part of the written form that a ledger has no columns for: without the id, the start, the names, the outcome, and
    /// the kinds of tokens. What is empty or false is left out; reading takes it for that.
    package var detail: DocumentValue { self.written(.detail) }

    /// In the order of docs/reference/usage-record.md.
    private func written(_ part: DocumentWriter.Part) -> DocumentValue {
        var out = DocumentWriter(part)
        out.putColumn("id", .string(self.id.description))
        out.putColumn("started_at", .int(Int64(clamping: self.startedAt)))
        out.putColumn("namespace", .string(self.namespace))
        out.putColumn("key", .string(self.key))
        out.putColumn("model", .string(self.modelAsked))
        out.putColumn("model_served", .string(self.modelServed))
        out.put("route", self.route)
        out.putColumn("upstream", .string(self.upstream))
        out.put("dialect", self.dialect)
        out.put("caller_dialect", self.callerDialect)
        out.put("path", self.path)
        out.put("stream", self.stream)
        out.put("end_user", self.endUser)
        out.put("tags", Self.object(self.tags))
        out.put("matched_headers", Self.object(self.matchedHeaders))
        out.put("estimated_input", self.estimatedInput)
        out.put("limit", self.limit)
        out.put("limit_remaining", self.limitRemaining)
        out.putColumn("outcome", .string(self.outcome.rawValue))
        self.putEnd(into: &out)
        return .object(out.object)
    }

    private func putEnd(into out: inout DocumentWriter) {
        out.put("code", self.code?.rawValue ?? "")
        out.put("status", .int(Int64(self.status)))
        out.put("attempts", .int(Int64(self.attempts)))
        out.put("request_bytes", self.requestBytes)
        out.put("response_bytes", self.responseBytes)
        out.put("usage_source", .string(self.usage.source.rawValue))
        for kind in TokenUsage.Kind.allCases {
            out.putColumn(kind.fieldName, .int(Int64(clamping: self.usage[kind])))
        }
        for part in TokenUsage.Part.allCases where self.usage[part] > 0 { out.put(part.fieldName, self.usage[part]) }
        out.put("sent_after", self.sentAfter)
        out.put("first_byte_after", self.firstByteAfter)
        out.put("ended_after", self.endedAfter)
        out.put("config_version", self.snapshotVersion)
    }

    /// Reads the written form. Fields that it does not know are passed over, so that a newer gateway may ship to an older
    /// ledger; what it knows must be right.
    package init(reading fields: FieldReader) {
        let id = RecordID(fields.required("id"))
        if id == nil { fields.problem("id", "must be `req_` and 32 hexadecimal digits") }
        self.init(id: id ?? RecordID(process: 0, count: 0), startedAt: fields.count("started_at") ?? 0)
        if !fields.has("started_at") { fields.problem("started_at", "is required: nanoseconds since 1970") }
        self.namespace = fields.text("namespace", limit: TextLimits.name)
        self.key = fields.text("key", limit: TextLimits.name)
        self.modelAsked = fields.text("model")
        self.modelServed = fields.text("model_served")
        self.route = fields.text("route")
        self.upstream = fields.text("upstream", limit: TextLimits.name)
        self.dialect = fields.text("dialect")
        self.callerDialect = fields.text("caller_dialect")
        self.path = fields.text("path")
        self.stream = fields.bool("stream", default: false)
        self.endUser = fields.text("end_user")
        self.tags = Self.tags(fields, "tags")
        self.matchedHeaders = Self.tags(fields, "matched_headers")
        self.estimatedInput = fields.count("estimated_input")
        self.limit = fields.count("limit")
        self.limitRemaining = fields.count("limit_remaining")
        self.readEnd(fields)
    }

    private mutating func readEnd(_ fields: FieldReader) {
        self.outcome = fields.choice("outcome", default: .failed)
        self.code = fields.string("code").flatMap(ErrorCode.init(rawValue:))
        self.status = fields.int("status", default: 0, in: 0...999) ?? 0
        self.attempts = fields.int("attempts", default: 1, in: 0...1_000_000) ?? 1
        self.requestBytes = fields.count("request_bytes") ?? 0
        self.responseBytes = fields.count("response_bytes") ?? 0
        self.usage.source = fields.choice("usage_source", default: .none)
        for kind in TokenUsage.Kind.allCases { self.usage[kind] = fields.count(kind.fieldName) ?? 0 }
        for part in TokenUsage.Part.allCases { self.usage[part] = fields.count(part.fieldName) ?? 0 }
        self.sentAfter = fields.count("sent_after")
        self.firstByteAfter = fields.count("first_byte_after")
        self.endedAfter = fields.count("ended_after") ?? 0
        self.snapshotVersion = fields.count("config_version") ?? 0
    }

    private static func object(_ tags: [Tag]) -> DocumentValue? {
        tags.isEmpty ? nil : .object(DocumentObject(tags.map { ($0.name, .string($0.value)) }))
    }

    private static func tags(_ fields: FieldReader, _ name: String) -> [Tag] {
        guard let value = fields.value(name) else { return [] }
        guard let object = value.object else {
            fields.problem(name, "must be an object, not \(value.kind)")
            return []
        }
        return Tag.list(object)
    }
}

extension UsageRecord.Tag {
    /// The tags of an object: its texts, numbers and booleans, within `TagLimits`.
    package static func list(_ object: DocumentObject) -> [Self] {
        var tags: [Self] = []
        for field in object.fields where field.name.utf8.count <= UsageRecord.TagLimits.nameBytes {
            guard tags.count < UsageRecord.TagLimits.count, let text = Self.text(field.value) else { continue }
            tags.append(Self(field.name, text))
        }
        return tags
    }

    /// The tags of a header: `team=search, ticket=42`. What is no pair, or too long, is passed over.
    package static func list(header: String) -> [Self] {
        var tags: [Self] = []
        for pair in header.split(separator: ",") where tags.count < UsageRecord.TagLimits.count {
            guard let sign = pair.firstIndex(of: "=") else { continue }
            let name = Self.trimmed(pair[..<sign])
            guard !name.isEmpty, name.utf8.count <= UsageRecord.TagLimits.nameBytes,
                !tags.contains(where: { $0.name == name })
            else { continue }
            tags.append(Self(name, Self.cut(Self.trimmed(pair[pair.index(after: sign)...]))))
        }
        return tags
    }

    private static func text(_ value: DocumentValue) -> String? {
        switch value {
        case .string(let text): Self.cut(text)
        case .int(let number): String(number)
        case .bool(let flag): String(flag)
        default: nil
        }
    }

    /// Cut at a character's border.
    private static func cut(_ text: String) -> String {
        guard text.utf8.count > UsageRecord.TagLimits.valueBytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: UsageRecord.TagLimits.valueBytes)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    private static func trimmed(_ text: Substring) -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return String(text)
    }
}

extension TokenUsage.Kind {
    /// As records and queries name the number of these tokens: `input_tokens`.
    package var fieldName: String { "\(self.rawValue)_tokens" }
}

extension TokenUsage.Part {
    /// As records and queries name the number of these tokens: `audio_output_tokens`.
    package var fieldName: String { "\(self.rawValue)_tokens" }
}

/// Collects the fields of an object in the order in which they are put; what is nil is left out.
private struct DocumentWriter {
    enum Part {
        case whole
        /// Without what a ledger has columns for, and without what is empty or false.
        case detail
    }

    private(set) var object = DocumentObject()
    private let part: Part

    init(_ part: Part) { self.part = part }

    /// What a ledger keeps in a column.
    mutating func putColumn(_ name: @autoclosure () -> String, _ value: @autoclosure () -> DocumentValue) {
        if self.part == .whole { self.object.appendUnchecked(name(), value()) }
    }

    mutating func put(_ name: String, _ value: DocumentValue?) {
        if let value { self.object.appendUnchecked(name, value) }
    }

    mutating func put(_ name: String, _ text: String) {
        if self.part == .whole || !text.isEmpty { self.put(name, .string(text)) }
    }

    mutating func put(_ name: String, _ flag: Bool) {
        if self.part == .whole || flag { self.put(name, .bool(flag)) }
    }

    mutating func put(_ name: String, _ number: UInt64?) {
        if let number { self.put(name, .int(Int64(clamping: number))) }
    }
}

extension FieldReader {
    /// A text that may be missing, of at most so many bytes.
    fileprivate func text(_ name: String, limit: Int = UsageRecord.TextLimits.text) -> String {
        self.string(name) { $0.utf8.count <= limit ? nil : "has \($0.utf8.count) bytes; at most \(limit) are kept" }
            ?? ""
    }

    /// A whole number that is not negative.
    fileprivate func count(_ name: String) -> UInt64? {
        guard let value = self.value(name) else { return nil }
        guard let number = value.int, number >= 0 else {
            self.problem(name, "must be a whole number from 0 to \(Int64.max)")
            return nil
        }
        return UInt64(number)
    }
}
