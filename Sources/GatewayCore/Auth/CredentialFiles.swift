import Glibc

/// The credentials that an operator of this machine keeps in files, such as mounted secrets.
///
/// The path of a file comes with the configuration, and what is read goes to an upstream of the configuration's choice. Only
/// files in one directory are read, so that whoever may write the configuration may not thereby read this machine's files.
package struct CredentialFiles: Sendable {
    private static let limit = 64 * 1024

    private let directory: String?

    /// Files in `directory`, at any depth; none without one.
    package init(within directory: String?) { self.directory = directory }

    /// The file's bytes without the white space around them; nil when it does not lie in the directory once its links are
    /// followed, cannot be read, is empty, too long, no file, or holds what no header field may hold.
    func read(_ path: String) -> [UInt8]? {
        guard let directory = self.directory.flatMap(Self.resolved), let path = Self.resolved(path),
            path.hasPrefix(directory == "/" ? "/" : directory + "/")
        else { return nil }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: Self.limit)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0, count < Self.limit else { return nil }
        let isBlank = { (byte: UInt8) in byte <= 0x20 }
        let value = Array(bytes[..<count].drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        guard !value.isEmpty, !value.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
        return value
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
