import GatewayCore
import GatewayModel
import HTTPWire
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// Makes a fresh TCP connection one over which an upstream can be spoken to: TLS with the proxy, a tunnel through it, TLS
/// with the upstream, whichever of them are needed. Then it puts `connection` in its place and leaves.
///
/// Until then the connection has no one else: what fails, fails here, once, through `ready`.
final class UpstreamConnector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Step {
        case proxyTLS(NIOSSLContext, EgressProxy)
        case tunnel(EgressProxy)
        case tls(NIOSSLContext, host: String)
    }

    private let connection: UpstreamConnection
    private let address: UpstreamState.Address
    private let ready: EventLoopPromise<Void>
    private var steps: [Step]
    private var current: Step?
    private var input = ByteBuffer()
    private var isDone = false

    /// A proxy's answer needs no more.
    private static let answerLimit = 16 << 10

    init(
        to address: UpstreamState.Address,
        by steps: [Step],
        for connection: UpstreamConnection,
        ready: EventLoopPromise<Void>
    ) {
        self.address = address
        self.steps = steps
        self.connection = connection
        self.ready = ready
    }

    /// The steps to `address`. Throws when a file of authorities cannot be read.
    static func steps(to address: UpstreamState.Address, _ contexts: TLSContexts) throws -> [Step] {
        var steps: [Step] = []
        if let proxy = address.proxy {
            if proxy.tls { steps.append(.proxyTLS(try contexts.context(trusting: proxy.caFile), proxy)) }
            if address.tls { steps.append(.tunnel(proxy)) }
        }
        if address.tls { steps.append(.tls(try contexts.context(trusting: address.caFile), host: address.host)) }
        return steps
    }

    // MARK: steps

    func channelActive(context: ChannelHandlerContext) { self.proceed(context) }

    private func proceed(_ context: ChannelHandlerContext) {
        guard !self.isDone else { return }
        guard !self.steps.isEmpty else { return self.finish(context) }
        let step = self.steps.removeFirst()
        self.current = step
        do {
            switch step {
            case .proxyTLS(let tls, let proxy): try self.startTLS(tls, with: proxy.host, context)
            case .tunnel(let proxy): self.askForTunnel(proxy, context)
            case .tls(let tls, let host): try self.startTLS(tls, with: host, context)
            }
        } catch {
            self.fail(error, context)
        }
    }

    private func startTLS(_ tls: NIOSSLContext, with host: String, _ context: ChannelHandlerContext) throws {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let handler = try NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : host)
        try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
    }

    /// RFC 9110 §9.3.6. The credential goes to the proxy, and to nobody behind it.
    private func askForTunnel(_ proxy: EgressProxy, _ context: ChannelHandlerContext) {
        let host = self.address.host.contains(":") ? "[\(self.address.host)]" : self.address.host
        let target = "\(host):\(self.address.port)"
        var head = ByteBuffer(string: "CONNECT \(target) HTTP/1.1\r\nhost: \(target)\r\n")
        head.writeBytes(proxy.authorization)
        head.writeStaticString("\r\n")
        context.writeAndFlush(self.wrapOutboundOut(head), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.proceed(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .tunnel(let proxy) = self.current, !self.isDone else { return }
        var buffer = self.unwrapInboundIn(data)
        self.input.writeBuffer(&buffer)
        do throws(WireError) {
            let answer = ResponseHead()
            while case .complete(let length) = try answer.parse(self.input, limit: Self.answerLimit) {
                self.input.moveReaderIndex(forwardBy: length)
                if answer.isInformational { continue }
                guard (200..<300).contains(answer.status) else {
                    return self.fail(ProxyFailure(proxy, .answered(answer.status)), context)
                }
                // Bytes behind the answer would be the upstream's, and no upstream speaks before it is greeted.
                guard self.input.readableBytes == 0 else { return self.fail(ProxyFailure(proxy, .talks), context) }
                self.input = ByteBuffer()
                return self.proceed(context)
            }
        } catch {
            self.fail(ProxyFailure(proxy, .talks), context)
        }
    }

    // MARK: ends

    private func finish(_ context: ChannelHandlerContext) {
        self.isDone = true
        self.current = nil
        do {
            try context.pipeline.syncOperations.addHandler(self.connection)
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            self.ready.succeed(())
        } catch {
            self.ready.fail(error)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.fail(error, context) }

    func channelInactive(context: ChannelHandlerContext) { self.fail(ChannelError.eof, context) }

    /// Whatever the step waits for has not come in time.
    func expire(after time: UInt64, _ channel: any Channel) {
        guard !self.isDone else { return }
        self.isDone = true
        self.ready.fail(self.attributed(HandshakeTimeout(step: self.stepName, nanoseconds: time)))
        channel.close(promise: nil)
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        guard !self.isDone else { return }
        self.isDone = true
        self.ready.fail(self.attributed(error))
        context.close(promise: nil)
    }

    /// What goes wrong between us and the proxy is the proxy's, and says nothing about the upstream's certificate.
    private func attributed(_ error: any Error) -> any Error {
        guard let proxy = self.address.proxy, !(error is ProxyFailure) else { return error }
        if case .tls = self.current { return error }
        return ProxyFailure(proxy, .error(error))
    }

    private var stepName: String {
        switch self.current {
        case .proxyTLS, .tls: "TLS handshake"
        case .tunnel: "answer to CONNECT"
        case nil: "connection"
        }
    }
}

/// A proxy could not be reached, or does not do what it is asked.
struct ProxyFailure: Error {
    enum Reason {
        case answered(Int)
        /// Its answer is not one to CONNECT.
        case talks
        case error(any Error)
    }

    let place: String
    let reason: Reason

    init(_ proxy: EgressProxy, _ reason: Reason) {
        self.place = proxy.place
        self.reason = reason
    }
}

/// A connection was opened, and then nothing came of it within the time for connecting.
struct HandshakeTimeout: Error {
    let step: String
    let nanoseconds: UInt64
}
