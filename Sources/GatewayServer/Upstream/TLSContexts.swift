import GatewayCore
import NIOSSL
import Synchronization

/// TLS settings for upstreams, by trust: loading the system's authorities takes tens of milliseconds and is done once, off
/// the loops.
final class TLSContexts: Sendable {
    private let contexts = Mutex<[String: NIOSSLContext]>([:])

    /// The context that trusts a file's authorities, or the system's, made if need be: call `prepare` off the loops first.
    /// Throws when the file cannot be read.
    func context(trusting caFile: String?) throws -> NIOSSLContext {
        let key = caFile ?? ""
        if let context = self.contexts.withLock({ $0[key] }) { return context }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        configuration.minimumTLSVersion = .tlsv12
        if let file = caFile { configuration.trustRoots = .file(file) }
        let context: NIOSSLContext
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            guard let file = caFile else { throw error }
            throw UnreadableAuthorities(path: file, reason: "\(error)")
        }
        self.contexts.withLock { $0[key] = context }
        return context
    }

    /// Makes the contexts that `table` needs; an unreadable file shows when the upstream is called.
    func prepare(for table: RoutingTable) {
        for caFile in table.authorities { _ = try? self.context(trusting: caFile) }
    }
}
