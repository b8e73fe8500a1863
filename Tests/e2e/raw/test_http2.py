"""HTTP/2: real clients, and small ones that break the rules one at a time."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import openai
import pytest
from harness import h2raw, processes
from harness.faults import FaultServer, head
from harness.h2raw import DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, frame, literal
from harness.tls import Authority
from harness.wire import post_json, wait_for
from observe import metric
from stack import MAIN_KEY, Stack, add_faults, base_config, model, start_faults, upstream

pytestmark = pytest.mark.gateway_only

CHAT = json.dumps({"model": "sim-a", "messages": [{"role": "user", "content": "hello"}]}).encode()
KEY = {"authorization": f"Bearer {MAIN_KEY}", "content_type": "application/json"}


class Torrent(FaultServer):
    """Answers with much, and counts what it could send."""

    SIZE = 48 << 20

    def __init__(self) -> None:
        self.sent = 0
        super().__init__(self._pour)

    def _pour(self, connection: socket.socket, request: bytes) -> None:
        connection.settimeout(60)
        connection.sendall(head("200 OK", "content-type: application/octet-stream", f"content-length: {self.SIZE}"))
        for _ in range(self.SIZE // 65536):
            connection.sendall(b"x" * 65536)
            self.sent += 65536


@pytest.fixture(scope="module")
def torrent() -> Iterator[Torrent]:
    server = Torrent()
    yield server
    server.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, torrent: Torrent) -> Iterator[Stack]:
    """A gateway of its own, whose counters nobody else moves; without TLS, so that frames are easy to send."""
    folder = tmp_path_factory.mktemp("http2")
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder)).ready["simulator"]
        faults = start_faults()
        for server in faults.values():
            running.callback(server.close)
        config = add_faults(base_config(simulator), faults)
        config["upstreams"].append(upstream("torrent", f"http://127.0.0.1:{torrent.port}/v1"))
        config["models"].append(model("torrent", "torrent"))
        gateway = running.enter_context(processes.start_run(folder, config, "--threads", "1"))
        yield Stack("gateway", gateway.ready["gateway"], simulator, folder, gateway)
        assert gateway.is_running, gateway.tail()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, ssl.SSLContext, pathlib.Path]]:
    folder = tmp_path_factory.mktemp("http2-tls")
    authority = Authority(folder)
    own = authority.certificate("own", "DNS:localhost", "IP:127.0.0.1")
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder)).ready["simulator"]
        options = ("--tls-certificate", str(own.chain), "--tls-key", str(own.key))
        gateway = running.enter_context(processes.start_run(folder, base_config(simulator), *options))
        base = gateway.ready["gateway"].replace("127.0.0.1", "localhost")
        context = ssl.create_default_context(cafile=str(authority.file))
        yield Stack("gateway", base, simulator, folder, gateway), context, authority.file
        assert gateway.is_running, gateway.tail()


@pytest.fixture
def connection(plain: Stack) -> Iterator[h2raw.Connection]:
    with h2raw.Connection(plain.base) as opened:
        yield opened


def is_alive(stack: Stack) -> bool:
    return post_json(stack.base, "/v1/chat/completions", MAIN_KEY, CHAT).status == 200


# Real clients


def test_sdk(secure: tuple[Stack, ssl.SSLContext, pathlib.Path]) -> None:
    stack, context, _ = secure
    versions = set()
    with httpx.Client(http2=True, verify=context, event_hooks={"response": [lambda r: versions.add(r.http_version)]}) as http:
        client = openai.OpenAI(base_url=stack.openai_url, api_key=MAIN_KEY, http_client=http, max_retries=0)
        question = [{"role": "user", "content": "tell me something long"}]
        answer = client.chat.completions.create(model="sim-a", messages=question)
        assert answer.usage is not None and answer.usage.completion_tokens > 0
        stream = client.chat.completions.create(model="sim-tokens-200", messages=question, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="no-such-model", messages=question)
        assert client.models.list().data
        data = os.urandom(3 << 20)
        uploaded = client.files.create(file=("data.bin", data), purpose="user_data")
        assert uploaded.bytes == len(data)
        assert client.files.content(uploaded.id).read() == data
    assert versions == {"HTTP/2"}


def test_curl(secure: tuple[Stack, ssl.SSLContext, pathlib.Path]) -> None:
    stack, _, authority = secure
    command = ["curl", "-sS", "--http2", "--cacert", str(authority), "-H", f"Authorization: Bearer {MAIN_KEY}"]
    command += ["-H", "content-type: application/json", "-w", "\n%{http_version} %{http_code}", "-d", CHAT.decode()]
    run = subprocess.run([*command, f"{stack.openai_url}/chat/completions"], capture_output=True, text=True, check=True)
    body, _, tail = run.stdout.rpartition("\n")
    assert tail == "2 200" and json.loads(body)["choices"]


def test_curl_with_prior_knowledge(plain: Stack) -> None:
    command = ["curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version} %{http_code}", f"{plain.base}/healthz"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "ok\n2 200"


@pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load")
def test_many_streams_at_once(plain: Stack, tmp_path: pathlib.Path) -> None:
    (tmp_path / "body").write_bytes(CHAT)
    command = ["h2load", "-n", "600", "-c", "3", "-m", "100", "-d", str(tmp_path / "body")]
    command += ["-H", f"authorization: Bearer {MAIN_KEY}", "-H", "content-type: application/json"]
    run = subprocess.run([*command, f"{plain.base}/v1/chat/completions"], capture_output=True, text=True, check=True)
    assert "600 succeeded, 0 failed, 0 errored" in run.stdout, run.stdout
    assert wait_for(lambda: metric(plain, "gateway_streams_open") == 0)


# What is equal to HTTP/1.1


def test_requests_are_counted_and_logged_like_any_other(plain: Stack, connection: h2raw.Connection) -> None:
    before = metric(plain, "gateway_requests_success_total")
    stream = connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), CHAT)
    answer = connection.answer(stream)
    assert answer.status == 200 and answer.is_complete and json.loads(answer.body)["usage"]
    assert answer.headers["x-request-id"] and "connection" not in answer.headers
    assert "transfer-encoding" not in answer.headers
    assert wait_for(lambda: metric(plain, "gateway_requests_success_total") == before + 1)


def test_events_come_as_they_are_made(plain: Stack, connection: h2raw.Connection) -> None:
    body = CHAT.replace(b'"sim-a"', b'"sim-rate-10-tokens-20","stream":true')
    stream = connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), body)
    times = []
    while not connection.answers.get(stream, h2raw.Answer()).is_complete:
        found = connection.read()
        assert found is not None
        if found.kind == DATA and found.payload:
            times.append(time.monotonic())
    assert len(times) > 10 and times[-1] - times[0] > 1
    assert connection.answers[stream].body.rstrip().endswith(b"data: [DONE]")


def test_a_head_without_a_body(connection: h2raw.Connection) -> None:
    answer = connection.answer(connection.request(connection.fields("HEAD", "/v1/models", **KEY)))
    assert answer.status in (200, 405) and answer.body == b"" and answer.is_complete


def test_a_refusal_has_a_code(connection: h2raw.Connection) -> None:
    answer = connection.answer(connection.request(connection.fields("GET", "/v1/models")))
    assert answer.status == 401 and json.loads(answer.body)["error"]["code"] == "missing_key"


def test_a_body_that_is_not_wanted_ends_with_the_answer(connection: h2raw.Connection) -> None:
    """The answer comes whole; then the stream is reset without an error, so that the client stops sending."""
    fields = connection.fields("POST", "/v1/chat/completions", authorization="Bearer agw_wrong_0123456789abcdef")
    stream = connection.request(fields, is_end=False)
    answer = connection.answer(stream)
    assert answer.status == 401 and answer.is_complete and json.loads(answer.body)["error"]["code"] == "invalid_key"
    assert wait_for(lambda: connection.read(0.2) is None or connection.answers[stream].reset is not None)
    assert connection.answers[stream].reset == h2raw.NO_ERROR


def test_continue(connection: h2raw.Connection) -> None:
    fields = connection.fields("POST", "/v1/chat/completions", expect="100-continue", **KEY)
    stream = connection.request(fields, is_end=False)
    assert wait_for(lambda: connection.read(0.2) and connection.answers.get(stream, h2raw.Answer()).interim)
    connection.send(frame(DATA, END_STREAM, stream, CHAT))
    assert connection.answer(stream).status == 200


def test_trailers_and_padding_are_taken(connection: h2raw.Connection) -> None:
    stream = connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), is_end=False)
    connection.send(frame(DATA, 0x8, stream, b"\x05" + CHAT + b"\0" * 5))
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, literal([("x-sum", "1")])))
    assert connection.answer(stream).status == 200


def test_what_is_cut_is_reset(plain: Stack, connection: h2raw.Connection) -> None:
    """A body that breaks off must not look complete."""
    body = CHAT.replace(b"sim-a", b"fault-cut-json")
    answer = connection.answer(connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), body))
    assert answer.status in (200, 502)
    if answer.status == 200:
        assert not answer.is_complete and answer.reset == h2raw.INTERNAL_ERROR


def test_a_stream_that_is_taken_back_ends_its_exchange(plain: Stack, connection: h2raw.Connection) -> None:
    before = metric(plain, "gateway_requests_failed_total", code="client_gone")
    body = CHAT.replace(b'"sim-a"', b'"sim-rate-5-tokens-100","stream":true')
    stream = connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), body)
    assert wait_for(lambda: connection.read(0.5) and connection.answers.get(stream, h2raw.Answer()).body)
    connection.send(frame(RST_STREAM, 0, stream, struct.pack(">I", h2raw.CANCEL)))
    assert wait_for(lambda: metric(plain, "gateway_requests_failed_total", code="client_gone") == before + 1)
    assert connection.answer(connection.request(connection.fields())).body == b"ok\n"


def test_realtime_is_not_for_http2(connection: h2raw.Connection) -> None:
    fields = [(":method", "CONNECT"), (":protocol", "websocket"), *connection.fields("CONNECT", "/v1/realtime")[1:]]
    answer = connection.answer(connection.request(fields))
    assert answer.reset == h2raw.PROTOCOL_ERROR or answer.status in (400, 501)


# Pressure


def test_a_client_that_does_not_read_slows_its_upstream(plain: Stack, torrent: Torrent) -> None:
    """With a window of 1 kB nearly nothing is sent; the rest waits with the upstream, not in the gateway."""
    body = CHAT.replace(b"sim-a", b"torrent")
    with h2raw.Connection(plain.base, settings={4: 1024}) as slow:
        stream = slow.request(slow.fields("POST", "/v1/chat/completions", **KEY), body)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            slow.read(0.2)
        assert len(slow.answers[stream].body) == 1024
        # No more than what the sockets' buffers hold has left the upstream.
        held = torrent.sent
        assert held < Torrent.SIZE // 2, held
        time.sleep(0.5)
        assert torrent.sent == held
        slow.grant(stream, 1 << 30)
        answer = slow.answer(stream, timeout=60)
        assert answer.is_complete and len(answer.body) == Torrent.SIZE


# Rules: RFC 9113 §8


MALFORMED = {
    "no path": lambda f: [x for x in f if x[0] != ":path"],
    "no method": lambda f: [x for x in f if x[0] != ":method"],
    "no scheme": lambda f: [x for x in f if x[0] != ":scheme"],
    "two paths": lambda f: [(":path", "/healthz"), *f],
    "empty path": lambda f: [x if x[0] != ":path" else (":path", "") for x in f],
    "unknown pseudo field": lambda f: [(":unknown", "x"), *f],
    "answer's pseudo field": lambda f: [(":status", "200"), *f],
    "late pseudo field": lambda f: [*f[1:], ("x-a", "b"), f[0]],
    "upper case": lambda f: [*f, ("X-Upper", "b")],
    "space in name": lambda f: [*f, ("x a", "b")],
    "line end in value": lambda f: [*f, ("x-a", "b\r\nx-b: c")],
    "bare LF in value": lambda f: [*f, ("x-a", "b\nx-b: c")],
    "NUL in value": lambda f: [*f, ("x-a", "b\0c")],
    "line end in path": lambda f: [x if x[0] != ":path" else (":path", "/healthz HTTP/1.1\r\nx-b: c") for x in f],
    "space in path": lambda f: [x if x[0] != ":path" else (":path", "/healthz HTTP/1.1") for x in f],
    "space in method": lambda f: [x if x[0] != ":method" else (":method", "GET /x HTTP/1.1") for x in f],
    "line end in authority": lambda f: [x if x[0] != ":authority" else (":authority", "a\r\nx: y") for x in f],
    "leading blank": lambda f: [*f, ("x-a", " b")],
    "trailing blank": lambda f: [*f, ("x-a", "b\t")],
    "connection": lambda f: [*f, ("connection", "close")],
    "keep-alive": lambda f: [*f, ("keep-alive", "1")],
    "proxy-connection": lambda f: [*f, ("proxy-connection", "close")],
    "transfer-encoding": lambda f: [*f, ("transfer-encoding", "chunked")],
    "upgrade": lambda f: [*f, ("upgrade", "websocket")],
    "te": lambda f: [*f, ("te", "gzip")],
    "other host": lambda f: [*f, ("host", "elsewhere.test")],
    "other scheme": lambda f: [x if x[0] != ":scheme" else (":scheme", "ftp") for x in f],
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_head_is_refused(plain: Stack, connection: h2raw.Connection, change) -> None:
    answer = connection.answer(connection.request(change(connection.fields())))
    assert answer.reset == h2raw.PROTOCOL_ERROR or answer.status == 400, answer
    # The connection goes on.
    assert connection.answer(connection.request(connection.fields())).body == b"ok\n"


def test_a_field_without_a_name_ends_the_connection(plain: Stack, connection: h2raw.Connection) -> None:
    """The header compression of the library does not get as far as a stream."""
    connection.request([*connection.fields(), ("", "b")])
    assert is_thrown_out(connection)
    assert is_alive(plain)


@pytest.mark.parametrize("length", ["0", "5", "100", "-1", "1, 2"])
def test_a_length_that_is_not_the_body_s(connection: h2raw.Connection, length: str) -> None:
    fields = connection.fields("POST", "/v1/chat/completions", content_length=length, **KEY)
    answer = connection.answer(connection.request(fields, b'{"a":1}'))
    assert answer.reset == h2raw.PROTOCOL_ERROR or answer.status == 400, answer


@pytest.mark.parametrize("path", ["/v1/../metrics", "/v1//models", "/v1/%2e%2e/models", "*", "v1/models", "http://x/v1/models"])
def test_the_path_is_judged_as_in_http1(connection: h2raw.Connection, path: str) -> None:
    answer = connection.answer(connection.request(connection.fields("GET", path, **KEY)))
    assert answer.status == 400 and json.loads(answer.body)["error"]["code"] == "malformed_request"


def test_connect_is_refused(connection: h2raw.Connection) -> None:
    answer = connection.answer(connection.request([(":method", "CONNECT"), (":authority", "elsewhere.test:443")]))
    assert answer.status == 400 or answer.reset == h2raw.PROTOCOL_ERROR


def test_crumbs_of_a_cookie_and_a_host_field_alone(connection: h2raw.Connection) -> None:
    fields = [x for x in connection.fields() if x[0] != ":authority"] + [("host", "gateway.test"), ("cookie", "a=1"), ("cookie", "b=2")]
    assert connection.answer(connection.request(fields)).body == b"ok\n"


def test_a_head_that_is_too_large(plain: Stack, connection: h2raw.Connection) -> None:
    connection.request(connection.fields(x_large="x" * 15000), is_end=True)
    fields = connection.fields(**{f"x_{index}": "y" * 900 for index in range(60)})
    block = literal(fields)
    connection.send(frame(HEADERS, END_STREAM, 3, block[:16000]))
    for start in range(16000, len(block), 16000):
        last = start + 16000 >= len(block)
        connection.send(frame(h2raw.CONTINUATION, END_HEADERS if last else 0, 3, block[start : start + 16000]))
    answer = connection.answer(3)
    assert answer.status == 431 or answer.reset is not None or connection.goaways
    assert is_alive(plain)


def test_more_streams_than_allowed(plain: Stack, connection: h2raw.Connection) -> None:
    body = CHAT.replace(b'"sim-a"', b'"sim-rate-5-tokens-20","stream":true')
    streams = [connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), body) for _ in range(260)]
    refused = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(refused) < 4 and not connection.goaways:
        connection.read(0.5)
        refused = [s for s in streams if connection.answers.get(s, h2raw.Answer()).reset is not None]
    assert connection.goaways or {connection.answers[s].reset for s in refused} == {h2raw.REFUSED_STREAM}
    assert metric(plain, "gateway_streams_open") <= 256
    assert is_alive(plain)


# Floods


def flood(connection: h2raw.Connection, piece, count: int) -> None:
    """Sends until told to stop; what the server says is read afterwards."""
    for start in range(0, count, 50):
        if not connection.send(b"".join(piece(index) for index in range(start, start + 50))):
            break


def is_thrown_out(connection: h2raw.Connection) -> bool:
    ended = connection.is_ended(10)
    return ended and (not connection.goaways or connection.goaways[0].code != h2raw.NO_ERROR)


FLOODS = {
    "ping": lambda c: lambda i: frame(PING, 0, 0, struct.pack(">Q", i)),
    "settings": lambda c: lambda i: frame(SETTINGS, 0, 0),
    "priority": lambda c: lambda i: frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)),
    "rapid reset": lambda c: lambda i: (
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, literal(c.fields("GET", "/v1/models", **KEY)))
        + frame(RST_STREAM, 0, 2 * i + 1, struct.pack(">I", h2raw.CANCEL))
    ),
    "broken streams": lambda c: lambda i: frame(
        HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, literal(c.fields("GET", "/healthz", connection="close"))
    ),
}


@pytest.mark.parametrize("make", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_ends_the_connection(plain: Stack, connection: h2raw.Connection, make) -> None:
    before = metric(plain, "gateway_http2_connection_errors_total", code="enhance_your_calm")
    flood(connection, make(connection), 1000)
    assert is_thrown_out(connection)
    assert wait_for(lambda: metric(plain, "gateway_http2_connection_errors_total", code="enhance_your_calm") == before + 1)
    assert is_alive(plain)
    assert wait_for(lambda: metric(plain, "gateway_streams_open") == 0)


def test_empty_frames_end_the_connection(plain: Stack, connection: h2raw.Connection) -> None:
    stream = connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), is_end=False)
    flood(connection, lambda index: frame(DATA, 0, stream), 100)
    assert is_thrown_out(connection)
    assert is_alive(plain)


def test_continuations_without_end_end_the_connection(plain: Stack, connection: h2raw.Connection) -> None:
    connection.send(frame(HEADERS, 0, 1, literal(connection.fields())))
    flood(connection, lambda index: frame(h2raw.CONTINUATION, 0, 1, literal([("x-a", "b")])), 1000)
    assert is_thrown_out(connection)
    assert is_alive(plain)


def test_a_compression_bomb(plain: Stack, connection: h2raw.Connection) -> None:
    """One large field enters the table once, then every byte names it again."""
    entry = b"\x40" + b"\x03x-a" + bytes([127, *_size(3900 - 127)]) + b"y" * 3900
    block = literal(connection.fields()) + entry + b"\xbe" * 10000
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    answer = connection.answer(1)
    assert answer.status in (0, 431)
    assert is_alive(plain)


def _size(value: int) -> list[int]:
    out = []
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return [*out, value]


@pytest.mark.parametrize("garbage", [b"\xff" * 100, frame(99, 0, 0, b"x") * 3 + frame(HEADERS, END_HEADERS, 2, b""), frame(DATA, 0, 0, b"x")])
def test_garbage(plain: Stack, connection: h2raw.Connection, garbage: bytes) -> None:
    connection.send(garbage)
    connection.is_ended(5)
    assert is_alive(plain)


def test_a_preface_in_pieces_and_one_that_breaks_off(plain: Stack) -> None:
    with h2raw.socket.create_connection(tuple_of(plain.base), timeout=10) as plain_socket:
        for byte in h2raw.PREFACE + frame(SETTINGS, 0, 0):
            plain_socket.sendall(bytes([byte]))
            time.sleep(0.005)
        assert plain_socket.recv(9)[3] == SETTINGS
    with h2raw.socket.create_connection(tuple_of(plain.base), timeout=10) as plain_socket:
        plain_socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSMALL\r\n")
        assert plain_socket.recv(20).startswith(b"HTTP/1.1 400")


def tuple_of(url: str) -> tuple[str, int]:
    host, port = url.split("://")[1].split(":")
    return host, int(port)


def test_a_preface_behind_a_request_is_refused(plain: Stack) -> None:
    with h2raw.socket.create_connection(tuple_of(plain.base), timeout=10) as held:
        held.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert held.recv(1000).startswith(b"HTTP/1.1 200")
        held.sendall(h2raw.PREFACE)
        assert held.recv(1000).startswith(b"HTTP/1.1 400")


# Ends


def test_draining_finishes_streams_and_says_so(tmp_path: pathlib.Path) -> None:
    with processes.start_simulator(tmp_path) as simulator:
        with processes.start_run(tmp_path, base_config(simulator.ready["simulator"])) as gateway:
            url = gateway.ready["gateway"]
            body = CHAT.replace(b'"sim-a"', b'"sim-rate-10-tokens-30","stream":true')
            with h2raw.Connection(url) as busy, h2raw.Connection(url) as idle:
                stream = busy.request(busy.fields("POST", "/v1/chat/completions", **KEY), body)
                assert wait_for(lambda: busy.read(0.5) and busy.answers.get(stream, h2raw.Answer()).body)
                assert idle.answer(idle.request(idle.fields())).status == 200
                gateway.process.terminate()
                ended = threading.Thread(target=lambda: ends.append(idle.is_ended(10)))
                ends: list[bool] = []
                ended.start()
                while busy.read(5) is not None:
                    if busy.pings:
                        busy.send(frame(PING, h2raw.ACK, 0, busy.pings.pop().payload))
                ended.join()
                assert ends == [True] and idle.goaways[0].code == h2raw.NO_ERROR
                assert busy.answers[stream].is_complete and b"[DONE]" in busy.answers[stream].body
                assert [found.code for found in busy.goaways] == [0, 0]
                assert int.from_bytes(busy.goaways[-1].payload[:4], "big") == stream
            assert gateway.process.wait(10) == 0


def test_connections_count_and_streams_do_not(plain: Stack, connection: h2raw.Connection) -> None:
    assert connection.answer(connection.request(connection.fields())).status == 200
    open_before = metric(plain, "gateway_client_connections_open")
    body = CHAT.replace(b'"sim-a"', b'"sim-rate-5-tokens-20","stream":true')
    streams = [connection.request(connection.fields("POST", "/v1/chat/completions", **KEY), body) for _ in range(5)]
    assert wait_for(lambda: connection.read(0.5) and all(connection.answers.get(s) for s in streams))
    assert metric(plain, "gateway_client_connections_open") == open_before
    assert metric(plain, "gateway_streams_open") == 5
