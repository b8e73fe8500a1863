package import GatewayModel
import JSONScan

/// Looks at the events that a provider sends in a realtime session, for the usage of each answer: `response.done` has it, and every
/// answer is billed by itself (platform.openai.com/docs/api-reference/realtime-server-events/response/done).
///
/// Not copyable: two copies would read into the same scanners.
package struct RealtimeWatch: ~Copyable {
    private static let typeName = 0
    private static let response = 1

    /// An answer with its whole text; what is longer tells nothing.
    private let scanner = TopLevelScanner(watching: ["type", "response"], captureLimit: 1 << 20)
    private let answer = TopLevelScanner(watching: ["usage"], captureLimit: 16 << 10)
    private var isReadable = true
    /// Summed over all answers so far.
    package private(set) var usage = TokenUsage()

    package init() {}

    /// Takes a piece of a text message; `isEnd` with its last.
    package mutating func take(_ bytes: borrowing Span<UInt8>, isEnd: Bool) {
        if self.isReadable {
            // A message that is not JSON passes all the same; it just tells nothing.
            do throws(JSONFlaw) { try self.scanner.feed(bytes) } catch { self.isReadable = false }
        }
        guard isEnd else { return }
        if self.isReadable, self.scanner.isFinished { self.read() }
        self.scanner.reset()
        self.isReadable = true
    }

    private mutating func read() {
        guard self.scanner.captured(Self.typeName) == Array("\"response.done\"".utf8),
            let response = self.scanner.captured(Self.response)
        else { return }
        self.answer.reset()
        do throws(JSONFlaw) { try self.answer.feed(response.span) } catch { return }
        guard self.answer[0]?.kind == .object, let usage = self.answer.captured(0) else { return }
        self.usage.add(TokenUsage(realtime: usage))
    }
}
