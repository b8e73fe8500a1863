import GatewayModel
import Glibc
import JSONScan
import Testing

@testable import Dialects

/// Every recorded stream, however it is cut: the client's bytes are the same, and a broken one ends with one error.
struct StreamTranslatorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let path: String
        let client: WireFormat
        let upstream: Dialect
        var testDescription: String {
            "\(self.path.split(separator: "/").suffix(2).joined(separator: "/")) → \(self.client)"
        }
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        for feature in (try? Goldens.features()) ?? [] {
            for file in (try? Goldens.inputs(feature)) ?? [] where file.hasPrefix("stream.") {
                let upstream = Goldens.upstreams[String(file.split(separator: ".")[1])]
                for client in Goldens.clients.values {
                    guard let upstream, Translation(client: client, upstream: upstream) != nil else { continue }
                    cases.append(Case(path: "\(Goldens.root)/\(feature)/\(file)", client: client, upstream: upstream))
                }
            }
        }
        return cases
    }()

    /// Where to cut `count` bytes, from none to all: everywhere where that is affordable.
    ///
    /// Cutting everywhere costs the square of a stream's length. Unoptimized, every `step`-th place must do, beginning
    /// elsewhere in each case, so that the cases together meet every place of an event. `AGW_THOROUGH=1` cuts everywhere.
    static func cuts(of count: Int, every step: Int, _ item: Case) -> StrideTo<Int> {
        Thoroughness.isFull
            ? stride(from: 0, to: count + 1, by: 1)
            : stride(from: item.testDescription.utf8.reduce(0) { $0 + Int($1) } % step, to: count + 1, by: step)
    }

    static func translate(_ item: Case, _ pieces: [ArraySlice<UInt8>]) throws -> (bytes: [UInt8], StreamTranslator) {
        let stream = try #require(Translation(client: item.client, upstream: item.upstream)).stream(GoldenTests.context)
        var out: [UInt8] = []
        for piece in pieces { stream.feed(Array(piece).span, into: &out) }
        stream.finish(into: &out)
        return (out, stream)
    }

    @Test(arguments: cases)
    func splitsChangeNothing(_ item: Case) throws {
        let input = try Files.read(item.path)
        let (whole, _) = try Self.translate(item, [input[...]])
        for cut in Self.cuts(of: input.count, every: 11, item) {
            let (bytes, _) = try Self.translate(item, [input[..<cut], input[cut...]])
            if bytes != whole { Issue.record("cut at \(cut)") }
        }
        let (single, _) = try Self.translate(item, input.indices.map { input[$0...$0] })
        #expect(single == whole)
    }

    @Test(arguments: cases.filter { $0.path.hasSuffix(".sse") })
    func lineEndsChangeNothing(_ item: Case) throws {
        let input = try Files.read(item.path)
        let crlf = input.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
        let (whole, _) = try Self.translate(item, [input[...]])
        for cut in Self.cuts(of: crlf.count, every: 13, item) {
            let (bytes, _) = try Self.translate(item, [crlf[..<cut], crlf[cut...]])
            if bytes != whole { Issue.record("cut at \(cut)") }
        }
    }

    @Test(arguments: cases)
    func everyEventIsJSON(_ item: Case) throws {
        let (bytes, _) = try Self.translate(item, [try Files.read(item.path)[...]])
        for line in bytes.split(separator: 0x0A) where line.starts(with: "data: {".utf8) {
            #expect(throws: Never.self, "\(item)") { try JSON(parsing: Array(line.dropFirst(6))) }
        }
    }

    /// Google's other form of a stream is one JSON array, whatever happens.
    @Test(arguments: cases.filter { $0.client == .geminiGenerate })
    func anArrayIsWhole(_ item: Case) throws {
        let array = Case(path: item.path, client: .geminiArray, upstream: item.upstream)
        let input = try Files.read(item.path)
        for cut in [0, input.count / 2, input.count] {
            let (bytes, _) = try Self.translate(array, [input[..<cut]])
            #expect(try JSON(parsing: bytes).array?.isEmpty == false)
        }
    }

    /// What is before a break is the beginning of the whole, and behind it stands one error.
    @Test(arguments: cases)
    func aBreakEndsInOneError(_ item: Case) throws {
        let input = try Files.read(item.path)
        let (whole, complete) = try Self.translate(item, [input[...]])
        guard complete.hasEnded else { return }
        let error = ErrorBody.event(.upstreamCut, requestID: "req-1", in: item.client)
        let near = max(0, input.count - 30)..<input.count
        for cut in Set(Self.cuts(of: input.count - 1, every: 7, item)).union(near) {
            let (bytes, stream) = try Self.translate(item, [input[..<cut]])
            if stream.hasEnded {
                // Bedrock's answer is whole before its usage has come.
                #expect(bytes == whole || item.upstream == .bedrock, "cut at \(cut)")
                continue
            }
            #expect(stream.hasFailed)
            #expect(bytes.suffix(error.count).elementsEqual(error), "cut at \(cut)")
            #expect(whole.starts(with: bytes.dropLast(error.count)), "cut at \(cut)")
        }
    }

    /// The short way for texts and the long one give the same.
    @Test(arguments: cases)
    func theShortWayChangesNothing(_ item: Case) throws {
        let input = try Files.read(item.path)
        let (whole, _) = try Self.translate(item, [input[...]])
        let translation = try #require(Translation(client: item.client, upstream: item.upstream))
        let slow = translation.stream(GoldenTests.context)
        slow.takesShortWay = false
        var out: [UInt8] = []
        slow.feed(input.span, into: &out)
        slow.finish(into: &out)
        #expect(out == whole)
    }
}

/// How much of what costs time is tried.
enum Thoroughness {
    static let isFull = getenv("AGW_THOROUGH").map { String(cString: $0) } == "1"
    /// For the line that says what has run.
    static let said = Self.isFull ? "everywhere" : "at some places (AGW_THOROUGH=1 tries all)"
}
