internal import Glibc

/// The proxy of a process for all upstreams that name none, and the hosts that are reached without it.
package struct EgressDefault: Sendable, Equatable {
    package let proxy: EgressProxy?
    private let exceptions: [Exception]

    package static let none = EgressDefault(proxy: nil, exceptions: [])

    private enum Exception: Sendable, Equatable {
        case everything
        /// The name, and every name below it.
        case name(String)
        /// Addresses that agree with these bytes in so many bits.
        case network([UInt8], bits: Int)

        func covers(_ host: String) -> Bool {
            switch self {
            case .everything: return true
            case .name(let name): return host == name || host.hasSuffix("." + name)
            case .network(let network, let bits):
                guard let address = EgressDefault.address(host), address.count == network.count else { return false }
                return (0..<bits).allSatisfy { bit in
                    (address[bit / 8] ^ network[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
                }
            }
        }
    }

    private init(proxy: EgressProxy?, exceptions: [Exception]) {
        self.proxy = proxy
        self.exceptions = exceptions
    }

    /// `noProxy` is a list with commas: names, `*`, addresses, and networks such as `10.0.0.0/8`.
    package init(proxy: EgressProxy?, noProxy: String) throws(BaseURL.Refusal) {
        var exceptions: [Exception] = []
        for part in noProxy.split(separator: ",") {
            var rest = part.drop { $0 == " " }
            while rest.last == " " { rest.removeLast() }
            let text = rest.lowercased()
            if text.isEmpty { continue }
            guard let exception = Self.exception(text) else {
                throw BaseURL.Refusal(message: "`\(text.prefix(100))` is no name, address or network")
            }
            exceptions.append(exception)
        }
        self.init(proxy: proxy, exceptions: exceptions)
    }

    /// The proxy for a host. This machine is never reached through one.
    package func proxy(for host: String) -> EgressProxy? {
        guard let proxy = self.proxy, !Self.isLoopback(host) else { return nil }
        return self.exceptions.contains { $0.covers(host) } ? nil : proxy
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        guard let address = Self.address(host) else { return false }
        return address.count == 4 ? address[0] == 127 : address == Self.address("::1")
    }

    private static func exception(_ text: String) -> Exception? {
        if text == "*" { return .everything }
        if let address = Self.address(text) { return .network(address, bits: address.count * 8) }
        if let slash = text.firstIndex(of: "/") {
            guard let address = Self.address(String(text[..<slash])),
                let bits = Int(text[text.index(after: slash)...]), (0...address.count * 8).contains(bits)
            else { return nil }
            return .network(address, bits: bits)
        }
        let name =
            text.hasPrefix("*.") ? String(text.dropFirst(2)) : text.hasPrefix(".") ? String(text.dropFirst()) : text
        return TextRule.host(name) == nil ? .name(name) : nil
    }

    /// The bytes of an IPv4 or IPv6 address; nil for a name.
    private static func address(_ text: String) -> [UInt8]? {
        var four = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &four) == 1 { return four }
        var sixteen = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &sixteen) == 1 ? sixteen : nil
    }
}
