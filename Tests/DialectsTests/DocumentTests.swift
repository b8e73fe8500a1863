import GatewayModel
import JSONScan
import Testing

@testable import Dialects

/// Documents and pictures for Bedrock, which names their formats itself and demands a name of its own for each document.
struct DocumentTests {
    private static func file(_ type: String, _ name: String, member: String = "file_data") -> String {
        #"{"type":"input_file","\#(member)":"data:\#(type);base64,AAAA","filename":"\#(name)"}"#
    }

    private static func sent(_ parts: String) throws -> [JSON] {
        let translation = try #require(Translation(client: .openAIResponses, upstream: .bedrock))
        let body = Array(#"{"input":[{"role":"user","content":[\#(parts)]}]}"#.utf8)
        let made = try translation.request(body, model: "m", defaultMaxTokens: 4096)
        return try JSON(parsing: made.body)["messages"]?.array?.first?["content"]?.array ?? []
    }

    @Test(arguments: [
        ("application/pdf", "a.pdf", "pdf", "a"), ("text/csv", "b.c", "csv", "b c"),
        ("text/plain", "", "txt", "document"),
        ("application/octet-stream", "notes.MD", "md", "notes"), ("application/json", "x", "txt", "x"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "letter", "docx", "letter"),
    ])
    func haveAFormatAndAName(_ type: String, _ name: String, _ format: String, _ told: String) throws {
        for member in ["file_data", "file_url"] {
            let document = try Self.sent(Self.file(type, name, member: member)).first?["document"]
            #expect(document?["format"]?.string == format && document?["name"]?.string == told)
            #expect(document?["source"]?["bytes"]?.string == "AAAA")
        }
    }

    @Test(arguments: [
        (["a.pdf", "a.csv"], ["a", "a [2]"]),
        // A client may have given the name that would be made up.
        (["a [2].pdf", "a.pdf", "a.pdf", "a.pdf"], ["a [2]", "a", "a [3]", "a [4]"]),
        (["a.pdf", "a.pdf", "a [2].pdf"], ["a", "a [2]", "a [2] [2]"]),
    ])
    func ofOneNameAreToldApart(_ given: [String], _ told: [String]) throws {
        let documents = try Self.sent(given.map { Self.file("application/pdf", $0) }.joined(separator: ","))
        #expect(documents.map { $0["document"]?["name"]?.string } == told)
    }

    @Test(arguments: [
        Self.file("application/vnd.ms-powerpoint", "a.ppt"), Self.file("application/octet-stream", "a"),
        #"{"type":"input_image","image_url":"data:image/tiff;base64,AAAA"}"#,
    ])
    func ofOtherFormatsAreRefusedByName(_ part: String) {
        #expect {
            _ = try Self.sent(part)
        } throws: { error in
            guard case .unsupported("messages[0]", let reason) = error as? TranslationFailure else { return false }
            return reason.hasPrefix("this upstream takes p")
        }
    }
}
