import NIOCore
import NIOHTTP2

/// What one HTTP/2 connection may ask of the gateway. Beyond: the stream, or the whole connection, is ended with an error.
enum HTTP2Limits {
    /// Streams at once.
    static let streams = 256
    /// Bytes of a request's body that are on their way, on one stream and on all of a connection.
    static let streamWindow = 128 << 10
    static let connectionWindow = 1 << 20
    /// Bytes of an answer that wait for the client's window, before its upstream is no longer read from.
    static let unsent = (low: 32 << 10, high: 64 << 10)
    /// Streams that the client takes back (CVE-2023-44487), streams that break the rules, and frames that ask for nothing
    /// (PING, SETTINGS, PRIORITY), in `window`.
    static let resets = 200
    static let streamErrors = 200
    static let controlFrames = 200
    static let window: TimeAmount = .seconds(30)
    /// DATA frames in a row without a byte.
    static let emptyFrames = 8
    /// CONTINUATION frames behind one HEADERS frame (CVE-2024-27983); each may hold 16 kB.
    static let continuations = 5

    static func connection(maximumHeadBytes: Int) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: maximumHeadBytes),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.streamWindow),
        ]
        configuration.targetWindowSize = Self.connectionWindow
        configuration.maximumSequentialEmptyDataFrames = Self.emptyFrames
        configuration.maximumSequentialContinuationFrames = Self.continuations
        configuration.controlFrameRateLimit.maximumCount = Self.controlFrames
        configuration.controlFrameRateLimit.windowLength = Self.window
        return configuration
    }

    static var stream: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = Self.streamWindow
        configuration.outboundBufferSizeLowWatermark = Self.unsent.low
        configuration.outboundBufferSizeHighWatermark = Self.unsent.high
        configuration.streamResetFrameRateLimit.maximumCount = Self.resets
        configuration.streamResetFrameRateLimit.windowLength = Self.window
        configuration.streamErrorRateLimit.maximumCount = Self.streamErrors
        configuration.streamErrorRateLimit.windowLength = Self.window
        return configuration
    }
}
