import CByteScan

/// One header field as two ranges, and which of the fields that the gateway itself acts on it is. In memory it is a
/// `byte_scan_field`: what the pass over a head has found is taken over in one copy.
package struct HeadField: Sendable, Equatable {
    package var name: ByteRange
    /// Without the white space around it.
    package var value: ByteRange
    package var known: KnownField
}

/// The fields that the gateway reads or must not forward. Everything else is `other` and passes through.
@usableFromInline
package enum KnownField: UInt8, Sendable {
    // The raw values are those that `byte_scan_known_field` answers with.
    case other = 0
    // framing and connection management: never forwarded, always made anew
    case connection, contentLength, transferEncoding, host, keepAlive, te, trailer, upgrade, expect
    case proxyConnection, proxyAuthorization, proxyAuthenticate
    // credentials: read, then replaced by the upstream's
    case authorization, xAPIKey, xGoogAPIKey, apiKey
    // read and forwarded
    case contentType, contentEncoding, acceptEncoding, xRequestID, retryAfter
    // for the gateway alone: read, never forwarded
    case xGatewayTags

    /// The field of this name, whatever the case of its letters.
    static func named(_ bytes: borrowing Span<UInt8>, _ name: ByteRange) -> KnownField {
        let number = bytes.withUnsafeBufferPointer { byte_scan_known_field($0.baseAddress! + name.lower, name.count) }
        return KnownField(rawValue: number) ?? .other
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

    /// Whether the field speaks to the gateway and to nobody behind it.
    @inlinable package var isForGateway: Bool { self.isCredential || self == .xGatewayTags }

    /// Whether the field carries a caller's credential.
    @inlinable package var isCredential: Bool {
        switch self {
        case .authorization, .xAPIKey, .xGoogAPIKey, .apiKey: true
        default: false
        }
    }
}

/// Whether the bytes at `start` are `literal`, whose letters are in lower case; only letters are folded.
///
/// Eight bytes at a time. Setting the bit of lower case in every byte folds letters, and makes nothing but a control
/// character look like a digit or a sign of HTTP's, `_` and `^` apart: names and values have none. The caller has made sure
/// that the lengths agree.
@inlinable @inline(__always)
func equalsIgnoringCase(_ bytes: borrowing Span<UInt8>, at start: Int, _ literal: StaticString) -> Bool {
    let count = literal.utf8CodeUnitCount
    guard start >= 0, bytes.count - start >= count else { return false }
    let wanted = UnsafeRawPointer(literal.utf8Start)
    return bytes.withUnsafeBytes { raw in
        if count >= 8 {
            var offset = 0
            while offset + 8 < count {
                guard folds(raw, start + offset, wanted, offset, UInt64.self) else { return false }
                offset += 8
            }
            return folds(raw, start + count - 8, wanted, count - 8, UInt64.self)
        }
        if count >= 4 {
            return folds(raw, start, wanted, 0, UInt32.self)
                && folds(raw, start + count - 4, wanted, count - 4, UInt32.self)
        }
        for offset in 0..<count where !folds(raw, start + offset, wanted, offset, UInt8.self) { return false }
        return true
    }
}

/// Whether a literal can be compared with folded bytes.
@usableFromInline
func isFolded(_ literal: StaticString) -> Bool {
    literal.withUTF8Buffer { $0.allSatisfy { $0 & 0x20 != 0 && $0 < 0x80 } }
}

@inlinable @inline(__always)
func folds<Word: FixedWidthInteger & BitwiseCopyable>(
    _ raw: UnsafeRawBufferPointer,
    _ place: Int,
    _ wanted: UnsafeRawPointer,
    _ offset: Int,
    _ word: Word.Type
) -> Bool {
    let lowerCase = Word(truncatingIfNeeded: 0x2020_2020_2020_2020 as UInt64)
    let found = raw.loadUnaligned(fromByteOffset: place, as: word) | lowerCase
    return found == wanted.loadUnaligned(fromByteOffset: offset, as: word)
}

extension ByteRange {
    /// Whether the name or value in this range begins with `literal`, which is in lower case and has neither `_` nor `^`;
    /// letters of the bytes are folded. The bytes must have passed the parser: no controls.
    @inlinable @inline(__always)
    package func begins(_ bytes: borrowing Span<UInt8>, _ literal: StaticString) -> Bool {
        assert(isFolded(literal), "a literal that nothing can be equal to")
        return self.count >= literal.utf8CodeUnitCount && equalsIgnoringCase(bytes, at: self.lower, literal)
    }

    /// Whether it is `literal`, under the same rules.
    @inlinable @inline(__always)
    package func equals(_ bytes: borrowing Span<UInt8>, _ literal: StaticString) -> Bool {
        assert(isFolded(literal), "a literal that nothing can be equal to")
        return self.count == literal.utf8CodeUnitCount && equalsIgnoringCase(bytes, at: self.lower, literal)
    }

    /// Whether it begins with `literal` to the letter, as a path must: its case tells resources apart (RFC 3986 §6.2.2.1).
    @inlinable @inline(__always)
    package func beginsExactly(_ bytes: borrowing Span<UInt8>, _ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard self.count >= count else { return false }
        for index in 0..<count where bytes[self.lower + index] != literal.utf8Start[index] { return false }
        return true
    }
}
