import Foundation
import GatewayCore
import GatewayModel
import Testing

@testable import Commands

/// The pages of the reference say what the code does.
struct ReferencePagesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: self.root.appending(path: path), encoding: .utf8)
    }

    /// What stands in code type in the first column of the tables below a heading.
    private static func firstColumn(_ page: String, below heading: String = "# ") throws -> Set<String> {
        Set(try self.firstColumnInOrder(page, below: heading))
    }

    private static func firstColumnInOrder(_ page: String, below heading: String = "# ") throws -> [String] {
        let start = try #require(page.firstRange(of: heading))
        let rest = page[start.upperBound...]
        let end = rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex
        let cells = rest[..<end].matches(of: #/\n\| (`[^|]+) \|/#).map { $0.output.1 }
        return cells.flatMap { cell in cell.matches(of: #/`([^`]+)`/#).map { String($0.output.1) } }
    }

    /// The keys that a source file puts into a line.
    private static func keys(in path: String) throws -> Set<String> {
        Set(try self.text(path).matches(of: #/put\((?:milliseconds: )?"(\w+)"/#).map { String($0.output.1) })
    }

    @Test(arguments: ReferenceCommand.Page.allCases)
    func generatedPagesAreFresh(_ page: ReferenceCommand.Page) throws {
        let written = try Self.text("docs/reference/\(page.rawValue).md")
        #expect(written == ReferencePages.text(page), "run make docs")
    }

    @Test func theHTTPPageListsExactlyTheEndpoints() throws {
        let listed = try Self.firstColumn(try Self.text("docs/reference/http.md"), below: "## Endpoints")
        let real = Endpoint.all.map { endpoint in
            "\("\(endpoint.method)".uppercased()) \(endpoint.namesModelInPath ? "/v1beta" : "/v1")\(endpoint.path)"
        }
        #expect(listed == Set(real))
        for prefix in Namespace.reservedPrefixes {
            #expect(try Self.text("docs/reference/http.md").contains("`\(prefix)`"), "\(prefix) is reserved")
        }
    }

    @Test func theLogPageNamesExactlyTheFields() throws {
        let page = try Self.text("docs/reference/logs.md")
        let access = try Self.firstColumn(page, below: "## Access log")
        #expect(access == (try Self.keys(in: "Sources/GatewayCore/Monitoring/AccessLog.swift")))
        let audit = try Self.firstColumn(page, below: "## Audit log")
        #expect(audit == (try Self.keys(in: "Sources/Commands/Logs/AuditLog.swift")))
        let error = try Self.firstColumn(page, below: "## Error log")
        for key in try Self.keys(in: "Sources/Commands/Logs/JSONLogHandler.swift") { #expect(error.contains(key)) }
    }

    @Test func theLogPageNamesEveryPieceOfMetadata() throws {
        let error = try Self.firstColumn(try Self.text("docs/reference/logs.md"), below: "## Error log")
        let sources = try #require(FileManager.default.enumerator(atPath: Self.root.appending(path: "Sources").path))
        for case let file as String in sources where file.hasSuffix(".swift") {
            for match in try Self.text("Sources/\(file)").matches(of: #/"(gateway\.[a-z_]+)":/#) {
                #expect(error.contains(String(match.output.1)), "\(file)")
            }
        }
    }

    @Test func theUsagePageNamesExactlyTheFieldsInTheirOrder() throws {
        var record = UsageRecord(id: RecordID(process: 1, count: 1), startedAt: 1)
        record.tags = [.init("job", "nightly")]
        record.matchedHeaders = [.init("team", "search")]
        (record.estimatedInput, record.limit, record.limitRemaining) = (1, 1, 1)
        for part in TokenUsage.Part.allCases { record.usage[part] = 1 }
        (record.sentAfter, record.firstByteAfter) = (1, 1)
        let listed = try Self.firstColumnInOrder(try Self.text("docs/reference/usage-record.md"))
        let written = try #require(record.document.object).fields.map(\.name)
        #expect(listed.filter { $0 != "time" } == written)
    }
}
