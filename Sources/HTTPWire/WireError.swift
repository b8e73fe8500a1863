/// Why bytes are not the HTTP message that RFC 9112 describes. The text goes into the error answer and the log.
package enum WireError: String, Error, Sendable, CaseIterable {
    case badMethod = "the method is not a token"
    case badTarget = "the target is not an absolute path of allowed characters"
    case ambiguousPath = "the path has empty, dot or encoded-dot segments, or encodes a separator or control"
    case badVersion = "the request line does not end in HTTP/1.0 or HTTP/1.1"
    case unsupportedVersion = "the HTTP version is not 1.0 or 1.1"
    case badStatusLine = "the status line is malformed"
    case bareLineFeed = "a line ends without CR LF"
    case foldedField = "a field is folded over several lines"
    case badFieldName = "a field name is empty, not a token, or followed by space"
    case badFieldValue = "a field value holds a control character"
    case badHost = "the host field is missing, repeated or malformed"
    case badContentLength = "content-length is repeated or not a number"
    case badTransferEncoding = "transfer-encoding is repeated or is not exactly chunked"
    case twoLengths = "both content-length and transfer-encoding are present"
    case badChunk = "a chunk's size, extension or end is malformed"
    case badTrailer = "the trailer section is malformed or too long"
    case headTooLarge = "the head is too large"
    case badPseudoField = "a pseudo-header field is missing, repeated or unknown"
    case badExpectation = "the expectation is not 100-continue"
}

/// What a parser found in the bytes that it was given.
package enum ParseResult: Sendable, Equatable {
    /// Nothing is wrong so far, but the head is not complete.
    case needsMore
    /// The head takes this many bytes; the body, if any, follows.
    case complete(length: Int)
}
