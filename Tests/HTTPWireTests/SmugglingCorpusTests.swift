import NIOHTTP1
import Testing

@testable import HTTPWire

/// The corpus that the end-to-end tier sends through the gateway, read here by this parser and by NIO's.
struct SmugglingCorpusTests {
    /// Where NIO's decoder (llhttp) refuses what is accepted here, and why that is meant.
    static let decided: [String: String] = [
        "blanks around chunked": "llhttp wants no tab behind `chunked`; RFC 9110 §5.5 takes blanks away, tabs included",
        "line: a method in lower case": "methods are any token here; the list of endpoints refuses them",
        "line: an unknown method": "methods are any token here; the list of endpoints refuses them",
        "trailer: a coding": "trailers are skipped and never forwarded, whatever they speak of",
        "trailer: a length": "trailers are skipped and never forwarded, whatever they speak of",
    ]

    @Test func readsTheCorpusAsItSays() throws {
        let cases = try SmugglingCorpus.cases()
        #expect(cases.count > 300)
        for item in cases {
            let text = String(decoding: item.bytes, as: UTF8.self).debugDescription
            switch (item.verdict, Result { () throws(WireError) in try Wire.message(item.withNext) }) {
            case ("R", .failure), ("H", .failure), ("W", .success(nil)): break
            case ("R", _), ("H", _), ("W", _): Issue.record("\(item.verdict) accepted: \(item.name) \(text)")
            case (_, .success(.some)): break
            case (_, let result): Issue.record("\(item.verdict) refused, \(result): \(item.name) \(text)")
            }
        }
    }

    @Test func agreesWithNIO() throws {
        var bothAccept = 0
        var bothRefuse = 0
        for item in try SmugglingCorpus.cases() {
            let text = String(decoding: item.bytes, as: UTF8.self).debugDescription
            let ours = Result { () throws(WireError) in try Wire.message(item.bytes) }
            switch (DecoderDifferentialTests.nio(item.bytes), ours) {
            case (.accepted(let theirs), .success(let message?)):
                bothAccept += 1
                #expect(message == theirs, "\(item.name) \(text)")
            case (.refused, .success(.some)):
                #expect(Self.decided[item.name] != nil, "only we accept: \(item.name) \(text)")
            case (.refused, .failure): bothRefuse += 1
            default: break
            }
        }
        print("smuggling corpus beside NIO: \(bothAccept) accepted by both, \(bothRefuse) refused by both")
        #expect(bothAccept > 50 && bothRefuse > 200)
    }
}
