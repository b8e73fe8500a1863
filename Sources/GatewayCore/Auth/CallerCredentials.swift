import GatewayModel
import HTTPWire
import NIOCore

/// The credential that a request presents: one, in whichever of the usual fields.
enum CallerCredentials {
    /// The presented key as a range of the head, nil when there is none. Two fields that say the same are one credential;
    /// two that differ are refused, because the next server might read the other one.
    ///
    /// `extra` are credentials that stand elsewhere in the head.
    static func find(
        _ head: RequestHead,
        _ bytes: borrowing Span<UInt8>,
        among extra: [ByteRange] = []
    ) throws(Refusal) -> ByteRange? {
        var found: ByteRange?
        for value in extra {
            if let found, !Self.same(found, value, bytes) { throw Refusal(.conflictingCredentials) }
            found = value
        }
        for field in head.fields where field.known.isCredential {
            let value = field.known == .authorization ? Self.bearer(field.value, bytes) : field.value
            guard let value, !value.isEmpty else {
                throw Refusal(.invalidKey, "`authorization` is not of the form `Bearer KEY`.")
            }
            if let found, !Self.same(found, value, bytes) { throw Refusal(.conflictingCredentials) }
            found = value
        }
        return found
    }

    /// What follows `Bearer`, whose case does not matter (RFC 9110 §11.1).
    private static func bearer(_ value: ByteRange, _ bytes: borrowing Span<UInt8>) -> ByteRange? {
        let scheme: StaticString = "bearer "
        guard value.count > scheme.utf8CodeUnitCount, value.begins(bytes, scheme) else { return nil }
        var lower = value.lower + scheme.utf8CodeUnitCount
        while lower < value.upper, bytes[lower] == UInt8(ascii: " ") { lower += 1 }
        return ByteRange(lower, value.upper)
    }

    private static func same(_ left: ByteRange, _ right: ByteRange, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count where bytes[left.lower + offset] != bytes[right.lower + offset] { return false }
        return true
    }
}
