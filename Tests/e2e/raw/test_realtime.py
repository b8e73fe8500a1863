"""Realtime sessions: WebSockets that go through the gateway, with real clients and with raw ones."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

import openai
import pytest
import websockets
import websockets.asyncio.client
from harness import processes
from harness.wire import Answer, Connection, request, wait_for
from observe import access_lines, error_lines, metric
from stack import LIMITED_KEY, LISTED_KEY, MAIN_KEY, UPSTREAM_KEY, Stack, base_config, model, upstream

pytestmark = pytest.mark.gateway_only

HANDSHAKE = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
KEY = base64.b64encode(b"0123456789abcdef").decode()
TEXT = {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello you"}]}}


class FakeUpstream:
    """Answers handshakes as `behaviour` says, for what a real server would not do."""

    def __init__(self, behaviour: str):
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._listener.getsockname()[1]
        self.heads: list[str] = []
        self.received = b""
        self.is_closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        try:
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = connection.recv(65536)
                    if not more:
                        return
                    head += more
                self.heads.append(head.decode())
                self._answer(connection, head.decode())
        except OSError:
            pass
        self.is_closed.set()

    def _answer(self, connection: socket.socket, head: str) -> None:
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key: "))
        accept = accept_for(key if self._behaviour != "wrong-accept" else "x" * 24)
        lines = ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: upgrade", f"sec-websocket-accept: {accept}"]
        if self._behaviour == "extension":
            lines.append("sec-websocket-extensions: permessage-deflate")
        if self._behaviour == "protocol":
            lines.append("sec-websocket-protocol: other")
        if self._behaviour == "ok-instead":
            lines = ["HTTP/1.1 200 OK", "content-length: 0"]
        first = frame(b'{"type":"session.created"}') if self._behaviour in ("cut", "cut-inside", "echo", "silent") else b""
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + first)
        if self._behaviour == "cut-inside":
            connection.sendall(b"\x81\x7e\x10\x00half")
        if self._behaviour in ("cut", "cut-inside"):
            connection.recv(65536)
            time.sleep(0.2)
        elif self._behaviour == "garbage":
            connection.sendall(b"\xff\xff\xff")
            connection.recv(65536)
        elif self._behaviour == "flood":
            for _ in range(400):
                connection.sendall(frame(b"x" * 65536, first=0x82))
        elif self._behaviour in ("echo", "silent"):
            while data := connection.recv(65536):
                self.received += data

    def close(self) -> None:
        self._listener.close()


def accept_for(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def frame(payload: bytes, first: int = 0x81, mask: bytes | None = None) -> bytes:
    bit = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        length = bytes([bit | size])
    elif size < 65536:
        length = bytes([bit | 126]) + struct.pack(">H", size)
    else:
        length = bytes([bit | 127]) + struct.pack(">Q", size)
    if mask:
        payload = mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([first]) + length + payload


FAKES = ["wrong-accept", "extension", "protocol", "ok-instead", "cut", "cut-inside", "garbage", "flood", "silent"]


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, FakeUpstream]]:
    servers = {name: FakeUpstream(name) for name in FAKES}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, fakes: dict[str, FakeUpstream]) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("realtime")
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder)).ready["simulator"]
        config = base_config(simulator)
        times = {"connect": "1s", "firstByte": "2s", "idle": "2s", "total": "60s"}
        for name, server in fakes.items():
            config["upstreams"].append(upstream(name, f"http://127.0.0.1:{server.port}/v1", timeouts=times))
            config["models"].append(model(name, name))
        config["upstreams"].append(upstream("short", f"{simulator}/v1", timeouts={**times, "total": "1500ms"}))
        config["upstreams"].append(upstream("narrow", f"{simulator}/v1", limits={"requestsInFlight": 1}))
        config["models"] += [model("short", "short"), model("narrow", "narrow")]
        config["routes"][0]["retry"] = {"attempts": 1}
        gateway = running.enter_context(processes.start_run(folder, config, "--threads", "1"))
        yield Stack("gateway", gateway.ready["gateway"], simulator, folder, gateway)
        assert gateway.is_running, gateway.tail()


def url(stack: Stack, name: str = "sim-a", more: str = "") -> str:
    return f"{stack.base.replace('http', 'ws')}/v1/realtime?model={name}{more}"


def connect(stack: Stack, name: str = "sim-a", **options: object) -> websockets.asyncio.client.connect:
    headers = {"authorization": f"Bearer {MAIN_KEY}", "x-request-id": f"rt-{os.urandom(6).hex()}"}
    options.setdefault("additional_headers", headers)
    return websockets.asyncio.client.connect(url(stack, name), **options)


async def ask(session: websockets.asyncio.client.ClientConnection) -> dict:
    """One answer; returns its last event."""
    await session.send(json.dumps(TEXT))
    await session.send(json.dumps({"type": "response.create"}))
    while True:
        event = json.loads(await asyncio.wait_for(session.recv(), 10))
        if event["type"] == "response.done":
            return event


def record_of(stack: Stack, request_id: str) -> dict:
    lines = wait_for(lambda: access_lines(stack, request_id))
    assert len(lines) == 1, lines
    return lines[0]


# Real clients


async def test_sdk(live: Stack) -> None:
    client = openai.AsyncOpenAI(base_url=live.openai_url, api_key=MAIN_KEY, max_retries=0)
    async with client.realtime.connect(model="sim-a") as session:
        await session.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await session.conversation.item.create(item=TEXT["item"])
        await session.response.create()
        text, types = "", []
        async for event in session:
            types.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.done":
                usage = event.response.usage
                break
    assert types[:2] == ["session.created", "session.updated"]
    assert text and usage is not None and usage.output_tokens == len(text.split())


async def test_usage_is_summed_into_one_record(live: Stack) -> None:
    identity = f"rt-{os.urandom(6).hex()}"
    headers = {"authorization": f"Bearer {MAIN_KEY}", "x-request-id": identity}
    async with connect(live, additional_headers=headers) as session:
        usages = [(await ask(session))["response"]["usage"] for _ in range(3)]
        assert metric(live, "gateway_realtime_sessions_open") == 1
    line = record_of(live, identity)
    assert line["outcome"] == "complete" and line["status"] == 101
    assert wait_for(lambda: metric(live, "gateway_realtime_sessions_open") == 0)
    records = [r for r in processes.usage_records(live.folder) if r.get("path") == "/v1/realtime"]
    last = records[-1]
    assert last["outcome"] == "complete" and last["usage_source"] == "provider", last
    assert last["input_tokens"] == sum(usage["input_tokens"] for usage in usages)
    assert last["output_tokens"] == sum(usage["output_tokens"] for usage in usages)


async def test_what_reaches_the_upstream(live: Stack) -> None:
    async with connect(live, "sim-alias") as session:
        await session.recv()
        assert "permessage-deflate" not in str(session.protocol.extensions)
    received = live.received()[-1]
    fields = dict(received["headers"])
    assert received["query"] == "model=sim-renamed"
    assert fields["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert "sec-websocket-extensions" not in fields
    assert sum(1 for name, _ in received["headers"] if name == "sec-websocket-key") == 1


async def test_a_browser_s_key(live: Stack) -> None:
    names = ["realtime", f"openai-insecure-api-key.{MAIN_KEY}", "openai-beta.realtime-v1"]
    async with connect(live, subprotocols=names, additional_headers={}) as session:
        assert session.subprotocol == "realtime"
        await session.recv()
    fields = dict(live.received()[-1]["headers"])
    assert fields["sec-websocket-protocol"] == "realtime, openai-beta.realtime-v1"
    assert MAIN_KEY not in json.dumps(live.received())
    for path in live.folder.glob("data/logs/*"):
        assert MAIN_KEY not in path.read_text()


async def test_other_parameters_pass(live: Stack) -> None:
    headers = {"authorization": f"Bearer {MAIN_KEY}"}
    async with websockets.asyncio.client.connect(url(live, "sim-alias", "&intent=a%20b&x"), additional_headers=headers) as session:
        await session.recv()
    assert live.received()[-1]["query"] == "model=sim-renamed&intent=a%20b&x"


async def test_large_and_fragmented_messages(live: Stack) -> None:
    async with connect(live) as session:
        await session.recv()
        audio = {"type": "input_audio_buffer.append", "audio": "A" * 3_000_000}
        text = json.dumps(audio)
        await session.send([text[start : start + 100_000] for start in range(0, len(text), 100_000)])
        await session.ping()
        done = await ask(session)
        assert done["response"]["usage"]["input_tokens"] >= 12


async def test_closing_from_the_client(live: Stack) -> None:
    async with connect(live) as session:
        await session.recv()
        await session.close(4000, "enough")
        assert session.close_code == 4000


# Refusals, which are ordinary answers


def handshake(stack: Stack, target: str = "/v1/realtime?model=sim-a", drop: tuple[str, ...] = (), **fields: str) -> Answer:
    headers = {**HANDSHAKE, "sec_websocket_key": KEY, "authorization": f"Bearer {MAIN_KEY}", **fields}
    for name in drop:
        headers.pop(name)
    with Connection(stack.base) as connection:
        connection.send(request("GET", target, **headers))
        answer = connection.answer()
    assert answer is not None
    return answer


REFUSALS = {
    "no key": ({"drop": ("authorization",)}, 401, "missing_key"),
    "wrong key": ({"authorization": "Bearer agw_wrong_0123456789abcdef"}, 401, "invalid_key"),
    "two keys": ({"sec_websocket_protocol": f"openai-insecure-api-key.{LISTED_KEY}"}, 400, "conflicting_credentials"),
    "model not allowed": ({"authorization": f"Bearer {LISTED_KEY}"}, 403, "model_not_allowed"),
    "no such model": ({"target": "/v1/realtime?model=nothing"}, 404, "model_not_found"),
    "no model": ({"target": "/v1/realtime"}, 400, "missing_model"),
    "empty model": ({"target": "/v1/realtime?model="}, 400, "missing_model"),
    "two models": ({"target": "/v1/realtime?model=sim-a&mod%65l=claude-a"}, 400, "malformed_request"),
    "wrong dialect": ({"target": "/v1/realtime?model=claude-a"}, 400, "dialect_mismatch"),
    "no upgrade": ({"drop": ("upgrade",)}, 426, "upgrade_required"),
    "other upgrade": ({"upgrade": "h2c"}, 426, "upgrade_required"),
    "no connection": ({"drop": ("connection",)}, 400, "malformed_request"),
    "old version": ({"sec_websocket_version": "8"}, 426, "upgrade_required"),
    "no version": ({"drop": ("sec_websocket_version",)}, 400, "malformed_request"),
    "no nonce": ({"drop": ("sec_websocket_key",)}, 400, "malformed_request"),
    "short nonce": ({"sec_websocket_key": "abc"}, 400, "malformed_request"),
    "post": ({}, 405, "method_not_allowed"),
    "refused by the provider": ({"target": "/v1/realtime?model=sim-status-400"}, 400, None),
    "failing provider": ({"target": "/v1/realtime?model=sim-status-500"}, 500, None),
    "wrong accept": ({"target": "/v1/realtime?model=wrong-accept"}, 502, "upstream_broken"),
    "extension": ({"target": "/v1/realtime?model=extension"}, 502, "upstream_broken"),
    "subprotocol": ({"target": "/v1/realtime?model=protocol"}, 502, "upstream_broken"),
    "no switch": ({"target": "/v1/realtime?model=ok-instead"}, 502, "upstream_broken"),
}


@pytest.mark.parametrize(("change", "status", "code"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_before_the_switch(live: Stack, change: dict, status: int, code: str | None) -> None:
    if code == "method_not_allowed":
        with Connection(live.base) as connection:
            connection.send(request("POST", "/v1/realtime?model=sim-a", authorization=f"Bearer {MAIN_KEY}"))
            answer = connection.answer()
            assert answer is not None
    else:
        answer = handshake(live, **change)
    assert answer.status == status, answer
    if code is not None:
        assert answer.code == code
    if status == 426:
        assert answer.headers["upgrade"] == "websocket"


async def test_rate_limits_count_handshakes(live: Stack) -> None:
    headers = {"authorization": f"Bearer {LIMITED_KEY}"}
    for _ in range(3):
        async with connect(live, additional_headers=headers) as session:
            await session.recv()
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        async with connect(live, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 429


async def test_sessions_count_as_requests_in_flight(live: Stack) -> None:
    async with connect(live, "narrow") as session:
        await session.recv()
        assert metric(live, "gateway_upstream_requests_in_flight", upstream="narrow") == 1
        answer = await asyncio.to_thread(handshake, live, "/v1/realtime?model=narrow")
        assert (answer.status, answer.code) == (503, "upstream_saturated")
    assert wait_for(lambda: metric(live, "gateway_upstream_requests_in_flight", upstream="narrow") == 0)


# Ends


def open_raw(stack: Stack, name: str) -> tuple[Connection, str]:
    """A session over a plain socket, and its id."""
    identity = f"rt-{os.urandom(6).hex()}"
    connection = Connection(stack.base)
    fields = {**HANDSHAKE, "sec_websocket_key": KEY, "authorization": f"Bearer {MAIN_KEY}", "x_request_id": identity}
    connection.send(request("GET", f"/v1/realtime?model={name}", **fields))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.socket.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ") and accept_for(KEY).encode() in head, head
    return connection, identity


def read_all(connection: Connection, limit: float = 10) -> bytes:
    connection.socket.settimeout(limit)
    data = b""
    try:
        while more := connection.socket.recv(65536):
            data += more
    except ConnectionResetError:
        return data + b"RESET"
    return data


def test_an_upstream_that_breaks_off_is_told(live: Stack) -> None:
    connection, identity = open_raw(live, "cut")
    with connection:
        connection.send(frame(b"{}", mask=b"abcd"))
        data = read_all(connection)
    assert data.startswith(frame(b'{"type":"session.created"}'))
    assert data[28:30] == b"\x88" + bytes([len(data) - 30]) and data[30:32] == struct.pack(">H", 1011), data
    assert record_of(live, identity)["code"] == "upstream_cut"


def test_an_upstream_that_breaks_off_inside_a_frame_resets(live: Stack) -> None:
    connection, identity = open_raw(live, "cut-inside")
    with connection:
        connection.send(frame(b"{}", mask=b"abcd"))
        assert read_all(connection).endswith(b"RESET")
    assert record_of(live, identity)["code"] == "upstream_cut"


def test_an_upstream_that_breaks_the_protocol(live: Stack) -> None:
    connection, identity = open_raw(live, "garbage")
    with connection:
        data = read_all(connection)
    assert data[:1] == b"\x88" and data[2:4] == struct.pack(">H", 1011)
    line = record_of(live, identity)
    assert line["code"] == "upstream_broken"
    assert wait_for(lambda: error_lines(live, line["id"]))


@pytest.mark.parametrize(
    "data",
    [frame(b"unmasked"), frame(b"x", first=0xC1, mask=b"abcd"), frame(b"x", first=0x83, mask=b"abcd"), frame(b"x", first=0x80, mask=b"abcd")],
    ids=["unmasked", "compressed", "unknown", "continues nothing"],
)
def test_a_client_that_breaks_the_protocol(live: Stack, fakes: dict[str, FakeUpstream], data: bytes) -> None:
    connection, identity = open_raw(live, "silent")
    with connection:
        connection.send(data)
        answer = read_all(connection)
    assert answer[28:29] == b"\x88" and answer[30:32] == struct.pack(">H", 1002), answer
    assert record_of(live, identity)["code"] == "malformed_request"


def test_a_client_that_goes_away(live: Stack, fakes: dict[str, FakeUpstream]) -> None:
    fakes["silent"].is_closed.clear()
    connection, identity = open_raw(live, "silent")
    connection.close()
    assert fakes["silent"].is_closed.wait(5), "the upstream's connection stays open"
    assert record_of(live, identity)["code"] == "client_gone"


def test_the_time_of_a_session_ends(live: Stack) -> None:
    connection, identity = open_raw(live, "short")
    with connection:
        begun = time.monotonic()
        data = read_all(connection)
        assert 1 < time.monotonic() - begun < 4
    assert struct.pack(">H", 1001) in data
    assert record_of(live, identity)["code"] == "total_timeout"


def test_a_client_that_does_not_read_slows_its_upstream(live: Stack) -> None:
    """25 MB wait with the upstream, not in the gateway."""
    assert live.gateway is not None

    def resident() -> int:
        status = pathlib.Path(f"/proc/{live.gateway.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    before = resident()
    connection, _ = open_raw(live, "flood")
    with connection:
        time.sleep(1.5)
        assert resident() - before < 12 << 20
        total = 0
        connection.socket.settimeout(10)
        while total < 400 * 65546:
            more = connection.socket.recv(1 << 20)
            if not more:
                break
            total += len(more)
    assert total >= 400 * 65546


def test_shutdown_tells_sessions(tmp_path: pathlib.Path) -> None:
    with processes.start_simulator(tmp_path) as simulator:
        with processes.start_run(tmp_path, base_config(simulator.ready["simulator"]), "--drain-timeout", "500ms") as gateway:
            stack = Stack("gateway", gateway.ready["gateway"], "", tmp_path, gateway)
            connection, identity = open_raw(stack, "sim-a")
            with connection:
                gateway.process.terminate()
                assert struct.pack(">H", 1012) in read_all(connection)
            assert gateway.process.wait(10) == 0
            assert record_of(stack, identity)["code"] == "draining"


def test_frames_behind_the_handshake_are_not_lost(live: Stack) -> None:
    """A client that does not wait for the answer."""
    with Connection(live.base) as connection:
        fields = {**HANDSHAKE, "sec_websocket_key": KEY, "authorization": f"Bearer {MAIN_KEY}"}
        early = frame(json.dumps({"type": "session.update"}).encode(), mask=b"wxyz")
        connection.send(request("GET", "/v1/realtime?model=sim-a", **fields) + early)
        data = b""
        connection.socket.settimeout(5)
        while b"session.updated" not in data:
            more = connection.socket.recv(65536)
            assert more, data
            data += more
