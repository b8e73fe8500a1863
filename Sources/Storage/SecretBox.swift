// A sealed value: one byte `1` (the format), 12 bytes nonce, the ciphertext, 16 bytes tag; AES-256-GCM under the master
// key. The context (`upstream/openai/https://api.openai.com:443`) is authenticated, not stored: what was sealed for one
// place cannot be opened in another.

internal import Crypto
internal import Foundation
package import GatewayModel

/// Seals what must not lie on a disk in clear.
package struct SecretBox: Sendable {
    private static let format: UInt8 = 1
    private let key: SymmetricKey

    package init(_ key: MasterKey) { self.key = SymmetricKey(data: key.secret.reveal()) }

    /// The sealed form, which only `open` with the same context can read.
    package func seal(_ plaintext: [UInt8], boundTo context: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(plaintext, using: self.key, authenticating: Array(context.utf8))
        guard let combined = box.combined else { throw StorageError.unreadable("a sealed value") }
        return [Self.format] + combined
    }

    package func open(_ sealed: [UInt8], boundTo context: String) throws -> [UInt8] {
        guard sealed.first == Self.format,
            let box = try? AES.GCM.SealedBox(combined: Data(sealed.dropFirst())),
            let plaintext = try? AES.GCM.open(box, using: self.key, authenticating: Array(context.utf8))
        else { throw StorageError.unreadable("what is sealed for \(context)") }
        return Array(plaintext)
    }
}

/// HMAC-SHA-256 in the forms in which the system uses it.
package enum KeyedHash {
    /// How the value of a gateway key becomes what is stored and compared.
    package static func keyDigest(_ value: Secret, pepper: Secret) -> KeyDigest {
        let code = HMAC<SHA256>.authenticationCode(
            for: value.reveal(),
            using: SymmetricKey(data: pepper.reveal())
        )
        guard let digest = KeyDigest(Array(code)) else { preconditionFailure("HMAC-SHA-256 is not 32 bytes") }
        return digest
    }

    /// SHA-256 in hexadecimal, for tokens that are random enough to need no salt.
    package static func tokenDigest(_ token: String) -> String { Hex.text(SHA256.hash(data: Array(token.utf8))) }
}

extension Snapshot {
    /// Names the content, whatever the version: equal exactly when the resources are equal, secrets included. Keyed by
    /// the pepper, so that it says nothing about secrets to those who do not have it.
    package var contentHash: String {
        var content = self
        content.version = 0
        content.createdAt = 0
        let key = SymmetricKey(data: self.keyPepper.reveal())
        return Hex.text(HMAC<SHA256>.authenticationCode(for: content.encoded(), using: key))
    }
}
