import NIOCore
import Testing

@testable import HTTPWire

/// The table of messages that are read and messages that are refused, however they are split.
struct GrammarCasesTests {
    static let requests = GrammarCase.requestLines + GrammarCase.requestFields + GrammarCase.requestBodies

    @Test(arguments: requests) func readsRequestsAsTheTableSays(_ item: GrammarCase) {
        #expect(Self.request(item.bytes) == item.verdict, "\(item.text.debugDescription)")
        Self.checkPrefixes(item, Self.request)
    }

    @Test(arguments: GrammarCase.answers) func readsAnswersAsTheTableSays(_ item: GrammarCase) {
        #expect(Self.answer(item.bytes) == item.verdict, "\(item.text.debugDescription)")
        Self.checkPrefixes(item, Self.answer)
    }

    @Test func everyReasonHasACase() {
        let refused = (Self.requests + GrammarCase.answers).compactMap { item in
            if case .refused(let error) = item.verdict { error } else { nil }
        }
        // The length of a head has a test of its own, and so have the fields of HTTP/2.
        let missing = Set(WireError.allCases).subtracting(refused).subtracting([.headTooLarge, .badPseudoField])
        #expect(missing.isEmpty)
        print("grammar cases: \(Self.requests.count) requests, \(GrammarCase.answers.count) answers")
    }

    /// The beginning of a message is judged like the whole of it, or not yet.
    private static func checkPrefixes(_ item: GrammarCase, _ read: ([UInt8]) -> GrammarCase.Verdict) {
        for count in 0..<item.bytes.count {
            let verdict = read(Array(item.bytes[..<count]))
            switch (verdict, item.verdict) {
            case (.unfinished, _), (.untilClose, .untilClose): break
            case (.whole(let body, let behind), .whole(let wholeBody, let wholeBehind)):
                #expect(body == wholeBody && wholeBehind - behind == item.bytes.count - count, "after \(count)")
            default: #expect(verdict == item.verdict, "after \(count)")
            }
        }
    }

    private static func request(_ bytes: [UInt8]) -> GrammarCase.Verdict {
        let head = RequestHead()
        do throws(WireError) {
            guard case .complete(let length) = try head.parse(ByteBuffer(bytes: bytes), limit: Wire.limit) else {
                return .unfinished
            }
            let framing: ResponseHead.Framing =
                head.facts.isChunked ? .chunked : head.facts.contentLength.map { .length($0) } ?? .none
            return try Self.body(framing, Array(bytes[length...]))
        } catch {
            return .refused(error)
        }
    }

    private static func answer(_ bytes: [UInt8]) -> GrammarCase.Verdict {
        let head = ResponseHead()
        do throws(WireError) {
            guard case .complete(let length) = try head.parse(ByteBuffer(bytes: bytes), limit: Wire.limit) else {
                return .unfinished
            }
            return try Self.body(head.framing(answering: .get), Array(bytes[length...]))
        } catch {
            return .refused(error)
        }
    }

    private static func body(
        _ framing: ResponseHead.Framing,
        _ rest: [UInt8]
    ) throws(WireError) -> GrammarCase.Verdict {
        switch framing {
        case .none: return .whole("", behind: rest.count)
        case .untilClose: return .untilClose
        case .length(let length):
            guard rest.count >= Int(length) else { return .unfinished }
            let body = String(decoding: rest.prefix(Int(length)), as: UTF8.self)
            return .whole(body, behind: rest.count - Int(length))
        case .chunked:
            guard let chunked = try Wire.chunked([rest]) else { return .unfinished }
            return .whole(String(decoding: chunked.body, as: UTF8.self), behind: chunked.left)
        }
    }
}
