"""HTTP that is malformed, ambiguous or unfriendly, written byte by byte."""

import json
import time

import pytest
from harness.wire import Connection, call, request
from stack import MAIN_KEY, UPSTREAM_KEY, Stack

pytestmark = pytest.mark.gateway_only

KEY = f"Authorization: Bearer {MAIN_KEY}\r\n"
CHAT = json.dumps({"model": "sim-chat", "messages": [{"role": "user", "content": "raw"}]}).encode()


def post(*fields: str, body: bytes = b"", path: str = "/v1/chat/completions", version: str = "HTTP/1.1") -> bytes:
    """A POST with a key and these header lines."""
    head = f"POST {path} {version}\r\nHost: g\r\n{KEY}Content-Type: application/json\r\n"
    return head.encode() + "".join(f"{field}\r\n" for field in fields).encode("latin-1") + b"\r\n" + body


CHUNKED = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(CHAT)}"

MALFORMED = {
    "both lengths": post(LENGTH, CHUNKED, body=CHAT),
    "two lengths": post(LENGTH, f"Content-Length: {len(CHAT) + 1}", body=CHAT),
    "list of lengths": post(f"Content-Length: {len(CHAT)}, {len(CHAT) + 1}", body=CHAT),
    "signed length": post(f"Content-Length: +{len(CHAT)}", body=CHAT),
    "negative length": post("Content-Length: -1", body=CHAT),
    "hexadecimal length": post("Content-Length: 0x10", body=CHAT),
    "length beyond 64 bits": post("Content-Length: 99999999999999999999", body=CHAT),
    "empty length": post("Content-Length:", body=CHAT),
    "unknown coding": post("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "coding before chunked": post("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked twice": post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked in two fields": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "chunked with a control": post("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "identity coding": post("Transfer-Encoding: identity", LENGTH, body=CHAT),
    "bare LF": post(LENGTH, body=CHAT).replace(b"\r\n", b"\n", 3),
    "bare CR": post("X-A: a\rb", LENGTH, body=CHAT),
    "folded line": post("X-A: a\r\n b", LENGTH, body=CHAT),
    "first field folded": b"POST /v1/chat/completions HTTP/1.1\r\n Host: g\r\n\r\n",
    "space before colon": post(f"Content-Length : {len(CHAT)}", body=CHAT),
    "no colon": post("X-Broken", LENGTH, body=CHAT),
    "empty name": post(": empty", LENGTH, body=CHAT),
    "name with a space": post("X A: a", LENGTH, body=CHAT),
    "NUL in a value": post("X-A: a\x00b", LENGTH, body=CHAT),
    "control in a name": post("X\x01A: a", LENGTH, body=CHAT),
    "no host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "control in the target": b"GET /v1/mo\x01dels HTTP/1.1\r\nHost: g\r\n\r\n",
    "space in the target": b"GET /v1/mo dels HTTP/1.1\r\nHost: g\r\n\r\n",
    "no version": b"GET /v1/models\r\nHost: g\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "chunk size not hexadecimal": post(CHUNKED, body=b"zz\r\n{}\r\n0\r\n\r\n"),
    "chunk size negative": post(CHUNKED, body=b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk size beyond 64 bits": post(CHUNKED, body=b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "chunk size with 0x": post(CHUNKED, body=b"0x2\r\n{}\r\n0\r\n\r\n"),
    "chunk longer than its size": post(CHUNKED, body=b"1\r\n{}\r\n0\r\n\r\n"),
    "chunk without its end": post(CHUNKED, body=b"2\r\n{}0\r\n\r\n"),
    "chunk ended by LF": post(CHUNKED, body=b"2\n{}\r\n0\r\n\r\n"),
}
# What refuses a head must not look for anything in its query, where Google's clients have their key.
MALFORMED |= {
    f"{name}, with a query": data.replace(b" HTTP/1.1", b"?key=AIzaAIza&alt=sse HTTP/1.1", 1)
    for name, data in MALFORMED.items() if b" HTTP/1.1" in data
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_is_refused_and_closed(stack: Stack, data: bytes) -> None:
    before = stack.count()["received"]
    with Connection(stack.base) as connection:
        connection.send(data)
        answer = connection.answer()
        assert answer is not None, "closed without an answer"
        assert answer.status in (400, 501), answer.body
        assert answer.code == "malformed_request"
        assert answer.headers.get("connection") == "close"
        assert connection.is_closed()
    assert stack.count()["received"] == before, "a malformed request reached the upstream"


@pytest.mark.parametrize("query, status", [("", 200), ("?key=AIzaAIza", 400)])
def test_what_is_malformed_behind_another_request(stack: Stack, query: str, status: int) -> None:
    with Connection(stack.base) as connection:
        connection.send(f"GET /v1/models{query} HTTP/1.1\r\nHost: g\r\n{KEY}\r\n".encode())
        assert connection.answer().status == status
        connection.send(b"BAD\x01 / HTTP/1.1\r\n\r\n")
        assert connection.answer().code == "malformed_request"


def test_unknown_version(stack: Stack) -> None:
    assert call(stack.base, b"GET /v1/models HTTP/2.0\r\nHost: g\r\n\r\n").status == 505


@pytest.mark.parametrize("fields", [["X-Long: " + "a" * 300_000], [f"X-{n}: a" for n in range(5000)]], ids=["long", "many"])
def test_huge_head(stack: Stack, fields: list[str]) -> None:
    answer = call(stack.base, post(*fields, LENGTH, body=CHAT))
    assert (answer.status, answer.code) == (431, "head_too_large")


def test_huge_target(stack: Stack) -> None:
    answer = call(stack.base, f"GET /v1/{'a' * 300_000} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
    assert answer.status in (414, 431)


def test_slow_heads_do_not_hold_up_others(stack: Stack) -> None:
    slow = [Connection(stack.base) for _ in range(100)]
    try:
        for connection in slow:
            connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHos")
        started = time.monotonic()
        assert call(stack.base, post(LENGTH, body=CHAT)).status == 200
        assert time.monotonic() - started < 2
        for connection in slow:
            connection.send(b"t: g\r\n")
        assert call(stack.base, post(LENGTH, body=CHAT)).status == 200
    finally:
        for connection in slow:
            connection.close()


def test_a_head_in_single_bytes(stack: Stack) -> None:
    with Connection(stack.base) as connection:
        for byte in post(LENGTH, body=CHAT):
            connection.send(bytes([byte]))
        answer = connection.answer()
    assert answer is not None and answer.status == 200


def test_pipelined_requests_are_answered_in_order(stack: Stack) -> None:
    slow = json.dumps({"model": "sim-ttft-200ms", "messages": [{"role": "user", "content": "first"}]}).encode()
    with Connection(stack.base) as connection:
        first = post(f"Content-Length: {len(slow)}", body=slow)
        second = request("GET", "/v1/models", authorization=f"Bearer {MAIN_KEY}")
        connection.send(first + second + b"GET /v1/nothing HTTP/1.1\r\nHost: g\r\n" + KEY.encode() + b"\r\n")
        answers = [connection.answer() for _ in range(3)]
    assert [answer.status for answer in answers if answer] == [200, 200, 404]
    assert answers[0].json["object"] == "chat.completion"
    assert answers[1].json["object"] == "list"


def test_connection_is_kept_alive(stack: Stack) -> None:
    with Connection(stack.base) as connection:
        for _ in range(20):
            connection.send(post(LENGTH, body=CHAT))
            answer = connection.answer()
            assert answer is not None and answer.status == 200 and answer.complete


def test_chunked_request(stack: Stack) -> None:
    body = b"".join(b"%x;ext=1\r\n%c\r\n" % (1, byte) for byte in CHAT) + b"0\r\nX-Trailer: a\r\n\r\n"
    answer = call(stack.base, post(CHUNKED, body=body))
    assert answer.status == 200
    assert json.loads(stack.received()[-1]["body"])["messages"][0]["content"] == "raw"


def test_expect_continue(stack: Stack) -> None:
    with Connection(stack.base) as connection:
        connection.send(post(LENGTH, "Expect: 100-continue"))
        connection.socket.settimeout(5)
        assert connection.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.send(CHAT)
        answer = connection.answer()
    assert answer is not None and answer.status == 200


def test_unknown_expectation(stack: Stack) -> None:
    answer = call(stack.base, post(LENGTH, "Expect: miracles", body=CHAT))
    assert (answer.status, answer.code) == (417, "unsupported_expectation")


def test_announced_body_beyond_the_limit(stack: Stack) -> None:
    answer = call(stack.base, post("Content-Length: 10000000000"))
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_client_gone_in_the_middle_of_its_body(stack: Stack) -> None:
    before = stack.count()["received"]
    with Connection(stack.base) as connection:
        connection.send(post(LENGTH, body=CHAT[:10]))
    assert call(stack.base, post(LENGTH, body=CHAT)).status == 200
    assert stack.count()["received"] == before + 1


def test_headers_of_the_connection_are_not_forwarded(stack: Stack) -> None:
    fields = ("Connection: keep-alive, X-Hop", "X-Hop: secret", "Keep-Alive: timeout=5", "TE: trailers", "X-Kept: yes")
    assert call(stack.base, post(*fields, LENGTH, body=CHAT)).status == 200
    received = stack.received()[-1]
    names = {name.lower(): value for name, value in received["headers"]}
    assert names["x-kept"] == "yes"
    assert not {"x-hop", "keep-alive", "te", "transfer-encoding"} & names.keys()
    assert MAIN_KEY not in json.dumps(received), "the caller's key reached the upstream"
    assert names["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert names["host"] == stack.simulator.removeprefix("http://")
    assert names["accept-encoding"] == "identity"


def test_the_gateway_still_runs(stack: Stack) -> None:
    assert stack.gateway is not None and stack.gateway.is_running
    assert call(stack.base, request("GET", "/healthz")).status == 200
