internal import Foundation
package import GatewayModel
internal import Glibc

/// The last good snapshot of a gateway on its disk, sealed: what it serves from when it starts and nobody answers.
package struct SnapshotFile: Sendable {
    private static let place = "snapshotFile"
    private let path: String
    private let box: SecretBox

    package init(path: String, secrets: SecretBox) {
        self.path = path
        self.box = secrets
    }

    /// The snapshot; nil when there is no file. Blocks on the disk.
    package func load() throws -> Snapshot? {
        guard let sealed = FileManager.default.contents(atPath: self.path) else { return nil }
        return try Snapshot(decoding: self.box.open(Array(sealed), boundTo: Self.place))
    }

    /// Replaces the file as a whole: a crash leaves the old one or the new one. Blocks on the disk.
    package func save(_ snapshot: Snapshot) throws {
        let sealed = try self.box.seal(snapshot.encoded(), boundTo: Self.place)
        let temporary = self.path + ".new"
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw self.failure("created") }
        defer { close(descriptor) }
        try self.write(sealed, to: descriptor)
        guard fsync(descriptor) == 0, rename(temporary, self.path) == 0 else { throw self.failure("written") }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw self.failure("written") }
                rest = rest.dropFirst(count)
            }
        }
    }

    private func failure(_ what: String) -> StorageError {
        .file("\(self.path) cannot be \(what): \(String(cString: strerror(errno)))")
    }
}
