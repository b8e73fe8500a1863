import GatewayModel
import Testing

@testable import Dialects

/// What an upstream can make the gateway keep is bounded in number, too; beyond it a stream ends with a named error.
struct StreamBoundsTests {
    private static let clients: [WireFormat] = [.openAIChat, .anthropicMessages, .geminiGenerate, .openAIResponses]

    private static func run(_ upstream: Dialect, _ client: WireFormat, _ events: [String]) -> (
        text: String, failed: Bool
    )? {
        guard let stream = Translation(client: client, upstream: upstream)?.stream(GoldenTests.context) else {
            return nil
        }
        var out: [UInt8] = []
        for event in events { stream.feed(Array("data: \(event)\n\n".utf8).span, into: &out) }
        return (String(decoding: out, as: UTF8.self), stream.hasFailed)
    }

    private static func expect(_ upstream: Dialect, _ most: Int, _ events: (Int) -> [String]) {
        for client in Self.clients {
            guard let within = Self.run(upstream, client, events(most)) else { continue }
            #expect(!within.failed, "\(upstream) → \(client)")
            let beyond = Self.run(upstream, client, events(most + 1))
            #expect(beyond?.failed == true, "\(upstream) → \(client)")
            let name = client == .geminiGenerate ? "BAD_GATEWAY" : "upstream_broken"
            let end = beyond.map { String($0.text.suffix(400)) } ?? ""
            #expect(end.contains("upstream_broken") || end.contains(name), "\(upstream) → \(client): \(end)")
        }
    }

    @Test func choices() {
        Self.expect(.openAI, StreamTranslator.maximumChoices) { count in
            (0..<count).map { #"{"choices":[{"index":\#($0),"delta":{"content":"a"}}]}"# }
        }
        Self.expect(.openAI, StreamTranslator.maximumChoices) { count in
            let all = (0..<count).map { #"{"index":\#($0),"delta":{}}"# }
            return [#"{"choices":[\#(all.joined(separator: ","))]}"#]
        }
        Self.expect(.gemini, StreamTranslator.maximumChoices) { count in
            (0..<count).map { #"{"candidates":[{"index":\#($0),"content":{"parts":[{"text":"a"}]}}]}"# }
        }
    }

    @Test func callsThatAreOpenAtOnce() {
        Self.expect(.openAI, 128) { count in
            (0..<count).map {
                #"{"choices":[{"delta":{"tool_calls":[{"index":\#($0),"id":"c\#($0)","function":{"name":"f","arguments":"{"}}]}}]}"#
            }
        }
    }

    @Test func blocks() {
        Self.expect(.anthropic, StreamTranslator.maximumBlocks) { count in
            (0..<count).flatMap {
                [
                    #"{"type":"content_block_start","index":\#($0),"content_block":{"type":"tool_use","id":"c\#($0)","name":"f"}}"#,
                    #"{"type":"content_block_stop","index":\#($0)}"#,
                ]
            }
        }
        // Of a kind that nobody is told of.
        Self.expect(.anthropic, StreamTranslator.maximumBlocks) { count in
            (0..<count).map { #"{"type":"content_block_start","index":\#($0),"content_block":{"type":"odd"}}"# }
        }
    }

    /// Blocks that wait for each other come one after another, whole.
    @Test func interleavedCallsFollowEachOther() throws {
        let calls = 100
        var events = (0..<calls).map {
            #"{"choices":[{"delta":{"tool_calls":[{"index":\#($0),"id":"c\#($0)","function":{"name":"f","arguments":"{\"a\":\""}}]}}]}"#
        }
        for round in 0..<20 {
            events += (0..<calls).map {
                #"{"choices":[{"delta":{"tool_calls":[{"index":\#($0),"function":{"arguments":"\#(round),"}}]}}]}"#
            }
        }
        events += (0..<calls).map {
            #"{"choices":[{"delta":{"tool_calls":[{"index":\#($0),"function":{"arguments":"\"}"}}]}}]}"#
        }
        let out = try #require(Self.run(.openAI, .anthropicMessages, events + ["[DONE]"]))
        #expect(!out.failed)
        let blocks = out.text.split(separator: "event: content_block_start").dropFirst()
        #expect(blocks.count == calls)
        for (index, block) in blocks.enumerated() {
            #expect(block.contains(#""id":"c\#(index)""#))
            #expect(block.ranges(of: #""partial_json":"#).count == 22)
        }
    }
}
