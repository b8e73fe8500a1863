import Foundation
import GatewayModel
import Testing

@testable import Dialects

struct StreamWatchTests {
    /// Runs every whole event of `stream` through a watch; the verdicts beside it.
    static func watch(
        _ stream: String,
        _ format: WireFormat,
        hiding: Bool = false
    ) -> (watch: StreamWatch, verdicts: [StreamWatch.Verdict]) {
        let bytes = Array(stream.utf8)
        var watch = StreamWatch(format, hidesUsageEvent: hiding)
        var verdicts: [StreamWatch.Verdict] = []
        var start = 0
        var searched = 0
        while let end = SSEScanner.eventEnd(bytes.span, from: start, searched: &searched) {
            verdicts.append(watch.see(bytes.span, event: start..<end))
            start = end
        }
        return (watch, verdicts)
    }

    static let chat = [
        #"data: {"id":"chatcmpl-1","choices":[{"delta":{"role":"assistant"}}],"usage":null}"#,
        #"data: {"id":"chatcmpl-1","choices":[{"delta":{"content":"\"usage\":{\"prompt_tokens\":99}"}}]}"#,
        #"data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}"#,
        "data: [DONE]",
    ].map { $0 + "\n\n" }.joined()

    @Test func readsTheUsageAndTheEndOfAChatStream() {
        let (watch, verdicts) = Self.watch(Self.chat, .openAIChat)
        #expect(watch.usage.input == 10 && watch.usage.output == 5 && watch.usage.source == .provider)
        #expect(watch.hasEnded && !watch.hasFailed && watch.objectID == Array("chatcmpl-1".utf8))
        #expect(verdicts == [.forward, .forward, .forward, .forward])
    }

    @Test func hidesTheUsageEventFromAClientThatDidNotAsk() {
        let (watch, verdicts) = Self.watch(Self.chat, .openAIChat, hiding: true)
        #expect(verdicts == [.forward, .forward, .hide, .forward])
        #expect(watch.usage.total == 15)
    }

    @Test(arguments: [
        #"data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#, #"data: {"usage":{"prompt_tokens":1}}"#,
        #"data: {"choices":[],"usage":null}"#, #"data: {"choices":[]}"#, #"data: {"choices":[],"usage": null }"#,
        #": {"choices":[],"usage":{"prompt_tokens":1}}"#,
    ])
    func hidesNothingElse(_ event: String) {
        #expect(Self.watch(event + "\n\n", .openAIChat, hiding: true).verdicts == [.forward])
    }

    @Test func noticesAnErrorEventOfAChatStream() {
        let (watch, _) = Self.watch("data: {\"error\":{\"message\":\"no\"}}\n\n", .openAIChat)
        #expect(watch.hasFailed && !watch.hasEnded)
    }

    @Test(arguments: [
        ("response.completed", true, false), ("response.incomplete", true, false), ("response.failed", true, true),
        ("response.output_text.done", false, false),
    ])
    func readsTheUsageAndTheEndOfAResponsesStream(_ type: String, _ ends: Bool, _ fails: Bool) {
        let (watch, verdicts) = Self.watch(
            """
            event: response.created
            data: {"type":"response.created","response":{"id":"resp_1","usage":null}}

            event: \(type)
            data: {"type":"\(type)","response":{"id":"resp_1","usage":{"input_tokens":7,"output_tokens":3}}}


            """,
            .openAIResponses
        )
        #expect(watch.hasEnded == ends && watch.hasFailed == fails && watch.objectID == Array("resp_1".utf8))
        #expect(watch.usage.total == (ends ? 10 : 0) && watch.usage.source == (ends ? .provider : .none))
        #expect(verdicts == [.forward, .forward])
    }

    static let messages = [
        #"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":15,"output_tokens":1}}}"#,
        #"{"type":"content_block_delta","delta":{"text":"{\"type\":\"message_stop\"}"}}"#,
        #"{"type":"ping"}"#,
        #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40}}"#,
        #"{"type":"message_stop"}"#,
    ].map { "event: x\r\ndata: \($0)\r\n\r\n" }

    @Test(arguments: [
        (1, 1, TokenUsage.Source.partial), (3, 1, .partial), (4, 40, .provider), (5, 40, .provider),
    ])
    func readsTheUsageOfAMessagesStreamUpToWhereItIsCut(
        _ count: Int,
        _ output: UInt64,
        _ source: TokenUsage.Source
    ) {
        let (watch, verdicts) = Self.watch(Self.messages.prefix(count).joined(), .anthropicMessages)
        #expect(watch.usage.input == 15 && watch.usage.output == output && watch.usage.source == source)
        #expect(watch.hasEnded == (count == 5) && !watch.hasFailed)
        #expect(verdicts == Array(repeating: .forward, count: count))
    }

    @Test func noticesAnErrorEventOfAMessagesStream() {
        let event = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n"
        #expect(Self.watch(event, .anthropicMessages).watch.hasFailed)
    }

    static let folder: URL = {
        let given = ProcessInfo.processInfo.environment["FIXTURES_DIR"]
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return (given.map { URL(filePath: $0) } ?? root.appending(path: "../shared/fixtures")).standardizedFileURL
    }()

    /// Recorded streams of providers, where they are present: whatever they hold is read or let pass.
    @Test func passesRecordedStreams() throws {
        var ran = 0
        for part in ["agw/response", "apisix", "kong"] {
            let files = FileManager.default.enumerator(
                at: Self.folder.appending(path: part),
                includingPropertiesForKeys: [.isRegularFileKey]
            )
            for case let file as URL in files ?? .init() where file.pathExtension != "snap" {
                guard let data = try? Data(contentsOf: file), data.count < 1 << 20 else { continue }
                let stream = String(decoding: data, as: UTF8.self)
                for format in [WireFormat.openAIChat, .openAIPlain, .openAIResponses, .anthropicMessages] {
                    let whole = Self.watch(stream, format, hiding: true)
                    #expect(whole.watch.usage.total < 1_000_000, "\(file.path)")
                    // The same stream with other line ends says the same.
                    let returned = stream.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n")
                    let other = Self.watch(returned, format, hiding: true)
                    #expect(other.watch.usage == whole.watch.usage && other.verdicts == whole.verdicts, "\(file.path)")
                }
                ran += 1
            }
        }
        print("recorded streams: \(ran) run from \(Self.folder.path)\(ran == 0 ? " (absent: skipped)" : "")")
    }

    static let known: [(String, WireFormat, UInt64)] = [
        ("agw/response/anthropic/stream_basic.json", .anthropicMessages, 0),
        ("agw/response/completions/stream.json", .openAIChat, 0),
        ("agw/response/responses/stream.json", .openAIResponses, 0),
        ("apisix/anthropic/messages-streaming-with-cache.sse", .anthropicMessages, 0),
        ("apisix/openai/chat-streaming-with-cache.sse", .openAIChat, 0),
        ("apisix/openai/responses-streaming-with-cache.sse", .openAIResponses, 0),
    ]

    @Test(arguments: known) func readsTheUsageOfRecordedStreams(_ path: String, _ format: WireFormat, _ least: UInt64) {
        guard let data = try? Data(contentsOf: Self.folder.appending(path: path)) else { return }
        let (watch, _) = Self.watch(String(decoding: data, as: UTF8.self), format)
        #expect(watch.usage.source == .provider && watch.usage.total > least && !watch.hasFailed)
    }
}
