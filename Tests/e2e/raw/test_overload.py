"""A process that has as much to do as it may says so at once, and takes up again when there is room."""

import contextlib
import gzip
import json
import pathlib
import socket
import threading
import time
import urllib.error
from collections.abc import Iterator

import pytest
from harness import processes
from harness.faults import CHAT, head as answer_head, read_request
from harness.wire import Answer, Connection, call, post_json, wait_for
from observe import metric, one_failure
from stack import MAIN_KEY, Stack, base_config, model, upstream
from uploads import END, FormServer, field, file, head

pytestmark = pytest.mark.gateway_only

PATH = "/v1/chat/completions"
CONNECTIONS, REQUESTS, BODY_BYTES = 40, 10, 4 << 20


class Holder:
    """An upstream that answers when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.waiting = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
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
        with connection, contextlib.suppress(OSError):
            while read_request(connection):
                self.waiting += 1
                self.go_on.wait(20)
                self.waiting -= 1
                fields = ("content-type: application/json", f"content-length: {len(CHAT)}")
                connection.sendall(answer_head("200 OK", *fields) + CHAT)

    def close(self) -> None:
        self.go_on.set()
        self._listener.close()


@pytest.fixture(scope="module")
def holder() -> Iterator[Holder]:
    holder = Holder()
    yield holder
    holder.close()


@pytest.fixture(scope="module")
def server() -> Iterator[FormServer]:
    server = FormServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, holder: Holder, server: FormServer) -> Iterator[Stack]:
    folder: pathlib.Path = tmp_path_factory.mktemp("full")
    config = base_config(f"http://127.0.0.1:{server.port}")
    config["upstreams"].append(upstream("holder", f"http://127.0.0.1:{holder.port}/v1"))
    config["upstreams"].append(upstream("forms", f"http://127.0.0.1:{server.port}/v1"))
    config["models"] += [model("held", "holder"), model("plain", "forms")]
    config["server"] = {"maxConnections": CONNECTIONS, "maxRequests": REQUESTS, "maxBodyMemory": "4M", "threads": 2}
    with processes.start_run(folder, config) as gateway:
        yield Stack("gateway", gateway.ready["gateway"], "", folder, gateway)
        assert gateway.is_running


@pytest.fixture(autouse=True)
def room(full: Stack, holder: Holder) -> Iterator[None]:
    holder.go_on.clear()
    yield
    holder.go_on.set()
    assert wait_for(lambda: metric(full, "gateway_streams_open") == 0)
    assert wait_for(lambda: metric(full, "gateway_body_bytes_held") == 0)
    assert wait_for(lambda: metric(full, "gateway_client_connections_open") == 1)


def check_overload(answer: Answer | None) -> None:
    assert answer is not None
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "overloaded", "1")


def chat(name: str) -> bytes:
    body = json.dumps({"model": name, "messages": []}).encode()
    lines = [f"POST {PATH} HTTP/1.1", "host: g", f"authorization: Bearer {MAIN_KEY}", "content-type: application/json"]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def body_of(size: int) -> bytes:
    return json.dumps({"model": "plain", "messages": [{"role": "user", "content": "x" * size}]}).encode()


def test_limits_are_told(full: Stack) -> None:
    assert metric(full, "gateway_client_connections_limit") == CONNECTIONS
    assert metric(full, "gateway_requests_limit") == REQUESTS
    assert metric(full, "gateway_body_bytes_limit") == BODY_BYTES
    assert "limits of this process" in (full.folder / "data/logs/error.log").read_text()


def test_connection_that_is_one_too_many_is_told(full: Stack) -> None:
    refused = metric(full, "gateway_client_connections_refused_total")
    assert wait_for(lambda: metric(full, "gateway_client_connections_open") == 1)
    time.sleep(0.1)
    with contextlib.ExitStack() as stack:
        open_ones = [stack.enter_context(Connection(full.base)) for _ in range(CONNECTIONS)]
        # A connection counts when its loop has accepted it.
        for connection in open_ones:
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
            assert connection.answer().status == 200
        for _ in range(5):
            with Connection(full.base) as one_more:
                one_more.send(chat("held"))
                check_overload(one_more.answer())
                assert one_more.is_closed()
        open_ones[0].close()
        assert wait_for(lambda: admitted(full))
    # The last one that was admitted may still count.
    assert wait_for(lambda: admitted(full))
    assert wait_for(lambda: readable(full))
    assert metric(full, "gateway_client_connections_refused_total") >= refused + 5


def readable(stack: Stack) -> bool:
    try:
        return metric(stack, "gateway_client_connections_open") == 1
    except urllib.error.HTTPError:
        return False


def admitted(stack: Stack) -> bool:
    with Connection(stack.base) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
        answer = connection.answer()
        return answer is not None and answer.status == 200


def test_request_that_is_one_too_many_is_refused(full: Stack, holder: Holder) -> None:
    before = metric(full, "gateway_overload_refusals_total", limit="requests")
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(Connection(full.base, timeout=20)) for _ in range(REQUESTS)]
        for connection in held:
            connection.send(chat("held"))
        assert wait_for(lambda: holder.waiting == REQUESTS)
        with Connection(full.base) as one_more:
            with one_failure(full, "overloaded"):
                one_more.send(chat("held"))
                check_overload(one_more.answer())
            assert metric(full, "gateway_overload_refusals_total", limit="requests") == before + 1
            holder.go_on.set()
            assert [connection.answer().status for connection in held] == [200] * REQUESTS
            # The same connection, when there is room.
            one_more.send(chat("held"))
            assert one_more.answer().status == 200


def test_bodies_that_need_too_much_memory_are_refused(full: Stack) -> None:
    before = metric(full, "gateway_overload_refusals_total", limit="bodies")
    body = body_of(2_000_000)
    fields = f"content-type: application/json\r\ncontent-length: {len(body)}"
    start = f"POST {PATH} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {MAIN_KEY}\r\n{fields}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(Connection(full.base)) for _ in range(2)]
        for connection in held:
            connection.send(start + body[:-1])
        assert wait_for(lambda: metric(full, "gateway_body_bytes_held") == 2 * (len(body) - 1))
        with one_failure(full, "overloaded"), Connection(full.base) as one_more:
            one_more.send(start + body)
            check_overload(one_more.answer())
        assert metric(full, "gateway_overload_refusals_total", limit="bodies") == before + 1
        for connection in held:
            connection.send(body[-1:])
            assert connection.answer().status == 200
    assert post_json(full.base, PATH, MAIN_KEY, body).status == 200


def test_compressed_body_counts_with_what_it_stands_for(full: Stack) -> None:
    body = gzip.compress(body_of(6_000_000))
    answer = post_json(full.base, PATH, MAIN_KEY, body, content_encoding="gzip")
    check_overload(answer)
    assert post_json(full.base, PATH, MAIN_KEY, gzip.compress(body_of(2_000_000)), content_encoding="gzip").status == 200


def test_form_of_any_size_passes_in_little_memory(full: Stack, server: FormServer) -> None:
    server.reset()
    for parts in ([field("model", "plain"), file(b"x" * (30 << 20))], [file(b"x" * (30 << 20)), field("model", "plain")]):
        form = b"".join(parts) + END
        data = head("/v1/audio/transcriptions", MAIN_KEY, f"content-length: {len(form)}") + form
        assert call(full.base, data, timeout=60).status == 200
    assert all(request.complete for request in server.requests)
