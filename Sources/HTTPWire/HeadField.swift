/// One header field as two ranges, and which of the fields that the gateway itself acts on it is.
package struct HeadField: Sendable, Equatable {
    package var name: ByteRange
    /// Without the white space around it.
    package var value: ByteRange
    package var known: KnownField
}

/// The fields that the gateway reads or must not forward. Everything else is `other` and passes through.
@usableFromInline
package enum KnownField: UInt8, Sendable {
    case other
    // framing and connection management: never forwarded, always made anew
    case connection, contentLength, transferEncoding, host, keepAlive, te, trailer, upgrade, expect
    case proxyConnection, proxyAuthorization, proxyAuthenticate
    // credentials: read, then replaced by the upstream's
    case authorization, xAPIKey, xGoogAPIKey, apiKey
    // read and forwarded
    case contentType, contentEncoding, acceptEncoding, xRequestID, retryAfter

    /// The field of this name, whatever the case of its letters.
    static func named(_ bytes: borrowing Span<UInt8>, _ name: ByteRange) -> KnownField {
        let lower = name.lower
        switch name.count {
        case 2: return equalsIgnoringCase(bytes, at: lower, "te") ? .te : .other
        case 4: return equalsIgnoringCase(bytes, at: lower, "host") ? .host : .other
        case 6: return equalsIgnoringCase(bytes, at: lower, "expect") ? .expect : .other
        case 7:
            if equalsIgnoringCase(bytes, at: lower, "upgrade") { return .upgrade }
            if equalsIgnoringCase(bytes, at: lower, "trailer") { return .trailer }
            return equalsIgnoringCase(bytes, at: lower, "api-key") ? .apiKey : .other
        case 9: return equalsIgnoringCase(bytes, at: lower, "x-api-key") ? .xAPIKey : .other
        case 10:
            if equalsIgnoringCase(bytes, at: lower, "connection") { return .connection }
            return equalsIgnoringCase(bytes, at: lower, "keep-alive") ? .keepAlive : .other
        case 11: return equalsIgnoringCase(bytes, at: lower, "retry-after") ? .retryAfter : .other
        case 12:
            if equalsIgnoringCase(bytes, at: lower, "content-type") { return .contentType }
            return equalsIgnoringCase(bytes, at: lower, "x-request-id") ? .xRequestID : .other
        case 13: return equalsIgnoringCase(bytes, at: lower, "authorization") ? .authorization : .other
        case 14:
            if equalsIgnoringCase(bytes, at: lower, "content-length") { return .contentLength }
            return equalsIgnoringCase(bytes, at: lower, "x-goog-api-key") ? .xGoogAPIKey : .other
        case 15: return equalsIgnoringCase(bytes, at: lower, "accept-encoding") ? .acceptEncoding : .other
        case 16:
            if equalsIgnoringCase(bytes, at: lower, "content-encoding") { return .contentEncoding }
            return equalsIgnoringCase(bytes, at: lower, "proxy-connection") ? .proxyConnection : .other
        case 17: return equalsIgnoringCase(bytes, at: lower, "transfer-encoding") ? .transferEncoding : .other
        case 18: return equalsIgnoringCase(bytes, at: lower, "proxy-authenticate") ? .proxyAuthenticate : .other
        case 19: return equalsIgnoringCase(bytes, at: lower, "proxy-authorization") ? .proxyAuthorization : .other
        default: return .other
        }
    }

    /// Whether the field speaks of one connection and must not cross the gateway (RFC 9110 §7.6.1).
    @inlinable package var isHopByHop: Bool {
        switch self {
        case .connection, .contentLength, .transferEncoding, .host, .keepAlive, .te, .trailer, .upgrade, .expect,
            .proxyConnection, .proxyAuthorization, .proxyAuthenticate:
            true
        default: false
        }
    }

    /// Whether the field carries a caller's credential.
    @inlinable package var isCredential: Bool {
        switch self {
        case .authorization, .xAPIKey, .xGoogAPIKey, .apiKey: true
        default: false
        }
    }
}

/// Whether the bytes at `start` are `literal`, which must be in lower case; only letters are folded.
///
/// The caller has made sure that the lengths agree.
@inline(__always)
func equalsIgnoringCase(_ bytes: borrowing Span<UInt8>, at start: Int, _ literal: StaticString) -> Bool {
    let count = literal.utf8CodeUnitCount
    guard bytes.count - start >= count else { return false }
    for index in 0..<count {
        let byte = bytes[start + index]
        let folded = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
        if folded != literal.utf8Start[index] { return false }
    }
    return true
}
