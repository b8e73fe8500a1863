import Glibc
import NIOCore
import NIOPosix

/// A port that cannot be listened on, and why.
package struct PortInUse: Error, CustomStringConvertible {
    package let description: String
    /// Another process has it; else the address is not this machine's, or the port is reserved to root.
    package let isTaken: Bool
}

/// Finds out whether a port is free before several listeners share it.
///
/// Listeners that share a port may do so with another process's as well, silently; a probe without sharing finds it out.
package enum PortProbe {
    /// Throws `PortInUse`, or what the resolver says of the host. Port 0 is always free.
    package static func check(host: String, port: Int) throws {
        guard port != 0 else { return }
        let address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        let descriptor = socket(address.protocol == .inet6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let result = address.withSockAddr { pointer, size in bind(descriptor, pointer, socklen_t(size)) }
        guard result != 0 else { return }
        let code = errno
        throw PortInUse(
            description: "cannot listen on \(host):\(port): \(String(cString: strerror(code)))",
            isTaken: code == EADDRINUSE
        )
    }
}
