import Testing

@testable import GatewayServer

struct ReadAheadTests {
    private final class Object {}

    /// Addresses are asked for and never followed: those of what has gone, or was never there, do no harm.
    @Test func fetchesWhatIsNotThere() {
        var ahead = ReadAhead()
        ahead.fetch()
        for _ in 0..<20 { ahead.add(Object(), lines: 40) }
        for bits in [16, 4096, 0x7FFF_FFFF_FFF0, -16] {
            ahead.forget()
            ahead.add(UnsafeRawPointer(bitPattern: bits)!, lines: 15)
            ahead.fetch()
        }
        ahead.fetch()
    }
}
