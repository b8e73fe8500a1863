internal import Foundation
internal import GatewayModel
internal import Glibc

/// The key under which everything secret is sealed: 32 bytes that live outside the database.
package struct MasterKey: Sendable {
    package static let variable = "AI_GATEWAY_MASTER_KEY"
    package static let fileName = "master.key"

    let secret: Secret

    /// Nil unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.secret = Secret(bytes)
    }

    /// A new key, for tests and for the first start.
    package static func random() -> MasterKey {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return MasterKey(secret: Secret(bytes))
    }

    private init(secret: Secret) { self.secret = secret }

    /// The key from the environment (base64), else from `master.key` in the directory, which is created with access
    /// for its owner only when it does not exist. A file that others can read is refused.
    package static func loadOrCreate(
        directory: String,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> MasterKey {
        if let text = environment[Self.variable] {
            guard let bytes = Data(base64Encoded: text), let key = MasterKey(Array(bytes)) else {
                throw StorageError.masterKey("\(Self.variable) must be 32 bytes in base64")
            }
            return key
        }
        let path = directory + "/" + Self.fileName
        return try Self.load(path) ?? Self.create(path)
    }

    private static func load(_ path: String) throws -> MasterKey? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw StorageError.masterKey("\(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError.masterKey("\(path) is no ordinary file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StorageError.masterKey("\(path) can be read by others; run `chmod 600 \(path)`, then start again")
        }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).trimmingCharacters(
            in: .whitespacesAndNewlines
        )
        guard let decoded = Data(base64Encoded: text), let key = MasterKey(Array(decoded)) else {
            throw StorageError.masterKey("\(path) must hold 32 bytes in base64")
        }
        return key
    }

    private static func create(_ path: String) throws -> MasterKey {
        let key = Self.random()
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StorageError.masterKey("\(path) cannot be created: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let text = Array((Data(key.secret.reveal()).base64EncodedString() + "\n").utf8)
        guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
            throw StorageError.masterKey("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        return key
    }
}
