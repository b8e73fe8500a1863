import Testing

@testable import GatewayServer

struct ReadAheadTests {
    private final class Object {}

    @Test func keepsTheFirstEightObjectsUntilTheyAreForgotten() {
        var ahead = ReadAhead()
        let objects = (0..<9).map { _ in Object() }
        let addresses = objects.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) }
        ahead.add(objects[0], lines: 3)
        #expect(ahead.places.map(\.address) == [addresses[0]])
        #expect(ahead.places.map(\.lines) == [3])
        for object in objects.dropFirst() { ahead.add(object, lines: 40) }
        #expect(ahead.places.map(\.address) == Array(addresses.prefix(8)))
        #expect(ahead.places.map(\.lines) == [3, 15, 15, 15, 15, 15, 15, 15])
        ahead.forget()
        #expect(ahead.places.isEmpty)
    }

    /// Addresses are asked for and never followed: those of what has gone, or was never there, do no harm.
    @Test func fetchesWhatIsNotThere() {
        for bits in [16, 4096, 0x7FFF_FFFF_FFF0, -4096, -16] {
            var ahead = ReadAhead()
            ahead.add(UnsafeRawPointer(bitPattern: bits)!, lines: 15)
            #expect(ahead.places.map(\.address) == [UInt(bitPattern: bits)])
            ahead.fetch()
        }
    }
}
