package import NIOCore

/// A close frame of a server (RFC 6455 §5.5.1), which is not masked.
package enum CloseFrame {
    /// The codes of RFC 6455 §7.4.1 that the gateway says itself.
    package enum Code: UInt16, Sendable {
        case goingAway = 1001
        case protocolError = 1002
        case internalError = 1011
        case serviceRestart = 1012
    }

    /// `reason` is for people, and is cut to what a control frame holds.
    package static func write(_ code: Code, _ reason: String, into out: inout ByteBuffer) {
        let text = Array(reason.utf8.prefix(123))
        out.writeInteger(UInt8(0x88))
        out.writeInteger(UInt8(2 + text.count))
        out.writeInteger(code.rawValue)
        out.writeBytes(text)
    }
}
