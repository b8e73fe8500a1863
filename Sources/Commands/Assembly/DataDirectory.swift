import Foundation
import Glibc

/// The directory that a process keeps everything in, locked for as long as it runs: two processes writing one journal or
/// one object map would take each other's exchanges for orphans.
final class DataDirectory: Sendable {
    let path: String
    private let lock: Int32

    /// Makes the directory, open to its owner only, and locks it.
    init(_ path: String) throws(OptionError) {
        self.path = path
        for directory in [path, "\(path)/logs", "\(path)/spool", "\(path)/secrets"] {
            guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
                throw OptionError("cannot create \(directory): \(String(cString: strerror(errno)))", exitCode: 1)
            }
        }
        self.lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard self.lock >= 0 else {
            throw OptionError("cannot use \(path): \(String(cString: strerror(errno)))", exitCode: 1)
        }
        guard flock(self.lock, LOCK_EX | LOCK_NB) == 0 else {
            close(self.lock)
            throw OptionError("another ai-gateway is using \(path); choose another --data-dir", exitCode: 1)
        }
    }

    deinit { close(self.lock) }
}

/// The process's limit of open files.
enum DescriptorLimit {
    /// For listeners, loops, logs, databases, the journal, and the files of uploads, of which there are at most 256.
    private static let reserve = 500

    /// Raises the soft limit to the hard one and says how many client connections that allows: an exchange needs two
    /// descriptors, its client's and its upstream's.
    static func connectionsAfterRaising() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = min(limit.rlim_max, 1 << 20)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return max(64, (Int(clamping: limit.rlim_cur) - Self.reserve) / 2)
    }
}
