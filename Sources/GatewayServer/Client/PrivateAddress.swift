import NIOCore

/// Whether a peer is on this machine or on a private network (RFC 1918, RFC 4193, RFC 4291 §2.5.3).
enum PrivateAddress {
    static func contains(_ address: SocketAddress?) -> Bool {
        guard let address else { return false }
        let bytes = address.withSockAddr { pointer, size in
            Array(UnsafeRawBufferPointer(start: pointer, count: size))
        }
        switch address {
        case .v4: return Self.containsV4(Array(bytes.dropFirst(4).prefix(4)))
        case .v6: return Self.containsV6(Array(bytes.dropFirst(8).prefix(16)))
        case .unixDomainSocket: return true
        }
    }

    private static func containsV4(_ bytes: [UInt8]) -> Bool {
        bytes[0] == 127 || bytes[0] == 10 || (bytes[0] == 172 && bytes[1] & 0xF0 == 16)
            || (bytes[0] == 192 && bytes[1] == 168)
    }

    private static func containsV6(_ bytes: [UInt8]) -> Bool {
        let isLoopback = bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
        let isMappedV4 = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isLoopback || bytes[0] & 0xFE == 0xFC || (isMappedV4 && Self.containsV4(Array(bytes[12...])))
    }
}
