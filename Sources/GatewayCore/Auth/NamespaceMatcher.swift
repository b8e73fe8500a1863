import GatewayModel
import Glibc
import HTTPWire

/// Finds on whose behalf a call is made: its key decides, or, without a key, what address and headers say.
struct NamespaceMatcher {
    let table: RoutingTable

    struct Caller {
        var namespace: Int
        /// Nil: an anonymous caller.
        var key: FoundKey?
        /// The field that selected the namespace, if one did.
        var header: HeadField?
    }

    /// A namespace that the path's beginning selects.
    struct Prefix {
        var namespace = -1
        /// Bytes that are not part of the call's own path.
        var count = 0
    }

    /// The longest path prefix that fits.
    func prefix(_ path: ByteRange, _ bytes: borrowing Span<UInt8>) -> Prefix {
        for entry in self.table.prefixes where Self.hasPrefix(bytes, path, entry.prefix) {
            return Prefix(namespace: entry.namespace, count: entry.prefix.count)
        }
        return Prefix()
    }

    /// The caller of a request whose credential is `key`, if it has one. `wall` is nanoseconds since 1970.
    func match(
        _ head: RequestHead,
        _ bytes: borrowing Span<UInt8>,
        key: FoundKey?,
        prefix: Prefix,
        wall: UInt64
    ) throws(Refusal) -> Caller {
        var caller = Caller(namespace: -1, key: key)
        if let key {
            guard Int64(wall / 1_000_000_000) < key.expires else { throw Refusal(.expiredKey) }
            caller.namespace = Int(key.namespace)
        }
        if self.table.hasMatches { try self.agree(&caller, prefix, head, bytes) }
        guard caller.namespace >= 0 else { throw Refusal(.missingKey) }
        if key == nil, !self.table.namespaces[caller.namespace].isAnonymous { throw Refusal(.missingKey) }
        return caller
    }

    /// Every sign that is present must name the same namespace.
    private func agree(_ caller: inout Caller, _ prefix: Prefix, _ head: RequestHead, _ bytes: borrowing Span<UInt8>)
        throws(Refusal)
    {
        if prefix.namespace >= 0 { try Self.settle(&caller, prefix.namespace) }
        if self.table.hasHosts, let namespace = self.host(head, bytes) { try Self.settle(&caller, namespace) }
        for entry in self.table.headers {
            for field in head.fields where Self.isNamed(bytes, field, entry.name) {
                let value = bytes.extracting(field.value.lower..<field.value.upper)
                // A value that selects nothing does not agree either: whoever sends it means another namespace.
                guard let namespace = value.withUnsafeBytes({ entry.values.find($0) }) else {
                    throw Refusal(.namespaceMismatch)
                }
                try Self.settle(&caller, namespace)
                caller.header = field
            }
        }
    }

    private static func settle(_ caller: inout Caller, _ namespace: Int) throws(Refusal) {
        guard caller.namespace < 0 || caller.namespace == namespace else { throw Refusal(.namespaceMismatch) }
        caller.namespace = namespace
    }

    private static func hasPrefix(_ bytes: borrowing Span<UInt8>, _ path: ByteRange, _ prefix: [UInt8]) -> Bool {
        guard path.count > prefix.count, bytes[path.lower + prefix.count] == UInt8(ascii: "/") else { return false }
        for offset in 0..<prefix.count where bytes[path.lower + offset] != prefix[offset] { return false }
        return true
    }

    /// The namespace of the host field, without its port and in lower case.
    private func host(_ head: RequestHead, _ bytes: borrowing Span<UInt8>) -> Int? {
        let host = head.facts.host
        var name: [UInt8] = []
        var hasBracket = false
        for index in host.lower..<host.upper {
            let byte = bytes[index]
            if byte == UInt8(ascii: "[") { hasBracket = true }
            if byte == UInt8(ascii: "]") { hasBracket = false }
            if byte == UInt8(ascii: ":"), !hasBracket { break }
            name.append(byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte)
        }
        return name.withUnsafeBytes { self.table.hosts.find($0) }
    }

    /// Whether the field has this name, which is in lower case.
    private static func isNamed(_ bytes: borrowing Span<UInt8>, _ field: HeadField, _ name: [UInt8]) -> Bool {
        guard field.name.count == name.count else { return false }
        // Many clients write it as it stands here.
        let start = field.name.lower
        if bytes.withUnsafeBytes({ memcmp($0.baseAddress! + start, name, name.count) }) == 0 { return true }
        for offset in 0..<name.count {
            let byte = bytes[field.name.lower + offset]
            if (byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte) != name[offset] { return false }
        }
        return true
    }
}
