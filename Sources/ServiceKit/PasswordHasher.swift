internal import Crypto
internal import CryptoExtras
package import GatewayModel
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Turns passwords into what may be stored, by scrypt, on threads of its own and never more than a few at once.
package final class PasswordHasher: Sendable {
    /// A power of two; 128 × 8 × this many bytes are used for each hash: 32 MiB by default.
    private let rounds: Int
    /// Hashes that may run or wait at once; beyond, callers are told that the service is busy.
    private let limit: Int
    private let running = Mutex(0)

    package init(rounds: Int = 1 << 15, limit: Int = 8) {
        self.rounds = rounds
        self.limit = limit
    }

    /// The stored form: `scrypt$rounds$salt$hash`, in hexadecimal.
    package func hash(_ password: Secret) async throws -> String {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let key = try await self.derive(password, salt: salt, rounds: self.rounds)
        return "scrypt$\(self.rounds)$\(Hex.text(salt))$\(Hex.text(key))"
    }

    /// Whether the password is the one that was hashed. Without a hash the same work is done, and the answer is no: how
    /// long it takes does not tell whether a user exists.
    package func verify(_ password: Secret, against stored: String?) async throws -> Bool {
        let parts = (stored ?? "").split(separator: "$").map(String.init)
        guard parts.count == 4, parts[0] == "scrypt", let rounds = Int(parts[1]), rounds <= 1 << 20,
            let salt = Hex.bytes(parts[2]), let expected = Hex.bytes(parts[3])
        else {
            _ = try await self.derive(password, salt: [UInt8](repeating: 0, count: 16), rounds: self.rounds)
            return false
        }
        let key = try await self.derive(password, salt: salt, rounds: rounds)
        return key.count == expected.count && zip(key, expected).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func derive(_ password: Secret, salt: [UInt8], rounds: Int) async throws -> [UInt8] {
        let admitted = self.running.withLock { running in
            guard running < self.limit else { return false }
            running += 1
            return true
        }
        guard admitted else { throw ServiceProblem(.overloaded, "Too many people are logging in; try again shortly.") }
        defer { self.running.withLock { $0 -= 1 } }
        return try await NIOThreadPool.singleton.runIfActive {
            let key = try KDF.Scrypt.deriveKey(
                from: password.reveal(),
                salt: salt,
                outputByteCount: 32,
                rounds: rounds,
                blockSize: 8,
                parallelism: 1
            )
            return key.withUnsafeBytes { Array($0) }
        }
    }
}
