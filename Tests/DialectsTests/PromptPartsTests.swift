import JSONScan
import Testing

@testable import Dialects

/// What of a body the model reads, whatever dialect it is in.
struct PromptPartsTests {
    /// One pixel of PNG, 1 × 1.
    static let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

    @Test(arguments: [
        (
            WireFormat.openAIChat,
            #"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b","name":"n"}]}"#
        ),
        (.anthropicMessages, #"{"model":"m","max_tokens":1,"system":"a","messages":[{"role":"user","content":"b"}]}"#),
        (
            .geminiGenerate,
            #"{"systemInstruction":{"parts":[{"text":"a"}]},"contents":[{"role":"user","parts":[{"text":"b"}]}]}"#
        ),
        (.openAIResponses, #"{"model":"m","instructions":"a","input":"b"}"#),
    ])
    func theSameTextsInEveryDialect(_ format: WireFormat, _ body: String) throws {
        let parts = try PromptParts(reading: Array(body.utf8), as: format)
        #expect(parts.messages.map(\.texts) == [["a"], ["b"]])
        #expect(PromptParts.format(of: Array(body.utf8)) == format)
    }

    @Test func toolsCallsResultsAndPicturesAreFound() throws {
        let body = #"""
            {"model":"m","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],
             "messages":[{"role":"user","content":[{"type":"text","text":"look"},
               {"type":"image_url","image_url":{"url":"data:image/png;base64,\#(Self.png)","detail":"low"}}]},
              {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
              {"role":"tool","tool_call_id":"1","content":"result"}]}
            """#
        let parts = try PromptParts(reading: Array(body.utf8), as: .openAIChat)
        #expect(parts.tools == [.init(name: "f", description: "d", schema: Array(#"{"type":"object"}"#.utf8))])
        #expect(parts.images == [.init(width: 1, height: 1, detail: "low")])
        #expect(parts.messages.map(\.texts) == [["look"], ["f", "{}"], ["result"]])
    }

    @Test func embeddingsAreTextsAlone() throws {
        let body = Array(#"{"model":"e","input":["a","b"],"dimensions":4}"#.utf8)
        #expect(PromptParts.format(of: body) == .openAIPlain)
        let parts = try PromptParts(reading: body, as: .openAIPlain)
        #expect(parts.isPlain && parts.messages.map(\.texts) == [["a", "b"]])
    }

    @Test(arguments: ["[]", "{", #"{"model":"m"}"#])
    func whatIsNoCallIsNoDialects(_ body: String) { #expect(PromptParts.format(of: Array(body.utf8)) == nil) }

    @Test(
        arguments: [
            (
                [
                    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 2, 0, 0,
                    0, 1, 0,
                ], 512, 256
            ),
            (Array("GIF89a".utf8) + [0x40, 0x01, 0xF0, 0x00], 320, 240),
            // A comment before the frame.
            ([0xFF, 0xD8, 0xFF, 0xFE, 0, 4, 0, 0, 0xFF, 0xC2, 0, 17, 8, 0x03, 0x00, 0x04, 0x00, 3], 1024, 768),
            (Array("RIFF____WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0x03, 0, 0xFF, 0x01, 0], 1024, 512),
            (Array("RIFF____WEBPVP8L".utf8) + [9, 0, 0, 0, 0x2F, 0x7F, 0xC0, 0x1F, 0, 0, 0, 0, 0, 0], 128, 128),
            (
                Array("RIFF____WEBPVP8 ".utf8) + [9, 0, 0, 0, 0, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01], 640,
                480
            ),
        ] as [([UInt8], Int, Int)]
    )
    func sizesOfPicturesAreReadFromTheirHeads(_ bytes: [UInt8], _ width: Int, _ height: Int) throws {
        let size = try #require(ImageSize(bytes))
        #expect((size.width, size.height) == (width, height))
        // No beginning of it is read beyond its end.
        for count in 0..<bytes.count { _ = ImageSize(Array(bytes[..<count])) }
    }

    @Test func whatIsNoPictureHasNoSize() {
        #expect(ImageSize([]) == nil && ImageSize(Array("plain text, and quite a bit of it".utf8)) == nil)
        #expect(ImageSize(base64: "%%%") == nil)
        #expect(ImageSize([0xFF, 0xD8] + [UInt8](repeating: 0xFF, count: 1000)) == nil)
    }
}
