import Testing

@testable import GatewayModel

struct UsageRecordDocumentTests {
    private static func record() -> UsageRecord {
        var record = UsageRecord(id: RecordID(process: 7, count: 9), startedAt: 1_790_000_000_000_000_001)
        (record.namespace, record.key, record.upstream) = ("search", "prod", "openai")
        (record.modelAsked, record.modelServed) = ("gpt", "gpt-2026")
        (record.route, record.dialect, record.callerDialect, record.path) = ("r", "openai", "gemini", "/v1beta")
        (record.stream, record.endUser, record.status, record.attempts) = (true, "é 🙂", 200, 2)
        record.tags = [.init("job", "nightly")]
        (record.outcome, record.code) = (.complete, nil)
        for kind in TokenUsage.Kind.allCases { record.usage[kind] = 10 }
        for part in TokenUsage.Part.allCases { record.usage[part] = 3 }
        record.usage.source = .provider
        (record.sentAfter, record.firstByteAfter, record.endedAfter) = (1, 2, 3)
        return record
    }

    private static func read(_ document: DocumentValue) -> (record: UsageRecord, problems: [Problem]) {
        let log = ProblemLog()
        let record = UsageRecord(reading: FieldReader(document, at: "line", log: log))
        return (record, log.problems)
    }

    @Test func readsBackWhatIsWritten() {
        let (record, problems) = Self.read(Self.record().document)
        #expect(record == Self.record() && problems.isEmpty)
        let empty = UsageRecord(id: RecordID(process: 1, count: 2), startedAt: 0)
        #expect(Self.read(empty.document).record == empty)
    }

    /// The detail and the columns of a ledger are the whole record, and nothing stands in both.
    @Test func theDetailIsWhatHasNoColumn() throws {
        let whole = try #require(Self.record().document.object)
        let detail = try #require(Self.record().detail.object)
        let columns =
            ["id", "started_at", "namespace", "key", "model", "model_served", "upstream", "outcome"]
            + TokenUsage.Kind.allCases.map(\.fieldName)
        for field in whole.fields {
            let isEmpty = [.string(""), .bool(false)].contains(field.value)
            #expect((detail[field.name] == nil) == (columns.contains(field.name) || isEmpty), "\(field.name)")
        }
    }

    @Test(arguments: [("namespace", 512), ("key", 512), ("upstream", 512), ("model", 4096), ("end_user", 4096)])
    func textsHaveLimits(_ field: String, _ limit: Int) throws {
        for (bytes, isAllowed) in [(limit, true), (limit + 1, false)] {
            var object = try #require(Self.record().document.object)
            object.set(field, .string(String(repeating: "x", count: bytes - 2) + "é"))
            let problems = Self.read(.object(object)).problems
            #expect(problems.isEmpty == isAllowed)
            #expect(
                isAllowed || problems.first?.path == "line.\(field)" && "\(problems[0])".contains("at most \(limit)")
            )
        }
    }
}
