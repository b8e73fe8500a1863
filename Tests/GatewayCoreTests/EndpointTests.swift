import HTTPWire
import Testing

@testable import GatewayCore

struct EndpointTests {
    static func find(_ method: RequestHead.Method, _ path: String) -> String {
        let bytes = Array("junk\(path)".utf8)
        switch Endpoint.find(method, ByteRange(4, bytes.count), bytes.span) {
        case .found(let index, let object):
            let text = String(decoding: bytes[object.lower..<object.upper], as: UTF8.self)
            return "\(Endpoint.all[index].path) [\(text)]"
        case .wrongMethod(let allowed): return "allows \(allowed.map { "\($0)" }.joined(separator: " "))"
        case .unknown: return "unknown"
        }
    }

    @Test(arguments: Endpoint.all.indices) func findsEveryEndpoint(_ index: Int) {
        let endpoint = Endpoint.all[index]
        let path = "\(endpoint.path)".replacing("{}", with: "id-1_x")
        let object = "\(endpoint.path)".contains("{}") ? "id-1_x" : ""
        #expect(Self.find(endpoint.method, path) == "\(endpoint.path) [\(object)]")
        #expect(Self.find(endpoint.method, path + "/") != "\(endpoint.path) [\(object)]")
        #expect(Self.find(.options, path).hasPrefix("allows "))
    }

    @Test(arguments: [
        (RequestHead.Method.get, "/chat/completions/", "unknown"), (.get, "/files/", "unknown"),
        (.get, "/files//content", "unknown"),
        (.get, "/files/a%2Fb", "unknown"), (.get, "/files/a%2fcontent", "unknown"), (.delete, "/files/%61", "unknown"),
        (.get, "/files/a/b", "unknown"), (.post, "/chat/completion", "unknown"),
        (.post, "/chat/completionsx", "unknown"),
        (.post, "/Chat/completions", "unknown"), (.post, "", "unknown"), (.post, "/", "unknown"),
        (.get, "/models/org/name", "/models/{} [org/name]"), (.get, "/models/org%2Fname", "/models/{} [org%2Fname]"),
        (.get, "/models/", "unknown"), (.post, "/models", "allows get"), (.put, "/files/a", "allows get delete"),
        (.get, "/embeddings", "allows post"), (.post, "/responses/a/cancel", "/responses/{}/cancel [a]"),
        (.post, "/batches/cancel", "allows get"), (.other, "/chat/completions", "allows post get"),
    ])
    func findsNothingElse(_ method: RequestHead.Method, _ path: String, _ result: String) {
        #expect(Self.find(method, path) == result)
    }
}
