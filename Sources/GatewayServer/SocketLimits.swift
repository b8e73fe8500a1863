import Glibc
import NIOCore

/// What the system may hold for one of our sockets.
enum SocketLimits {
    /// Bytes that were written and not sent yet. Without a limit a peer that takes nothing gets megabytes of the system's
    /// memory (`tcp_wmem`), and whoever writes learns late that it is slow. A socket that sends is not slowed: what is on its
    /// way does not count.
    static let unsentBytes: ChannelOptions.Types.SocketOption.Value = 128 << 10
}

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
    /// `TCP_NOTSENT_LOWAT` (tcp(7)).
    static var unsentLimit: Self {
        Self(level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT))
    }
}
