import Foundation
import Glibc
import Synchronization
import Testing

@testable import Journal

struct SegmentFileTests {
    @Test func aStoreWaitsForNoPage() throws {
        try withFolder { folder in
            let segment = try SegmentFile(creating: "\(folder)/1.agwj", size: 1 << 20)
            let before = Self.faults()
            for offset in stride(from: 0, to: segment.size, by: 4096) {
                segment.bytes.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
            }
            // 256 pages; the test's own stack may need one.
            #expect(Self.faults() - before < 8)
        }
    }

    @Test func whatWasBroughtToTheDiskIsWritableAgain() throws {
        try withFolder { folder in
            let segment = try SegmentFile(creating: "\(folder)/1.agwj", size: 1 << 20)
            segment.written.store(100, ordering: .releasing)
            segment.syncBehindWriter()
            segment.sync()
            segment.written.store(200, ordering: .releasing)
            #expect(segment.syncBehindWriter() == 200)
            let before = Self.faults()
            for offset in stride(from: 200, to: 2 * SegmentFile.pieceBytes, by: 4096) {
                segment.bytes.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
            }
            #expect(Self.faults() - before < 8)
        }
    }

    /// Of this thread, since it began.
    private static func faults() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(1), &usage)  // RUSAGE_THREAD, which is not imported
        return usage.ru_minflt + usage.ru_majflt
    }

    @Test func isZerosBehindItsMagic() throws {
        try withFolder { folder in
            // No multiple of what is written at once.
            let size = SegmentFile.pieceBytes + 4096 + 100
            _ = try SegmentFile(creating: "\(folder)/1.agwj", size: size)
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/1.agwj"))
            #expect(bytes.count == size)
            #expect(bytes.dropFirst(Segment.magic.count).allSatisfy { $0 == 0 })
        }
    }

    @Test func bringsWholePiecesToTheDiskAndThePartThatStays() throws {
        try withFolder { folder in
            let piece = SegmentFile.pieceBytes
            let segment = try SegmentFile(creating: "\(folder)/1.agwj", size: 4 * piece)
            var onDisk: [Int] = []
            for written in [100, 200, 200, 300, piece + 10, piece + 20, 3 * piece + 5, 3 * piece + 5] {
                segment.written.store(written, ordering: .releasing)
                onDisk.append(segment.syncBehindWriter())
            }
            // What is new in a piece waits for one interval, and not for two.
            #expect(onDisk == [0, 200, 200, 300, piece, piece + 20, 3 * piece, 3 * piece + 5])
        }
    }

    @Test func keepsItsBytesWithoutItsPages() throws {
        try withFolder { folder in
            let segment = try SegmentFile(creating: "\(folder)/1.agwj", size: 1 << 20)
            memset(segment.bytes + 8192, 7, 100_000)
            segment.sync()
            segment.releasePages()
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/1.agwj"))
            #expect(bytes[8192..<108_192].allSatisfy { $0 == 7 })
            #expect(bytes[108_192...].allSatisfy { $0 == 0 })
        }
    }
}
