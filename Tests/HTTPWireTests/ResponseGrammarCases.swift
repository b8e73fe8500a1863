@testable import HTTPWire

extension GrammarCase {
    private static func answer(
        _ title: String,
        _ fields: String,
        _ body: String,
        _ verdict: Verdict,
        _ reason: String = ""
    ) -> Self {
        Self(title, "HTTP/1.1 200 OK\r\n\(fields)\r\n\(body)", verdict, reason)
    }

    private static let strictToo = "an upstream is read as strictly as a client: its answer is 502, never half of two"

    static let answers: [GrammarCase] = [
        // status lines
        Self("a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .whole("hi")),
        Self(
            "no reason",
            "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
            .whole(""),
            "some servers leave out the space too"
        ),
        Self("an empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", .whole("")),
        Self("a reason beyond ASCII", "HTTP/1.1 500 Oriëntatieprobleem\r\nContent-Length: 0\r\n\r\n", .whole("")),
        Self("a reason with blanks", "HTTP/1.1 200  O\tK \r\nContent-Length: 0\r\n\r\n", .whole("")),
        Self("a control in the reason", "HTTP/1.1 200 O\u{1}K\r\n\r\n", .refused(.badStatusLine)),
        Self("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", .whole("x")),
        Self("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n.", .refused(.badStatusLine)),
        Self("HTTP/2", "HTTP/2 200 OK\r\n\r\n.", .refused(.badStatusLine)),
        Self("RTSP", "RTSP/1.1 200 OK\r\n\r\n", .refused(.badStatusLine), "another protocol"),
        Self("ICE", "ICE/1.0 200 OK\r\n\r\n", .refused(.badStatusLine), "another protocol"),
        Self("the protocol in lower case", "http/1.1 200 OK\r\n\r\n", .refused(.badStatusLine)),
        Self("another digit before the dot", "HTTP/01.1 200 OK\r\n\r\n", .refused(.badStatusLine)),
        Self("another digit behind the dot", "HTTP/1.11 200 OK\r\n\r\n", .refused(.badStatusLine)),
        Self("a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", .refused(.badStatusLine), strictToo),
        Self("two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", .refused(.badStatusLine), strictToo),
        Self("a status of one digit", "HTTP/1.1 2 OK\r\n\r\n..", .refused(.badStatusLine)),
        Self("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", .refused(.badStatusLine)),
        Self("a status below 100", "HTTP/1.1 099 No\r\n\r\n", .refused(.badStatusLine)),
        Self("a status of 600", "HTTP/1.1 600 No\r\n\r\n", .refused(.badStatusLine)),
        Self("CR LF before the answer", "\r\nHTTP/1.1 200 OK\r\n\r\n", .refused(.badStatusLine), strictToo),
        Self("a line that ends in LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", .refused(.badStatusLine), strictToo),
        Self(
            "a line that ends in CR",
            "HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n",
            .refused(.badStatusLine),
            strictToo
        ),
        Self("a line that ends in CR CR LF", "HTTP/1.1 200 OK\r\r\nA: b\r\n\r\n", .refused(.badStatusLine), strictToo),
        Self("something else", "garbage in place of an answer", .refused(.badStatusLine)),
        // fields
        .answer("a space before the colon", "Content-Length : 0\r\n", "", .refused(.badFieldName), strictToo),
        .answer("a space before a name", " A: b\r\n", "", .refused(.foldedField), strictToo),
        .answer("an empty name", ": b\r\n", "", .refused(.badFieldName)),
        .answer("a folded value", "A: b\r\n c\r\n", "", .refused(.foldedField), strictToo),
        .answer("lines that end in LF", "A: b\nC: d\r\n", "", .refused(.bareLineFeed), strictToo),
        .answer("NUL in a value", "A: \u{0}\r\n", "", .refused(.badFieldValue)),
        .answer("an underscore in a name", "content_type: x\r\nContent-Length: 0\r\n", "", .whole("")),
        // bodies
        .answer("neither length nor chunks", "A: b\r\n", "all of it", .untilClose),
        .answer("a close without a length", "Connection: close\r\n", "all of it", .untilClose),
        .answer(
            "the same length twice",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "x",
            .refused(.badContentLength),
            strictToo
        ),
        .answer("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n", "xx", .refused(.badContentLength)),
        .answer("a list of lengths", "Content-Length: 1, 1\r\n", "x", .refused(.badContentLength)),
        .answer("a length with a space within", "Content-Length: 4 2\r\n", "", .refused(.badContentLength)),
        .answer("a length that is not there yet", "Content-Length: 5\r\n", "hell", .unfinished),
        .answer(
            "bytes behind the length",
            "Content-Length: 2\r\n",
            "hi, you",
            .whole("hi", behind: 5),
            "the connection is not used again"
        ),
        .answer("chunks", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", .whole("hi")),
        .answer(
            "chunks with trailers",
            "Transfer-Encoding: chunked\r\n",
            "2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n",
            .whole("hi")
        ),
        .answer("chunks without their last", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n", .unfinished),
        .answer(
            "a space behind a size",
            "Transfer-Encoding: chunked\r\n",
            "2 \r\nhi\r\n0\r\n\r\n",
            .refused(.badChunk),
            strictToo
        ),
        .answer(
            "a size that ends in LF",
            "Transfer-Encoding: chunked\r\n",
            "2\nhi\r\n0\r\n\r\n",
            .refused(.badChunk),
            strictToo
        ),
        .answer(
            "length and chunks",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            .refused(.twoLengths),
            strictToo
        ),
        .answer(
            "identity",
            "Transfer-Encoding: identity\r\n",
            "x",
            .refused(.badTransferEncoding),
            "only `chunked` alone is read"
        ),
        .answer(
            "chunked, then deflate",
            "Transfer-Encoding: chunked, deflate\r\n",
            "x",
            .refused(.badTransferEncoding)
        ),
        .answer(
            "deflate, then chunked",
            "Transfer-Encoding: deflate, chunked\r\n",
            "x",
            .refused(.badTransferEncoding),
            "we do not say that we take it"
        ),
        .answer("chunkedchunked", "Transfer-Encoding: chunkedchunked\r\n", "x", .refused(.badTransferEncoding)),
        Self(
            "chunks in HTTP/1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .refused(.badTransferEncoding)
        ),
        // answers that have no body, whatever they say
        Self("100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", .whole("", behind: 17)),
        Self("103", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", .whole("")),
        Self(
            "101",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nbody",
            .whole("", behind: 4),
            "never asked for; the caller refuses it"
        ),
        Self("204", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", .whole("")),
        Self("304 with chunks", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", .whole("")),
        Self("304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", .whole("")),
        Self(
            "an upgrade that is not one",
            "HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi",
            .whole("hi")
        ),
    ]
}
