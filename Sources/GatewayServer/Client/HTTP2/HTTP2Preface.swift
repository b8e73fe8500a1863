import NIOCore

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
enum HTTP2Preface {
    private static let bytes: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    static let length = Self.bytes.utf8CodeUnitCount

    /// Whether `buffer` begins with the preface, or with as much of it as there is.
    static func begins(_ buffer: ByteBuffer) -> Bool {
        let present = min(buffer.readableBytes, Self.length)
        let view = buffer.readableBytesView.prefix(present)
        return present > 0 && view.elementsEqual(Self.bytes.withUTF8Buffer { Array($0.prefix(present)) })
    }
}
