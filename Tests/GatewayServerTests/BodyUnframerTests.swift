import HTTPWire
import NIOCore
import Testing

@testable import GatewayServer

struct BodyUnframerTests {
    private static func head(_ fields: String) throws -> RequestHead {
        let head = RequestHead()
        _ = try head.parse(ByteBuffer(string: "POST / HTTP/1.1\r\nhost: a\r\n\(fields)\r\n\r\n"), limit: 8192)
        return head
    }

    /// The body, and what is left for the next request, however the bytes are cut in two.
    private static func unframed(_ fields: String, _ wire: String, cutAt cut: Int) throws -> (String, String) {
        var unframer = BodyUnframer(try Self.head(fields))
        var input = ByteBuffer()
        var body = ByteBuffer()
        var isFinished = false
        for piece in [wire.utf8.prefix(cut), wire.utf8.dropFirst(cut)] {
            input.writeBytes(piece)
            steps: while !isFinished {
                switch try unframer.next(&input) {
                case .piece(var piece): body.writeBuffer(&piece)
                case .needsMore: break steps
                case .finished: isFinished = true
                }
            }
        }
        #expect(isFinished)
        return (String(buffer: body), String(buffer: input))
    }

    @Test(arguments: [
        (
            "transfer-encoding: chunked",
            "5\r\nfirst\r\n00a;x=y\r\n and other\r\n10\r\n pieces, a third\r\n0\r\na: b\r\n\r\nGET /"
        ),
        ("content-length: 31", "first and other pieces, a thirdGET /"),
    ])
    func takesTheFramingOffWhereverItIsCut(_ fields: String, _ wire: String) throws {
        let whole = try Self.unframed(fields, wire, cutAt: wire.utf8.count)
        #expect(whole == ("first and other pieces, a third", "GET /"))
        for cut in 0..<wire.utf8.count { #expect(try Self.unframed(fields, wire, cutAt: cut) == whole) }
    }
}
