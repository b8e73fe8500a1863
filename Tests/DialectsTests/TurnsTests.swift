import GatewayModel
import JSONScan
import Testing

@testable import Dialects

struct TurnsTests {
    private static func translated(_ body: String, from client: WireFormat) throws -> (JSON, [String]) {
        let translation = try #require(Translation(client: client, upstream: .anthropic))
        let made = try translation.request(Array(body.utf8), model: "m", defaultMaxTokens: 9, stream: false)
        return (try JSON(parsing: made.body), made.losses.entries.map(\.field))
    }

    @Test func makesATurnOfInstructionsThatStandAlone() throws {
        let body = #"{"messages":[{"role":"system","content":"a"},{"role":"developer","content":"b"}]}"#
        let (json, losses) = try Self.translated(body, from: .openAIChat)
        #expect(json["system"] == "a")
        #expect(json["messages"] == [["role": "user", "content": "b"]])
        #expect(losses == ["messages[1]"])
    }

    @Test func joinsTheThoughtThatWasStreamedInPieces() throws {
        // `YW50aHJvcGljOnNpZw==` is `anthropic:sig`.
        let parts =
            #"{"text":"a","thought":true},{"text":" b","thought":true},"#
            + #"{"text":"","thought":true,"thoughtSignature":"YW50aHJvcGljOnNpZw=="},{"text":"answer"}"#
        let body = #"{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[\#(parts)]}]}"#
        let (json, _) = try Self.translated(body, from: .geminiGenerate)
        #expect(
            json["messages"]?.array?.last?["content"]?.array?.first
                == ["type": "thinking", "thinking": "a b", "signature": "sig"]
        )
    }
}
