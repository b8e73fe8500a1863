import Glibc

/// Reads a credential that an operator keeps in a file, such as a mounted secret.
enum CredentialFile {
    private static let limit = 64 * 1024

    /// The file's bytes without the white space around them; nil when it cannot be read, is empty, too long, or holds
    /// what no header field may hold.
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.limit)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress!, $0.count) }
        guard count > 0, count < Self.limit else { return nil }
        let isBlank = { (byte: UInt8) in byte <= 0x20 }
        let value = Array(bytes[..<count].drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        guard !value.isEmpty, !value.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
        return value
    }
}
