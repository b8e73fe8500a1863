import GatewayModel
import Testing

@testable import Dialects

/// What another provider has signed, in a body that goes to its own dialect as it is.
struct ForeignProofsTests {
    static let google = Signature(origin: .gemini, text: "Zm9v")
    static let anthropic = Signature(origin: .anthropic, text: "c2ln")

    struct Case: Sendable, CustomTestStringConvertible {
        let client: Dialect
        let body: String
        let cleaned: String
        let lost: String
        var testDescription: String { self.body }
    }

    static let cases: [Case] = {
        let ofGoogle = Self.google.carried(to: .anthropic)
        let forGoogle = Self.anthropic.carried(to: .gemini)
        return [
            Case(
                client: .anthropic,
                body:
                    #"{"x":1.50,"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"\#(ofGoogle)"},{"type":"thinking","thinking":"b","signature":"own"},{"type":"text","text":"t","odd":true}]}]}"#,
                cleaned:
                    #"{"x":1.50,"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"b","signature":"own"},{"type":"text","text":"t","odd":true}]}]}"#,
                lost: "messages[0].thinking"
            ),
            Case(
                client: .anthropic,
                body:
                    #"{"messages":[{"role":"assistant","content":[{"type":"redacted_thinking","data":"\#(ofGoogle)"}]},{"role":"user","content":"u"}]}"#,
                cleaned: #"{"messages":[{"role":"user","content":"u"}]}"#,
                lost: "messages[0].thinking"
            ),
            Case(
                client: .openAI,
                body:
                    #"{"messages":[{"role":"assistant","reasoning_content":"r","reasoning_signature":"\#(Self.anthropic.carried(to: .openai))"}]}"#,
                cleaned: #"{"messages":[{"role":"assistant","reasoning_content":"r"}]}"#,
                lost: "messages[0].reasoning_signature"
            ),
            Case(
                client: .openAI,
                body:
                    #"{"messages":[{"role":"assistant","tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"gemini:Zm9v"}}},{"id":"d","extra_content":{"google":{"thought_signature":"gemini:Zm9v","y":1},"z":2}}]}]}"#,
                cleaned:
                    #"{"messages":[{"role":"assistant","tool_calls":[{"id":"c"},{"id":"d","extra_content":{"google":{"y":1},"z":2}}]}]}"#,
                lost: "messages[0].tool_calls[0].extra_content.google.thought_signature"
            ),
            Case(
                client: .openAI,
                body:
                    #"{"input":[{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"anthropic:c2ln"},{"type":"reasoning","encrypted_content":"own"}]}"#,
                cleaned: #"{"input":[{"type":"reasoning","encrypted_content":"own"}]}"#,
                lost: "input[0]"
            ),
            Case(
                client: .gemini,
                body:
                    #"{"contents":[{"role":"model","parts":[{"text":"a","thought":true,"thoughtSignature":"\#(forGoogle)"},{"functionCall":{"name":"f"},"thought_signature":"\#(forGoogle)"},{"text":"b","thoughtSignature":"b3du"}]}]}"#,
                cleaned:
                    #"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}},{"text":"b","thoughtSignature":"b3du"}]}]}"#,
                lost: "contents[0].parts[0].thoughtSignature"
            ),
            Case(
                client: .gemini,
                body:
                    #"{"generateContentRequest":{"contents":{"parts":{"text":"a","thought":true,"thoughtSignature":"\#(forGoogle)"}}}}"#,
                cleaned: #"{"generateContentRequest":{"contents":[]}}"#,
                lost: "generateContentRequest.contents.parts.thoughtSignature"
            ),
        ]
    }()

    @Test(arguments: cases)
    func theyAreTakenOutAndNothingElse(_ item: Case) throws {
        let body = Array(item.body.utf8)
        let mayStand = ForeignProofs.mayStand(in: body.span, of: item.client)
        #expect(mayStand)
        var losses = LossLedger()
        let cleaned = try ForeignProofs.removed(from: body, of: item.client, &losses)
        #expect(cleaned.map { String(decoding: $0, as: UTF8.self) } == item.cleaned)
        #expect(losses.entries.first?.field == item.lost)
    }

    /// Words that look like a mark, and proofs of the provider's own, change nothing.
    @Test(
        arguments: [
            (Dialect.anthropic, #"{"messages":[{"role":"user","content":"gemini: what is it?"}]}"#, true),
            (
                .anthropic, #"{"messages":[{"role":"assistant","content":[{"type":"thinking","signature":"x"}]}]}"#,
                false
            ),
            (
                .openAI,
                #"{"messages":[{"role":"assistant","tool_calls":[{"extra_content":{"google":{"thought_signature":"Zm9v"}}}]}]}"#,
                false
            ),
            (.gemini, #"{"contents":[{"parts":[{"thoughtSignature":"b3du"}]}]}"#, false),
        ]
    )
    func othersStay(_ client: Dialect, _ body: String, _ mayStand: Bool) throws {
        let body = Array(body.utf8)
        let stands = ForeignProofs.mayStand(in: body.span, of: client)
        #expect(stands == mayStand)
        var losses = LossLedger()
        #expect(try ForeignProofs.removed(from: body, of: client, &losses) == nil && losses.isEmpty)
    }
}
