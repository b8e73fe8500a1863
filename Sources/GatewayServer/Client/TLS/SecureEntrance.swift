import GatewayCore
import NIOCore
import NIOSSL
import NIOTLS

/// Waits for a client's TLS handshake, then makes way for the protocol that was agreed on. A handshake has the time that a
/// head has; whatever ends it earlier is counted.
final class SecureEntrance: ChannelInboundHandler, RemovableChannelHandler, ClientChannel, Expiring {
    typealias InboundIn = ByteBuffer

    private enum Failure: String {
        /// The client went away, or was never more than a probe of the port.
        case closed
        /// No common version or cipher, an alert, or bytes that are not TLS.
        case refused
        case timeout
    }

    private let loop: Loop
    private var context: ChannelHandlerContext?
    private var isCounted = false
    /// The place among the process's connections is given back here, unless somebody has taken the connection over.
    private var ownsPlace = true
    var deadlineSlot = -1

    init(on loop: Loop) { self.loop = loop }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.opened(self)
        self.loop.deadlines.add(self, LoopClock.now() + self.loop.options.headTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.leave()
        if self.ownsPlace { self.loop.state.load.closeConnection() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let agreed) = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.leave()
        do {
            if agreed == "h2" {
                try HTTP2Connection.install(on: context.channel, of: self.loop)
            } else {
                let connection = ClientConnection(on: self.loop, peer: context.channel.remoteAddress)
                try context.pipeline.syncOperations.addHandler(connection)
            }
            self.ownsPlace = false
        } catch {
            return context.close(promise: nil)
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isEnd = "\(error)".contains("EOF during handshake")
        self.count(isEnd ? .closed : .refused)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.count(.closed)
        self.leave()
        context.fireChannelInactive()
    }

    func deadlinePassed(_ now: UInt64) {
        self.count(.timeout)
        self.sever()
    }

    /// Who has not finished its handshake has not asked for anything.
    func drain() { self.sever() }

    func cut() { self.sever() }

    /// Closes beneath TLS, which would wait for the farewell of a peer that has not even greeted.
    private func sever() {
        guard let context = self.context else { return }
        context.pipeline.sever()
    }

    private func count(_ failure: Failure) {
        guard self.context != nil, !self.isCounted else { return }
        self.isCounted = true
        self.loop.state.metrics.tlsFailures[failure.rawValue, default: 0] += 1
    }

    private func leave() {
        guard self.context != nil else { return }
        self.context = nil
        self.loop.deadlines.remove(self)
        self.loop.closed(self)
    }
}

extension ChannelPipeline {
    /// Closes the channel without TLS's farewell, so that the peer cannot take what it has got for all that there is.
    func sever() {
        let tls = try? self.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        if let tls { return tls.close(promise: nil) }
        self.close(mode: .all, promise: nil)
    }
}
