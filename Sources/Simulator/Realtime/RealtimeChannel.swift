import HummingbirdCore
import Logging
import NIOCore

/// Connections of `base` with a door before them through which realtime sessions go.
struct RealtimeChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let responder: SimulatorResponder

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(RealtimeDoor(self.responder))
        }.flatMap { self.base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async { await self.base.handle(value: value, logger: logger) }
}
