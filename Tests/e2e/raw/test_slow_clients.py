"""Clients that send or take slowly: each is cut by its own deadline, recorded and counted, and holds up nobody else."""

import contextlib
import json
import pathlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from harness import processes
from harness.wire import Answer, Connection, call, post_json, wait_for
from observe import access_lines, metric, one_failure
from stack import MAIN_KEY, Stack, base_config, model, upstream
from uploads import END, FormServer, Pusher, field, file, head

pytestmark = pytest.mark.gateway_only

CHAT = "/v1/chat/completions"
BODY = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "x" * 20_000}]}).encode()
# Each kind of slowness has a time of its own, so that a test can tell which one has cut it.
LIMITS = {
    "headTimeout": "1s", "bodyTimeout": "1500ms", "maxBodyTime": "5s", "minBodyRate": "1K", "bodyGrace": "3s",
    "keepAliveTimeout": "4s", "writeTimeout": "2s",
}  # fmt: skip
# What may stand between two ends of which one is stuck, of which the system grows some by itself while data flow.
HELD_BACK = 4 << 20
LATE = 1.2  # the deadlines are looked at ten times a second, and this machine may be busy


class Fountain:
    """An upstream that streams events as long as they are taken, up to a size, and counts what was taken."""

    def __init__(self, size: int):
        self.size, self.sent, self.broken = size, 0, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Inherited by the connections: the bound on what stands between upstream and client is tight.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        event = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"' + b"x" * 4000 + b'"}}]}\n\n'
        with connection:
            connection.recv(65536)
            self.sent = 0
            self.broken.clear()
            try:
                fields = "content-type: text/event-stream\r\ntransfer-encoding: chunked"
                connection.sendall(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode())
                while self.sent < self.size:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
                    self.sent += len(event)
                connection.sendall(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                connection.recv(1)
            except OSError:
                self.broken.set()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def server() -> Iterator[FormServer]:
    server = FormServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def fountain() -> Iterator[Fountain]:
    fountain = Fountain(40 << 20)
    yield fountain
    fountain.close()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, server: FormServer, fountain: Fountain) -> Iterator[Stack]:
    folder: pathlib.Path = tmp_path_factory.mktemp("slow")
    url = f"http://127.0.0.1:{server.port}"
    config = base_config(url)
    config["upstreams"].append(upstream("forms", f"{url}/v1"))
    config["upstreams"].append(upstream("fountain", f"http://127.0.0.1:{fountain.port}/v1"))
    config["models"] += [model("plain", "forms"), model("fountain", "fountain")]
    config["server"] = LIMITS
    with processes.start_run(folder, config) as gateway:
        yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)
        assert gateway.is_running


@pytest.fixture(autouse=True)
def nothing_stays(slow: Stack, server: FormServer) -> Iterator[None]:
    server.reset()
    yield
    assert wait_for(lambda: metric(slow, "gateway_streams_open") == 0)
    assert wait_for(lambda: metric(slow, "gateway_body_bytes_held") == 0)
    # The connection that asks is one.
    assert wait_for(lambda: metric(slow, "gateway_client_connections_open") <= 1, timeout=10)


def request_head(*fields: str, length: int = len(BODY)) -> bytes:
    lines = [f"POST {CHAT} HTTP/1.1", "host: g", f"authorization: Bearer {MAIN_KEY}", "content-type: application/json"]
    return "\r\n".join([*lines, *(fields or [f"content-length: {length}"]), "", ""]).encode()


def trickle(connection: Connection, data: bytes, piece: int, pause: float) -> None:
    """Sends piece by piece until all is sent or an answer has come."""
    for start in range(0, len(data), piece):
        connection.send(data[start : start + piece])
        connection.socket.settimeout(pause)
        with contextlib.suppress(TimeoutError, OSError):
            connection.socket.recv(1, socket.MSG_PEEK)
            break
    connection.socket.settimeout(10)


def check_cut(
    stack: Stack, connection: Connection, started: float, expected: float, outcome: str = "refused"
) -> Answer:
    """The answer is a 408 at the time that was expected; the connection ends and the exchange is in the log."""
    answer = connection.answer()
    elapsed = time.monotonic() - started
    assert answer is not None, "closed without an answer"
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert expected - 0.2 <= elapsed <= expected + LATE, f"cut after {elapsed:.1f} s"
    assert connection.is_closed(5)
    lines = wait_for(lambda: access_lines(stack, answer.headers["x-request-id"]))
    assert [(line["code"], line["outcome"], line["fault"]) for line in lines] == [
        ("request_timeout", outcome, "client")
    ]
    return answer


@pytest.mark.parametrize("pause", [0.2, 30.0], ids=["dripping", "silent"])
def test_slow_head_is_cut(slow: Stack, pause: float) -> None:
    with one_failure(slow, "request_timeout"), Connection(slow.base) as connection:
        started = time.monotonic()
        if pause > 1:
            connection.send(request_head()[:40])
        else:
            trickle(connection, request_head(), 1, pause)
        check_cut(slow, connection, started, 1.0)


def test_slow_second_head_is_cut(slow: Stack) -> None:
    with Connection(slow.base) as connection:
        connection.send(request_head() + BODY)
        assert connection.answer().status == 200
        time.sleep(1.5)
        with one_failure(slow, "request_timeout"):
            started = time.monotonic()
            connection.send(request_head()[:30])
            check_cut(slow, connection, started, 1.0)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_body_that_stops_is_cut(slow: Stack, framing: str) -> None:
    with one_failure(slow, "request_timeout"), Connection(slow.base) as connection:
        if framing == "length":
            connection.send(request_head() + BODY[:15_000])
        else:
            connection.send(request_head("transfer-encoding: chunked") + b"4000\r\n" + BODY[:15_000])
        answer = check_cut(slow, connection, time.monotonic(), 1.5)
        assert "for 1 s" in answer.json["error"]["message"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_body_below_the_rate_is_cut(slow: Stack, framing: str) -> None:
    with one_failure(slow, "request_timeout"), Connection(slow.base) as connection:
        started = time.monotonic()
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY[:200])
        data = request_head() + BODY if framing == "length" else request_head("transfer-encoding: chunked") + chunks
        start = data.index(b"\r\n\r\n") + 4
        connection.send(data[:start])
        trickle(connection, data[start:], 6, 0.3)
        answer = check_cut(slow, connection, started, 3.0)
        assert "slower than 1024 bytes" in answer.json["error"]["message"]


def test_body_that_takes_too_long_is_cut(slow: Stack) -> None:
    with one_failure(slow, "request_timeout"), Connection(slow.base) as connection:
        started = time.monotonic()
        connection.send(request_head(length=100_000))
        trickle(connection, b"x" * 100_000, 1500, 0.3)
        answer = check_cut(slow, connection, started, 5.0)
        assert "within 5 s" in answer.json["error"]["message"]


def test_body_that_keeps_the_pace_arrives(slow: Stack) -> None:
    with Connection(slow.base) as connection:
        connection.send(request_head())
        trickle(connection, BODY, 2000, 0.3)
        answer = connection.answer()
    assert answer is not None and answer.status == 200


@pytest.mark.parametrize("place", ["first", "last"])
def test_form_below_the_rate_is_cut(slow: Stack, server: FormServer, place: str) -> None:
    """Before it is known where the form goes, and while it is on its way there."""
    parts = [field("model", "plain"), file(b"x" * 100_000)]
    form = b"".join(parts if place == "first" else reversed(parts)) + END
    with one_failure(slow, "request_timeout"), Connection(slow.base) as connection:
        started = time.monotonic()
        path = "/v1/audio/transcriptions"
        connection.send(head(path, MAIN_KEY, f"content-length: {len(form)}") + form[:600])
        trickle(connection, form[600:], 5, 0.3)
        # What has been sent upstream already has failed and was not refused.
        check_cut(slow, connection, started, 3.6, "failed" if place == "first" else "refused")
    if place == "first":
        assert wait_for(lambda: server.requests and server.requests[0].closed)
        assert not server.requests[0].complete
    else:
        assert not server.requests


def test_form_that_waits_for_its_upstream_is_not_its_clients_fault(slow: Stack, server: FormServer) -> None:
    server.pause_after = 100_000
    form = field("model", "plain") + file(b"x" * (100 << 20)) + END
    pusher = Pusher(slow.base, head("/v1/audio/transcriptions", MAIN_KEY, f"content-length: {len(form)}") + form)
    assert pusher.stops()
    print(f"held at {pusher.sent} bytes")
    assert pusher.sent < HELD_BACK, "a form of 100 MB is held back like any other"
    time.sleep(6)  # longer than any time that a client has
    server.go_on.set()
    answer = pusher.finish()
    assert answer is not None and answer.status == 200
    assert server.requests[0].complete


def open_stream(stack: Stack, receive_buffer: int = 16 << 10) -> socket.socket:
    """A stream of which nothing has been read yet, on a socket that holds little."""
    host, port = stack.base.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(15)
    connection.connect((host, int(port)))
    body = json.dumps({"model": "fountain", "stream": True, "messages": []}).encode()
    connection.sendall(request_head(length=len(body)) + body)
    return connection


def settled(fountain: Fountain) -> int:
    """How much has been taken when for a while nothing more is; sooner than the time after which the reader is cut."""
    while True:
        before = fountain.sent
        time.sleep(0.4)
        if fountain.sent == before:
            return before


def test_reader_that_takes_nothing_is_cut_and_slows_its_upstream(slow: Stack, fountain: Fountain) -> None:
    with one_failure(slow, "client_stalled"), open_stream(slow) as connection:
        assert wait_for(lambda: fountain.sent > 0)
        held = settled(fountain)
        # Buffers of the sockets and of the gateway, which are all bounded: of 40 MB nearly all is still to come.
        print(f"held at {held} bytes")
        assert held < HELD_BACK
        assert fountain.broken.wait(2 + LATE), "the upstream was not let go"
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(1 << 20):
                received += more
        assert not received.endswith(b"0\r\n\r\n"), "cut, and looks complete"


def test_reader_that_is_slow_but_reads_gets_all(slow: Stack, fountain: Fountain) -> None:
    received = 0
    tail = b""
    with open_stream(slow) as connection:
        time.sleep(1.5)
        started = time.monotonic()
        while more := connection.recv(1 << 20):
            received += len(more)
            tail = (tail + more)[-40:]
            if tail.endswith(b"0\r\n\r\n"):
                break
            # Slow for four seconds, twice the time that nothing may be taken.
            if time.monotonic() - started < 4:
                time.sleep(0.02)
    assert tail.endswith(b"[DONE]\n\n\r\n0\r\n\r\n")
    assert received > 40 << 20


def test_reader_that_never_takes_a_whole_answer_is_closed(slow: Stack) -> None:
    """The answer lies in the system's buffers; its connection is idle then, and ends as an idle one does."""
    with Connection(slow.base) as connection:
        connection.send(request_head() + BODY)
        time.sleep(4 + LATE)
        assert connection.answer().status == 200
        assert connection.is_closed()


def test_connections_that_say_nothing_are_closed(slow: Stack) -> None:
    processes.raise_descriptor_limit()
    silent = [Connection(slow.base) for _ in range(1000)]
    try:
        assert wait_for(lambda: metric(slow, "gateway_client_connections_open") >= 1000)
        started = time.monotonic()
        assert post_json(slow.base, CHAT, MAIN_KEY, BODY).status == 200
        assert time.monotonic() - started < 2
        assert wait_for(lambda: metric(slow, "gateway_client_connections_open") <= 1, timeout=4 + LATE + 2)
        assert all(connection.is_closed() for connection in silent)
    finally:
        for connection in silent:
            connection.close()


def test_many_slow_clients_hold_up_nobody(slow: Stack) -> None:
    """Heads, bodies and forms that stop, a thousand of them: others are served meanwhile, and each has one record."""
    starts = [
        request_head()[:60],
        request_head() + BODY[:1000],
        head("/v1/files", MAIN_KEY, "content-length: 90000") + file(b"x" * 1000)[:900],
    ]
    before = metric(slow, "gateway_requests_failed_total", code="request_timeout")
    slow_ones = [Connection(slow.base) for _ in range(999)]
    try:
        for index, connection in enumerate(slow_ones):
            connection.send(starts[index % 3])
        for _ in range(20):
            started = time.monotonic()
            assert post_json(slow.base, CHAT, MAIN_KEY, BODY).status == 200
            assert time.monotonic() - started < 2
        expected = before + 999
        assert wait_for(
            lambda: metric(slow, "gateway_requests_failed_total", code="request_timeout") == expected, timeout=10
        )
    finally:
        for connection in slow_ones:
            connection.close()


def test_client_that_goes_on_sending_after_its_refusal_is_closed(slow: Stack) -> None:
    with Connection(slow.base) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: x\r\n\r\n")
        started = time.monotonic()
        while time.monotonic() - started < 10:
            try:
                connection.socket.sendall(b"x" * 1000)
            except OSError:
                break
            time.sleep(0.05)
        assert time.monotonic() - started < 2 + LATE


def test_the_gateway_still_runs(slow: Stack) -> None:
    assert call(slow.base, b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n").status == 200
