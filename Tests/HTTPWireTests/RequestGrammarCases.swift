// WHY: longer than 200 lines: a table.

import Testing

@testable import HTTPWire

/// One message and what becomes of it, with the reason; the cases cover what the tests of llhttp cover, in our own words.
struct GrammarCase: Sendable, CustomTestStringConvertible {
    enum Verdict: Sendable, Equatable {
        /// A whole message, with this body, and this many bytes behind it.
        case whole(String, behind: Int = 0)
        /// Nothing is wrong, and something is missing.
        case unfinished
        /// An answer whose body ends with its connection.
        case untilClose
        case refused(WireError)
    }

    let title: String
    let text: String
    let verdict: Verdict
    /// Why it is so; empty where RFC 9112 leaves no choice.
    let reason: String

    init(_ title: String, _ text: String, _ verdict: Verdict, _ reason: String = "") {
        (self.title, self.text, self.verdict, self.reason) = (title, text, verdict, reason)
    }

    /// A request whose fields are `fields`, lines that end in CR LF, behind a good host.
    static func post(
        _ title: String,
        _ fields: String,
        _ body: String,
        _ verdict: Verdict,
        _ reason: String = ""
    ) -> Self {
        Self(title, "POST /v1/x HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)", verdict, reason)
    }

    static func chunked(_ title: String, _ body: String, _ verdict: Verdict, _ reason: String = "") -> Self {
        Self.post(title, "Transfer-Encoding: chunked\r\n", body, verdict, reason)
    }

    /// The bytes: every character stands for the byte of its number.
    var bytes: [UInt8] { self.text.unicodeScalars.map { UInt8($0.value) } }

    var testDescription: String { self.title }
}

extension GrammarCase {
    private static let originOnly = "only the origin form is read: a second place that names a host is a second answer"
    private static let noTolerance = "a tolerant reader and a strict one would see two different heads"

    static let requestLines: [GrammarCase] = [
        Self("no fields but the host", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self("HTTP/1.0 without a host", "GET /v1/models HTTP/1.0\r\n\r\n", .whole("")),
        Self(
            "a method that nobody knows",
            "DUMBPACK / HTTP/1.1\r\nHost: a\r\n\r\n",
            .whole(""),
            "the endpoints' list says no"
        ),
        Self("a method with a hyphen", "M-SEARCH /a HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self("a method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", .whole(""), "another method than GET"),
        Self("a method that begins like HTTP", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self("PATCH with a body", "PATCH /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", .whole("hi")),
        Self("PURGE", "PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self("QUERY with a body", "QUERY /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nq", .whole("q")),
        Self(
            "CONNECT",
            "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget),
            "authority form; \(originOnly)"
        ),
        Self("OPTIONS of the server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget), originOnly),
        Self("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .refused(.badTarget)),
        Self("the absolute form", "GET http://a/v1/x HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget), originOnly),
        Self(
            "the absolute form of another host",
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget),
            originOnly
        ),
        Self("the absolute form with a port", "GET http://a:444/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self(
            "the absolute form with an address",
            "GET http://[1:2::3]:67/ HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget)
        ),
        Self(
            "the absolute form with a zone",
            "GET http://[fe80::a%25en1]/ HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget)
        ),
        Self(
            "the absolute form with a password",
            "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget)
        ),
        Self("a scheme without slashes", "GET schema:/a HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("a host in place of a path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("a relative path", "GET a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("an empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("a query only", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("two question marks", "GET /a??b=c,d,e?f HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self("an empty query", "GET /a? HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self("a path and a query with escapes", "GET /a%20b?c=d%20e HTTP/1.1\r\nHost: a\r\n\r\n", .whole("")),
        Self(
            "brackets in a query",
            "GET /a?b[]=c HTTP/1.1\r\nHost: a\r\n\r\n",
            .whole(""),
            "common, although RFC 3986 has them encoded"
        ),
        Self(
            "a bar in a query",
            "GET /a?b|c HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget),
            "not a character of RFC 3986"
        ),
        Self(
            "quotes in a query",
            "GET /a?\"b\" HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget),
            "not a character of RFC 3986"
        ),
        Self(
            "a fragment",
            "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget),
            "a fragment is never sent (RFC 9112 §3.2)"
        ),
        Self("a space in the path", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        Self("a tab in the path", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("a form feed in the path", "GET /a\u{C}b HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("NUL in the path", "GET /a\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("bytes beyond ASCII in the path", "GET /\u{CE}\u{B4} HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self(
            "bytes beyond ASCII in the query",
            "GET /a?q=\u{CE}\u{B4} HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badTarget)
        ),
        Self("a backslash in the path", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        Self("dots in a query", "GET /a?b=/../c HTTP/1.1\r\nHost: a\r\n\r\n", .whole(""), "a query is no path"),
        Self(
            "an encoded slash",
            "GET /v1/models/a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
            .whole(""),
            "names of models hold slashes"
        ),
        Self(
            "dots before an encoded slash",
            "GET /v1/models/..%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.ambiguousPath)
        ),
        Self(
            "dots behind an encoded slash",
            "GET /v1/models/a%2F.. HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.ambiguousPath)
        ),
        Self(
            "a dot between encoded slashes",
            "GET /v1/a%2f.%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.ambiguousPath)
        ),
        Self(
            "two encoded slashes",
            "GET /v1/a%2F%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.ambiguousPath),
            "an empty segment for who decodes"
        ),
        Self(
            "a slash and an encoded one",
            "GET /v1/%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.ambiguousPath),
            "an empty segment for who decodes"
        ),
        Self("no version", "GET /\r\nHost: a\r\n\r\n", .refused(.badTarget), "HTTP/0.9 has neither fields nor lengths"),
        Self("HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
        Self("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion), "no such version"),
        Self("HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
        Self("HTTP/5.6", "GET / HTTP/5.6\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
        Self("another digit before the dot", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
        Self("another digit behind the dot", "GET / HTTP/1.11\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        Self("no dot in the version", "GET / HTTP/11\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        Self("the protocol in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        Self("RTSP", "PUT / RTSP/1.0\r\nHost: a\r\n\r\n", .refused(.badVersion), "another protocol"),
        Self("ICE", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", .refused(.badVersion), "another protocol"),
        Self("a protocol cut short", "GET / HTP/1.1\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        Self("a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .refused(.badVersion), noTolerance),
        Self("a tab behind the version", "GET / HTTP/1.1\t\r\nHost: a\r\n\r\n", .refused(.badVersion), noTolerance),
        Self("two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget), noTolerance),
        Self("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badVersion), noTolerance),
        Self("a tab before the target", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badMethod), noTolerance),
        Self("a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badMethod), noTolerance),
        Self(
            "CR LF before the request",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badMethod),
            "RFC 9112 §2.2 lets a server skip it, and a smuggler count on who does"
        ),
        Self(
            "a line feed before the request",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.badMethod),
            "nothing stands before a request"
        ),
        Self("a method with a separator", "G(ET / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badMethod)),
        Self("TLS sent to the wrong port", "\u{16}\u{3}\u{1}\u{2}", .refused(.badMethod)),
        Self("a line that ends in LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", .refused(.bareLineFeed), noTolerance),
        Self("a line that ends in CR", "GET / HTTP/1.1\rHost: a\r\n\r\n", .refused(.badVersion), noTolerance),
        Self("a request cut within its line", "GET /v1/mod", .unfinished),
        Self("a request cut within a field", "GET / HTTP/1.1\r\nHost: a\r\nX-", .unfinished),
        Self("a request cut before its last LF", "GET / HTTP/1.1\r\nHost: a\r\n\r", .unfinished),
        Self(
            "two requests",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            .whole("", behind: 28)
        ),
    ]

    static let requestFields: [GrammarCase] = [
        Self("no host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", .refused(.badHost)),
        Self("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .refused(.badHost)),
        Self("the same host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .refused(.badHost)),
        Self("two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .refused(.badHost)),
        Self("a host with an underscore and a port", "GET / HTTP/1.1\r\nHost: a_b.c:80\r\n\r\n", .whole("")),
        Self("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .refused(.badHost)),
        Self("a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .refused(.badHost)),
        Self("a host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .refused(.badHost)),
        Self("two hosts in one field", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .refused(.badHost)),
        Self("blanks around values", "GET / HTTP/1.1\r\nHost:  a \r\nX:\t\tb c \t\r\nY:\r\nZ: \r\n\r\n", .whole("")),
        Self("values beyond ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{C3}\u{A9}\u{FF}\r\n\r\n", .whole("")),
        Self("names with all marks", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~9z: b\r\n\r\n", .whole("")),
        .post("a space in a name", "X Y: b\r\n", "", .refused(.badFieldName)),
        .post("a space before the colon", "X : b\r\n", "", .refused(.badFieldName), noTolerance),
        .post("a tab before the colon", "Content-Length\t: 0\r\n", "", .refused(.badFieldName), noTolerance),
        .post("an empty name", ": b\r\n", "", .refused(.badFieldName)),
        .post("no colon", "X\r\n", "", .refused(.badFieldName)),
        .post("a comma in a name", "X,Y: b\r\n", "", .refused(.badFieldName)),
        .post("an at sign in a name", "@: b\r\n", "", .refused(.badFieldName)),
        .post("a control in a name", "X\u{1}: b\r\n", "", .refused(.badFieldName)),
        .post("NUL in a name", "X\u{0}Y: b\r\n", "", .refused(.badFieldName)),
        .post("bytes beyond ASCII in a name", "\u{C3}\u{A9}: b\r\n", "", .refused(.badFieldName)),
        .post("a CR in place of a hyphen", "Content\rLength: 1\r\n", "", .refused(.badFieldName)),
        .post("NUL in a value", "X: a\u{0}b\r\n", "", .refused(.badFieldValue)),
        .post("a control in a value", "X: a\u{1}b\r\n", "", .refused(.badFieldValue)),
        .post("DEL in a value", "X: a\u{7F}\r\n", "", .refused(.badFieldValue)),
        .post("a form feed in a value", "X: a\u{C}b\r\n", "", .refused(.badFieldValue)),
        .post("a bare CR in a value", "X: a\rY: b\r\n", "", .refused(.bareLineFeed), noTolerance),
        .post("a bare LF in a value", "X: a\nY: b\r\n", "", .refused(.bareLineFeed), noTolerance),
        .post("CR CR LF", "X: a\r\r\n", "", .refused(.bareLineFeed), noTolerance),
        .post("a folded value", "X: a\r\n b\r\n", "", .refused(.foldedField), "RFC 9112 §5.2 has a server refuse it"),
        .post("a value folded with a tab", "X: a\r\n\tb\r\n", "", .refused(.foldedField)),
        .post("a value that begins on the next line", "X:\r\n b\r\n", "", .refused(.foldedField)),
        .post("a fold of blanks only", "X: a\r\n  \r\n", "", .refused(.foldedField)),
        .post("a folded connection field", "Connection: close,\r\n x\r\n", "", .refused(.foldedField)),
        .post("a space before the first name", " X: a\r\n", "", .refused(.foldedField), noTolerance),
        .post("the head ends in LF LF", "X: a\n", "", .refused(.bareLineFeed), noTolerance),
        .post("lone LF in place of the empty line", "X: a\r\n\n", "", .refused(.bareLineFeed), noTolerance),
        Self("keep-alive in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", .whole("")),
        .post("connection options of all kinds", "Connection: a , close,,\tkeep-alive\r\n", "", .whole("")),
        .post("the proxy's connection field", "Proxy-Connection: keep-alive\r\n", "", .whole("")),
        .post(
            "an upgrade that is not followed",
            "Connection: upgrade\r\nUpgrade: h2c\r\n",
            "after",
            .whole("", behind: 5),
            "what follows is the next request's, never another protocol's"
        ),
        .post(
            "an upgrade with a body",
            "Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n",
            "hi",
            .whole("hi")
        ),
        .post("an expectation that is known", "Expect: 100-Continue\r\nContent-Length: 1\r\n", "x", .whole("x")),
        .post("an expectation that is not", "Expect: miracles\r\n", "", .refused(.badExpectation)),
        .post("two expectations in one", "Expect: 100-continue, x\r\n", "", .refused(.badExpectation)),
    ]

    static let requestBodies: [GrammarCase] = [
        .post("neither length nor chunks", "", "GET", .whole("", behind: 3), "RFC 9112 §6.3: no body"),
        .post("a length", "Content-Length: 5\r\n", "hello", .whole("hello")),
        .post("a length and fields behind it", "Content-Length: 5\r\nX: y\r\n", "helloX", .whole("hello", behind: 1)),
        .post("a length of zero", "Content-Length: 0\r\n", "x", .whole("", behind: 1)),
        .post("zeros before a length", "Content-Length: 0002\r\n", "hi", .whole("hi")),
        .post("a body that is not there yet", "Content-Length: 5\r\n", "hell", .unfinished),
        .post("another field that begins like a length", "Content-Length-X: 5\r\n", "x", .whole("", behind: 1)),
        .post("a length in any case", "cOnTeNt-LeNgTh: 1\r\n", "x", .whole("x")),
        .post("blanks around a length", "Content-Length: \t 2 \t\r\n", "hi", .whole("hi")),
        .post("an empty length", "Content-Length: \r\n", "", .refused(.badContentLength)),
        .post("a length with a space within", "Content-Length: 4 2\r\n", "", .refused(.badContentLength)),
        .post("a length with a word behind it", "Content-Length: 13 37\r\n", "", .refused(.badContentLength)),
        .post("a length with a comma", "Content-Length: 5, 5\r\n", "", .refused(.badContentLength)),
        .post("a length with a sign", "Content-Length: +5\r\n", "", .refused(.badContentLength)),
        .post("a negative length", "Content-Length: -5\r\n", "", .refused(.badContentLength)),
        .post("a hexadecimal length", "Content-Length: 0x5\r\n", "", .refused(.badContentLength)),
        .post("a fraction", "Content-Length: 5.0\r\n", "", .refused(.badContentLength)),
        .post("other digits", "Content-Length: \u{D9}\u{A5}\r\n", "", .refused(.badContentLength)),
        .post("a length beyond 64 bits", "Content-Length: 18446744073709551616\r\n", "", .refused(.badContentLength)),
        .post(
            "a length of 19 digits",
            "Content-Length: 1000000000000000000\r\n",
            "",
            .refused(.badContentLength),
            "no body is as long"
        ),
        .post("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n", "", .refused(.badContentLength)),
        .post(
            "the same length twice",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "x",
            .refused(.badContentLength),
            "RFC 9112 §6.3 allows to refuse it"
        ),
        .post(
            "length, then chunks",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            .refused(.twoLengths)
        ),
        .post(
            "chunks, then length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "0\r\n\r\n",
            .refused(.twoLengths)
        ),
        .post(
            "a length and no coding",
            "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
            "hello",
            .refused(.badTransferEncoding)
        ),
        .post(
            "a length and an empty coding",
            "Content-Length: 1\r\nTransfer-Encoding:\r\n",
            "x",
            .refused(.badTransferEncoding)
        ),
        .post("a coding that is none", "Transfer-Encoding: pigeons\r\n", "", .refused(.badTransferEncoding)),
        .post("deflate", "Transfer-Encoding: deflate\r\n", "", .refused(.badTransferEncoding)),
        .post(
            "deflate, then chunked",
            "Transfer-Encoding: deflate, chunked\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding),
            "only `chunked` alone is read"
        ),
        .post(
            "deflate and chunked in two fields",
            "Transfer-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding)
        ),
        .post(
            "chunked, then deflate",
            "Transfer-Encoding: chunked, deflate\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding)
        ),
        .post(
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding)
        ),
        .post("chunkedchunked", "Transfer-Encoding: chunkedchunked\r\n", "0\r\n\r\n", .refused(.badTransferEncoding)),
        .post(
            "chunked with a parameter",
            "Transfer-Encoding: chunked;a=b\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding)
        ),
        .post("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n", .refused(.badTransferEncoding)),
        .post("chunked behind a comma", "Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n", .refused(.badTransferEncoding)),
        .post(
            "chunked behind a vertical tab",
            "Transfer-Encoding: \u{B}chunked\r\n",
            "0\r\n\r\n",
            .refused(.badFieldValue)
        ),
        .post(
            "chunked with a byte beyond ASCII",
            "Transfer-Encoding: chunked\u{A0}\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding)
        ),
        .post(
            "chunked on the next line",
            "Transfer-Encoding:\r\n chunked\r\n",
            "0\r\n\r\n",
            .refused(.badTransferEncoding),
            "what stands on the line itself is no coding"
        ),
        .post("chunked in upper case, with blanks", "Transfer-Encoding: \tCHUNKED \r\n", "0\r\n\r\n", .whole("")),
        Self(
            "chunked in HTTP/1.0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .refused(.badTransferEncoding),
            "RFC 9112 §6.1: faulty framing"
        ),
        .chunked("no chunks", "0\r\n\r\n", .whole("")),
        .chunked("chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", .whole("hello world")),
        .chunked("a size in upper case", "A\r\n0123456789\r\n0\r\n\r\n", .whole("0123456789")),
        .chunked("a size in lower case", "a\r\n0123456789\r\n0\r\n\r\n", .whole("0123456789")),
        .chunked("zeros before sizes", "005\r\nhello\r\n000\r\n\r\n", .whole("hello")),
        .chunked("a request behind the chunks", "0\r\n\r\nGET / HTTP/1.1\r\n", .whole("", behind: 16)),
        .chunked("extensions", "5;a;b=c;d=\"e;f\\\"\"\r\nhello\r\n0;g\r\n\r\n", .whole("hello")),
        .chunked("an extension that is missing", "2;\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("an extension without its value", "2;a=\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked(
            "an extension with a space",
            "2; a\r\nhi\r\n0\r\n\r\n",
            .refused(.badChunk),
            "RFC 9112 §7.1.1 calls it bad, and readers differ"
        ),
        .chunked("a space before an extension", "2 ;a\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("no semicolon before an extension", "2 a\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("quotes that do not end", "2;a=\"b\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("text behind quotes", "2;a=\"b\"c\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("an extension that hides a line's end", "2;a\nhi\r\n0\r\n\r\n", .refused(.badChunk), noTolerance),
        .chunked("a bare CR in an extension", "2;a\rb\r\nhi\r\n0\r\n\r\n", .refused(.badChunk), noTolerance),
        .chunked("a space behind a size", "2 \r\nhi\r\n0\r\n\r\n", .refused(.badChunk), noTolerance),
        .chunked("a space before a size", " 2\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a size with a sign", "+2\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a negative size", "-2\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a size with 0x", "0x2\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a size with an underscore", "1_0\r\n", .refused(.badChunk)),
        .chunked("no size", "\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a size that is none", "zz\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a size beyond 64 bits", "10000000000000002\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked(
            "a size of 16 digits",
            "0000000000000002\r\nhi\r\n0\r\n\r\n",
            .refused(.badChunk),
            "zeros count, so that no line is endless"
        ),
        .chunked("a chunk longer than its size", "1\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("a chunk shorter than its size", "3\r\nhi\r\n0\r\n\r\n", .refused(.badChunk)),
        .chunked("data without their line's end", "2\r\nhi0\r\n\r\n", .refused(.badChunk)),
        .chunked("data that end in LF", "2\r\nhi\n0\r\n\r\n", .refused(.badChunk), noTolerance),
        .chunked("a size that ends in LF", "2\nhi\r\n0\r\n\r\n", .refused(.badChunk), noTolerance),
        .chunked("a size that ends in CR", "2\rhi\r\n0\r\n\r\n", .refused(.badChunk), noTolerance),
        .chunked("no last chunk", "2\r\nhi\r\n", .unfinished),
        .chunked("a chunk that is not there yet", "5\r\nhel", .unfinished),
        .chunked("trailers", "2\r\nhi\r\n0\r\nX: y\r\nZ:\r\n\r\n", .whole("hi"), "skipped, never forwarded"),
        .chunked(
            "a trailer that speaks of framing",
            "0\r\nContent-Length: 5\r\n\r\nhello",
            .whole("", behind: 5),
            "skipped, never forwarded"
        ),
        .chunked("a trailer without a colon", "0\r\nX\r\n\r\n", .refused(.badTrailer)),
        .chunked("a trailer with a space before its colon", "0\r\nX : y\r\n\r\n", .refused(.badTrailer)),
        .chunked("a folded trailer", "0\r\nX: y\r\n z\r\n\r\n", .refused(.badTrailer)),
        .chunked("a trailer that ends in LF", "0\r\nX: y\nZ: a\r\n\r\n", .refused(.badTrailer)),
        .chunked("trailers that end in LF", "0\r\nX: y\r\n\n", .refused(.badTrailer)),
        .chunked("the last line is not empty", "0\r\n \r\n", .refused(.badTrailer)),
    ]
}
