import Foundation
import GatewayCore
import NIOCore
import NIOPosix
import Testing

@testable import GatewayServer

struct SpoolTests {
    private static func space(files: Int, bytes: Int) -> SpoolSpace {
        SpoolSpace(directory: FileManager.default.temporaryDirectory.path, maximumFiles: files, maximumBytes: bytes)
    }

    private static func piece(_ byte: UInt8) -> ByteBuffer { ByteBuffer(repeating: byte, count: 700_000) }

    /// Runs `body` on an event loop and waits until `isDone` says so.
    private static func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (any EventLoop) throws -> Value
    ) async throws -> Value {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try await loop.submit { try body(loop) }.get()
    }

    @Test func keepsSmallFormInMemory() async throws {
        try await Self.onLoop { loop in
            let spool = Spool(in: Self.space(files: 0, bytes: 0), on: loop)
            try spool.append(Self.piece(1))
            #expect(spool.count == 700_000)
            #expect(spool.wholeInMemory == Self.piece(1))
            guard case .ready(let head) = spool.read(at: 699_999) else {
                Issue.record("memory is read at once")
                return
            }
            #expect(head.readableBytes == 1)
        }
    }

    @Test func refusesWhenThereIsNoRoom() async throws {
        let space = Self.space(files: 1, bytes: 10_000_000)
        try await Self.onLoop { loop in
            let first = Spool(in: space, on: loop)
            for byte in UInt8(0)..<2 { try first.append(Self.piece(byte)) }
            #expect(first.wholeInMemory == nil)
            let second = Spool(in: space, on: loop)
            try second.append(Self.piece(0))
            #expect(throws: Refusal.self) { try second.append(Self.piece(1)) }
            second.release()
            first.release()
            // The room is given back once.
            first.release()
            #expect(space.reserve(bytes: 10_000_000, files: 1))
            #expect(!space.reserve(bytes: 1, files: 0))
            #expect(!space.reserve(bytes: 0, files: 1))
        }
    }

    @Test func readsBackWhatWentToTheDisk() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let space = Self.space(files: 1, bytes: 100_000_000)
        let done = loop.makePromise(of: [UInt8].self)
        loop.execute {
            let spool = Spool(in: space, on: loop)
            var seen: [UInt8] = []
            func drain() {
                while seen.count < spool.count {
                    guard case .ready(let piece) = spool.read(at: seen.count) else { return }
                    seen += piece.readableBytesView
                }
                spool.release()
                done.succeed(seen)
            }
            var appended: UInt8 = 0
            spool.onProgress = { progress in
                switch progress {
                case .written:
                    guard appended == 4 else { return }
                    appended += 1
                    drain()
                case .read(let piece):
                    seen += piece.readableBytesView
                    drain()
                case .failed: done.fail(ChannelError.ioOnClosedChannel)
                }
            }
            do {
                while appended < 4 {
                    try spool.append(Self.piece(appended))
                    appended += 1
                }
                #expect(spool.isBehind)
            } catch { done.fail(error) }
        }
        let seen = try await done.futureResult.get()
        #expect(seen == (UInt8(0)..<4).flatMap { [UInt8](repeating: $0, count: 700_000) })
    }
}
