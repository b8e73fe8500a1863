import GatewayModel
import Testing

@testable import Dialects

struct RealtimeWatchTests {
    static let done = """
        {"event_id":"e","type":"response.done","response":{"id":"r","output":[{"text":"a \\"usage\\":{} b"}],"usage":\
        {"total_tokens":30,"input_tokens":20,"output_tokens":10,"input_token_details":{"cached_tokens":5,"text_tokens":8,\
        "audio_tokens":7},"output_token_details":{"text_tokens":4,"audio_tokens":6}}}}
        """

    static func usage(_ messages: [String], pieces: Int) -> TokenUsage {
        var watch = RealtimeWatch()
        for message in messages {
            let bytes = Array(message.utf8)
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                let end = min(start + pieces, bytes.count)
                watch.take(Array(bytes[start..<end]).span, isEnd: end == bytes.count)
            }
        }
        return watch.usage
    }

    @Test(arguments: [1, 7, 64, 10_000]) func sumsTheUsageOfAnswers(_ pieces: Int) {
        let usage = Self.usage(
            [Self.done, #"{"type":"response.created","response":{"usage":null}}"#, Self.done],
            pieces: pieces
        )
        #expect(usage.source == .provider)
        #expect((usage.input, usage.cachedInput, usage.output, usage.audio) == (16, 10, 8, 26))
        #expect(usage.total == 60)
    }

    @Test(arguments: [
        "not json", "[1]", #"{"type":"response.done"}"#, #"{"type":"response.done","response":1}"#,
        #"{"type":"other","response":{"usage":{"input_tokens":1}}}"#,
        #"{"type":"response.done","type":"x","response":{"usage":{"input_tokens":1}}}"#,
    ])
    func tellsNothingOfOtherMessages(_ message: String) {
        #expect(Self.usage([message], pieces: 5).source == .none)
        // And goes on reading behind it.
        #expect(Self.usage([message, Self.done], pieces: 5).total == 30)
    }
}
