import GatewayModel
import Glibc
import JSONScan
import Testing

@testable import Dialects

/// Bodies of real providers and of other gateways' tests, from `FIXTURES_DIR` or `../shared/fixtures` beside the checkout,
/// where present: every request reaches every upstream, every answer and stream every client, however it is cut.
struct ReplayTests {
    private static let root: String =
        getenv("FIXTURES_DIR").map { String(cString: $0) }
        ?? String(#filePath.dropLast("Tests/DialectsTests/ReplayTests.swift".count)) + "../shared/fixtures"

    private static func files(_ folder: String) -> [String] {
        let path = "\(Self.root)/\(folder)"
        return ((try? Files.names(path)) ?? []).filter { !$0.hasSuffix(".snap") }.map { "\(path)/\($0)" }
    }

    private static let requests: [(folder: String, client: WireFormat)] = [
        ("agw/requests/completions", .openAIChat), ("agw/requests/messages", .anthropicMessages),
        ("agw/requests/gemini", .geminiGenerate), ("agw/requests/responses", .openAIResponses),
        ("kong/openai/llm-v1-chat/requests", .openAIChat), ("kong/native/gemini/request", .geminiGenerate),
    ]

    private static let answers: [(folder: String, upstream: Dialect)] = [
        ("agw/response/completions", .openAI), ("agw/response/anthropic", .anthropic),
        ("agw/response/vertex-gemini", .gemini), ("agw/response/bedrock", .bedrock), ("agw/response/detect", .openAI),
        ("apisix/openai", .openAI), ("apisix/anthropic", .anthropic), ("apisix/vertex-ai", .gemini),
        ("apisix/bedrock", .bedrock), ("apisix/protocol-conversion", .openAI), ("apisix/aliyun", .openAI),
        ("kong/unit/real-responses/openai", .openAI), ("kong/unit/real-responses/anthropic", .anthropic),
        ("kong/unit/real-responses/gemini", .gemini), ("kong/unit/real-responses/bedrock", .bedrock),
        ("kong/unit/real-stream-frames/openai", .openAI),
    ]

    @Test
    func everyRequestReachesEveryUpstream() throws {
        var run = 0
        var refused: [String] = []
        for (folder, client) in Self.requests {
            for path in Self.files(folder) {
                let body = try Files.read(path)
                for upstream in [Dialect.openAI, .anthropic, .gemini, .bedrock] {
                    guard let translation = Translation(client: client, upstream: upstream) else { continue }
                    run += 1
                    do {
                        let made = try translation.request(body, model: "m", defaultMaxTokens: 4096)
                        #expect(try JSON(parsing: made.body).members != nil, "\(path) → \(upstream)")
                    } catch {
                        refused.append(
                            "\(path.split(separator: "/").suffix(2).joined(separator: "/")) → \(upstream): \(error)"
                        )
                    }
                }
            }
        }
        print("replayed requests: \(run) run, \(refused.count) refused by name from \(Self.root)")
        for line in refused { print("  refused \(line)") }
    }

    /// A request in its own dialect, read and written again, says the same.
    @Test
    func readingAndWritingKeepsTheMeaning() throws {
        var run = 0
        for (folder, client) in Self.requests {
            guard
                let own = [
                    WireFormat.openAIChat: Dialect.openAI, .anthropicMessages: .anthropic, .geminiGenerate: .gemini,
                ][client]
            else { continue }
            // Any pair with the client reads alike.
            let other: Dialect = own == .bedrock ? .openAI : .bedrock
            guard let translation = Translation(client: client, upstream: other) else { continue }
            for path in Self.files(folder) {
                var losses = LossLedger()
                guard let first = try? translation.decode(try Files.read(path), &losses) else { continue }
                var again = LossLedger()
                guard let (json, _) = try? Translation.encode(first, own, 4096, &again),
                    let second = try? translation.decode(json.bytes, &losses)
                else { continue }
                run += 1
                #expect(Self.essence(second) == Self.essence(first), "\(path)")
            }
        }
        print("replayed round trips: \(run) run")
    }

    /// What must survive: words, calls, results, tools, bounds.
    private static func essence(_ request: ChatRequest) -> [String] {
        var lines: [String] = []
        for message in request.messages.filter({ $0.role.isSystem }) + request.turns {
            let role = message.role.isSystem ? "system" : "\(message.role)"
            for part in message.parts {
                switch part.content {
                case .text(let text): lines.append("\(role) text \(text)")
                case .toolCall(let call):
                    lines.append("\(role) call \(call.name) \(call.argumentsObject?.text ?? call.arguments)")
                case .toolResult(let result): lines.append("\(role) result \(result.text)")
                case .image(let media): lines.append("\(role) image \(media.source)")
                default: break
                }
            }
        }

        lines += request.tools.map { "tool \($0.name) \($0.parameters?.text ?? "")" }
        lines.append("max \(request.sampling.maxTokens ?? 0) \(request.sampling.temperature?.text ?? "")")
        return lines
    }

    @Test
    func everyAnswerReachesEveryClient() throws {
        var run = 0
        var cuts = 0
        for (folder, upstream) in Self.answers {
            for path in Self.files(folder) {
                guard let body = try? Files.read(path), !body.isEmpty else { continue }
                for client in [WireFormat.openAIChat, .anthropicMessages, .geminiGenerate, .openAIResponses] {
                    guard let translation = Translation(client: client, upstream: upstream) else { continue }
                    run += 1
                    let isWhole = (try? JSON(parsing: body)) != nil
                    if isWhole {
                        // An error's body where an answer was expected is said to be none.
                        if let answer = try? translation.answer(body, GoldenTests.context) {
                            #expect(try JSON(parsing: answer.body).members != nil, "\(path)")
                        }
                        continue
                    }
                    cuts += try Self.cut(translation, body, path)
                }
            }
        }
        print("replayed answers: \(run) run, \(cuts) cuts of streams \(Thoroughness.said), from \(Self.root)")
    }

    /// More costs the square of the length: so many places of a longer stream stand for all.
    private static let wholeSweep = 16 << 10

    private static func cut(_ translation: Translation, _ body: [UInt8], _ path: String) throws -> Int {
        func translate(_ pieces: [ArraySlice<UInt8>]) -> (bytes: [UInt8], hasEnded: Bool) {
            let stream = translation.stream(GoldenTests.context)
            var out: [UInt8] = []
            for piece in pieces { stream.feed(Array(piece).span, into: &out) }
            stream.finish(into: &out)
            if stream.hasEnded == stream.hasFailed { Issue.record("\(path) has no end, or two") }
            return (out, stream.hasEnded)
        }
        let whole = translate([body[...]])
        let error = ErrorBody.event(.upstreamCut, requestID: "req-1", in: translation.client)
        var count = 1
        func sweep(_ body: [UInt8], _ kind: String) {
            let places = Thoroughness.isFull ? (body.count <= Self.wholeSweep ? body.count : 512) : 4
            for cut in stride(from: 1, to: body.count, by: max(1, body.count / max(places, 1))) {
                if translate([body[..<cut], body[cut...]]).bytes != whole.bytes {
                    Issue.record("\(path) at \(cut), \(kind)")
                }
                count += 1
                // A beginning of a complete answer ends in one error, behind a beginning of what it would have been.
                guard whole.hasEnded, case (let bytes, let hasEnded) = translate([body[..<cut]]), !hasEnded else {
                    continue
                }
                let isBeginning = whole.bytes.starts(with: bytes.dropLast(error.count))
                if !bytes.suffix(error.count).elementsEqual(error) || !isBeginning {
                    Issue.record("\(path) broken off at \(cut), \(kind)")
                }
                count += 1
            }
        }
        if translate(body.indices.map { body[$0...$0] }).bytes != whole.bytes { Issue.record("\(path) byte by byte") }
        sweep(body, "LF")
        guard translation.upstream != .bedrock, !body.contains(0x0D) else { return count }
        sweep(body.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }, "CRLF")
        return count
    }
}
