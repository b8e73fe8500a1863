package import Logging
import ServiceLifecycle

/// Looks every few seconds whether the certificate's files have been replaced.
package struct CertificateKeeper: Service {
    private let certificate: ServerCertificate
    private let logger: Logger
    private static let interval: Duration = .seconds(2)

    package init(_ certificate: ServerCertificate, logger: Logger) {
        self.certificate = certificate
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: Self.interval)) != nil { self.certificate.look(self.logger) }
        }
    }
}
