import Glibc
package import Logging
import NIOSSL
import Synchronization

/// The certificate that the gateway shows to its clients, and its key: two PEM files that may be replaced while it runs.
/// Connections keep what they began with; a pair that cannot be used changes nothing.
package final class ServerCertificate: Sendable {
    /// Why a pair of files cannot be used, in one line that names the file.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    private struct Loaded {
        let context: NIOSSLContext
        /// Seconds since 1970.
        let expires: Int64
    }

    /// What two looks at the files have seen; equal values mean that nothing was replaced in between.
    private struct Stamp: Equatable {
        var parts: [Int64] = []

        init(_ paths: [String]) {
            for path in paths {
                var status = stat()
                guard stat(path, &status) == 0 else {
                    self.parts.append(-1)
                    continue
                }
                let (time, nanoseconds) = (Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec))
                self.parts += [Int64(bitPattern: UInt64(status.st_ino)), Int64(status.st_size), time, nanoseconds]
            }
        }
    }

    private struct State {
        var loaded: Loaded
        var stamp: Stamp
        /// A stamp that could not be used when it was last looked at, and whether that has been told.
        var broken: (stamp: Stamp, isTold: Bool)?
    }

    private let certificatePath: String
    private let keyPath: String
    private let state: Mutex<State>

    package init(certificate: String, key: String) throws(Refusal) {
        self.certificatePath = certificate
        self.keyPath = key
        let stamp = Stamp([certificate, key])
        self.state = Mutex(State(loaded: try Self.load(certificate, key), stamp: stamp))
    }

    /// For the next handshake.
    var context: NIOSSLContext { self.state.withLock { $0.loaded.context } }

    /// When the certificate in use ends to be valid; seconds since 1970.
    package var expires: Int64 { self.state.withLock { $0.loaded.expires } }

    /// Looks whether the files have been replaced. Of two files one is replaced first, so a pair that does not fit is told
    /// at the second look at it.
    package func look(_ logger: Logger) {
        let stamp = Stamp([self.certificatePath, self.keyPath])
        let (known, broken) = self.state.withLock { ($0.stamp, $0.broken) }
        guard stamp != known else { return }
        if let broken, broken.stamp == stamp, broken.isTold { return }
        self.load(stamp, isTelling: broken?.stamp == stamp, logger)
    }

    /// Reads the files again, whatever has become of them.
    package func reload(_ logger: Logger) {
        self.load(Stamp([self.certificatePath, self.keyPath]), isTelling: true, logger)
    }

    private func load(_ stamp: Stamp, isTelling: Bool, _ logger: Logger) {
        do throws(Refusal) {
            let loaded = try Self.load(self.certificatePath, self.keyPath)
            self.state.withLock { $0 = State(loaded: loaded, stamp: stamp) }
            logger.info("certificate in use", metadata: ["gateway.expires": "\(loaded.expires)"])
        } catch {
            self.state.withLock { $0.broken = (stamp, isTelling) }
            guard isTelling else { return }
            logger.error(
                "new certificate cannot be used, the old one stays",
                metadata: ["gateway.cause": "\(error.description)"]
            )
        }
    }

    private static func load(_ certificatePath: String, _ keyPath: String) throws(Refusal) -> Loaded {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificatePath) } catch {
            throw Refusal(
                description: "\(certificatePath): \(Self.reason(certificatePath, "no certificate in PEM form"))"
            )
        }
        guard let leaf = chain.first else {
            throw Refusal(description: "\(certificatePath): no certificate in PEM form")
        }
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(file: keyPath, format: .pem) } catch {
            throw Refusal(description: "\(keyPath): \(Self.reason(keyPath, "no unencrypted private key in PEM form"))")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        do {
            return Loaded(context: try NIOSSLContext(configuration: configuration), expires: Int64(leaf.notValidAfter))
        } catch {
            throw Refusal(description: "\(keyPath): is not the key of the certificate in \(certificatePath)")
        }
    }

    /// What the system says about a file that it does not give; otherwise what is wrong with what is in it.
    private static func reason(_ path: String, _ flaw: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "cannot be read: \(String(cString: strerror(errno)))" }
        close(descriptor)
        return flaw
    }
}
