import Testing

@testable import JSONScan

struct StringScanTests {
    /// The plain loop that the vectors must agree with.
    static func plainEnd(_ bytes: [UInt8], from start: Int) -> Int {
        bytes[start...].firstIndex { $0 == 0x22 || $0 == 0x5C || $0 < 0x20 } ?? bytes.count
    }

    @Test(arguments: 0..<8) func agreesWithThePlainLoopOnRandomBytes(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        for _ in 0..<300 {
            let count = Int.random(in: 0...80, using: &numbers)
            // Stops are rare in half of the cases, so that whole blocks are run over.
            let low: UInt8 = Bool.random(using: &numbers) ? 0 : 0x5D
            let bytes = (0..<count).map { _ in UInt8.random(in: low...255, using: &numbers) }
            for start in 0...count {
                #expect(StringScan.plainEnd(bytes.span, from: start) == Self.plainEnd(bytes, from: start))
            }
        }
    }

    /// Long enough for the widest blocks, with one stop or none behind where a string is taken for a long one.
    @Test(arguments: 0..<4) func agreesWithThePlainLoopOnLongStrings(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        for _ in 0..<2000 {
            let count = Int.random(in: 200...700, using: &numbers)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0x5D...255, using: &numbers) }
            if Bool.random(using: &numbers) {
                let stops: [UInt8] = [0x22, 0x5C, 0x00, 0x1F]
                bytes[Int.random(in: 0..<count, using: &numbers)] = stops.randomElement(using: &numbers) ?? 0
            }
            let start = Int.random(in: 0...count, using: &numbers)
            #expect(StringScan.plainEnd(bytes.span, from: start) == Self.plainEnd(bytes, from: start))
        }
    }

    @Test func stopsAtEveryStopInEveryPlaceOfABlock() {
        for stop in UInt8.min...UInt8.max {
            for place in 0..<33 {
                var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 40)
                bytes[place] = stop
                #expect(StringScan.plainEnd(bytes.span, from: 0) == Self.plainEnd(bytes, from: 0))
            }
        }
    }
}
