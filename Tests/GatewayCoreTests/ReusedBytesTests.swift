import HTTPWire
import Testing

@testable import GatewayCore

struct ReusedBytesTests {
    @Test func holdsWhatWasSetLast() {
        var bytes = ReusedBytes()
        #expect(bytes.isEmpty && bytes.array.isEmpty && bytes.text.isEmpty)
        var generator = SystemRandomNumberGenerator()
        for count in [0, 1, 31, 32, 33, 5, 0, 1024, 1025, 3, 70_000, 2] {
            let next = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes.set(next)
            #expect(bytes.array == next && bytes.count == count && bytes.isEmpty == next.isEmpty)
        }
        bytes.clear()
        #expect(bytes.isEmpty && bytes.bytes.isEmpty)
    }

    @Test func takesAPartOfOthersBytes() {
        var bytes = ReusedBytes()
        bytes.set(Array("/v1/models".utf8).span, ByteRange(4, 10))
        #expect(bytes.text == "models")
        bytes.set([0xFF, 0x61])
        #expect(bytes.text == "\u{FFFD}a")
    }

    /// What one request needed is not kept by a connection for ever.
    @Test func givesLargeMemoryBack() {
        var bytes = ReusedBytes()
        bytes.set([UInt8](repeating: 1, count: 60))
        let kept = bytes.bytes.baseAddress
        bytes.clear()
        bytes.set([2])
        #expect(bytes.bytes.baseAddress == kept)
        bytes.set([UInt8](repeating: 3, count: 5000))
        bytes.clear()
        #expect(bytes.bytes.baseAddress == nil)
    }
}
