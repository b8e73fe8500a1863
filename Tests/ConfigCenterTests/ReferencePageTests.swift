import ConfigCenter
import Foundation
import GatewayModel
import HTTPTypes
import ServiceKit
import Storage
import Testing

/// The pages of the reference say what the code does.
struct ReferencePageTests {
    private static func page(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/reference/\(name).md"), encoding: .utf8)
    }

    @Test func theAPIPageListsExactlyTheEndpointsAndCodes() async throws {
        let page = try Self.page("config-center")
        let listed = Set(page.matches(of: #/\n\| `([A-Z]+ /[^`]+)` \|/#).map { String($0.output.1) })
        try await Fixture.run { fixture in
            let kinds = ResourceKind.allCases.map(\.plural)
            let real = fixture.center.endpoints.map { endpoint in
                var path = endpoint.path
                for kind in kinds where path.hasPrefix("/api/v1/\(kind)") {
                    path = "/api/v1/{kind}" + path.dropFirst("/api/v1/\(kind)".count)
                }
                return "\(endpoint.method.rawValue) \(path)"
            }
            #expect(Set(real) == listed)
            _ = try await fixture.call(.get, "/healthz")
        }
        for code in ServiceCode.allCases {
            let row = page.split(separator: "\n").first { $0.hasPrefix("|") && $0.contains("`\(code.rawValue)`") }
            #expect(row?.contains("| \(code.status.code)") == true, "\(code.rawValue)")
        }
    }

    @Test func theResourcePagesExampleIsValidAndNamesEveryField() async throws {
        let page = try Self.page("resources")
        let start = try #require(page.firstRange(of: "```yaml\n"))
        let rest = page[start.upperBound...]
        let example = String(rest[..<(try #require(rest.firstRange(of: "```"))).lowerBound])
        let environment = ["SEARCH_KEY": "agw_for_the_search", "OPENAI_API_KEY": "sk-one", "SPARE_KEY": "sk-two"]
        let document = try ConfigDocument(yaml: example) { environment[$0] }
        try await Fixture.run { fixture in
            _ = try await fixture.center.apply(document, managedBy: .file)
            let snapshot = try #require(fixture.center.currentSnapshot())
            for name in Self.names(snapshot.document()) {
                let described =
                    page.contains("\(name)`") || page.contains("`\(name)") || page.contains("\n## \(name)\n")
                #expect(described, "\(name) is not described")
            }
        }
    }

    /// The names of all fields, lists left out; those of headers are the user's.
    private static func names(_ value: DocumentValue) -> Set<String> {
        switch value {
        case .object(let object):
            object.fields.reduce(into: []) { names, field in
                names.insert(field.name)
                if field.name != "headers" { names.formUnion(Self.names(field.value)) }
            }
        case .array(let values): values.reduce(into: []) { $0.formUnion(Self.names($1)) }
        default: []
        }
    }
}
