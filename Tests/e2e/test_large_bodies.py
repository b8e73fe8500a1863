"""JSON bodies of megabytes, which are read past the channel and sent in two pieces."""

import hashlib
import itertools
import json
import pathlib
import threading
from collections.abc import Iterator

import pytest
from harness import processes
from harness.wire import Connection
from stack import MAIN_KEY, Stack, base_config, model, upstream
from uploads import FormServer

pytestmark = pytest.mark.gateway_only

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def server() -> Iterator[FormServer]:
    server = FormServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, server: FormServer) -> Iterator[Stack]:
    folder: pathlib.Path = tmp_path_factory.mktemp("large")
    url = f"http://127.0.0.1:{server.port}"
    config = base_config(url)
    config["upstreams"].append(upstream("bodies", f"{url}/v1"))
    config["models"].append(model("asked", "bodies", target="its-own-name"))
    with processes.start_run(folder, config) as gateway:
        yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)


def body(size: int, place: str, name: str) -> bytes:
    text = "".join(f"{number} \u4e2d\\n " for number in range(size // 12))
    messages = [{"role": "user", "content": text}]
    members = {"model": name, "messages": messages} if place == "first" else {"messages": messages, "model": name}
    return json.dumps(members, ensure_ascii=False).encode()


def json_head(length: int) -> bytes:
    lines = [f"POST {CHAT} HTTP/1.1", "host: gateway.test", f"authorization: Bearer {MAIN_KEY}"]
    return "\r\n".join([*lines, "content-type: application/json", f"content-length: {length}", "", ""]).encode()


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("pieces", [(1 << 30,), (1, 70_000, 5), (65_536,), (300_001, 1_000)], ids=str)
def test_bodies_arrive_as_they_were_sent(large: Stack, server: FormServer, place: str, pieces: tuple[int, ...]) -> None:
    server.reset()
    sizes = [3_000_000, 100, 700_000, 20_000, 5_000_000]
    message = b""
    for size in sizes:
        content = body(size, place, "asked")
        message += json_head(len(content)) + content
    with Connection(large.base, timeout=60) as connection:
        # Pipelined, so that the end of one body and the next head may come in one read.
        sender = threading.Thread(target=send_in_pieces, args=(connection, message, pieces))
        sender.start()
        for _ in sizes:
            answer = connection.answer()
            assert answer is not None and answer.status == 200, answer
        sender.join()
    expected = [hashlib.sha256(body(size, place, "its-own-name")).hexdigest() for size in sizes]
    assert [received.whole for received in server.requests] == expected


def send_in_pieces(connection: Connection, message: bytes, pieces: tuple[int, ...]) -> None:
    start = 0
    for piece in itertools.cycle(pieces):
        if start >= len(message):
            return
        # The small pieces only where something can go wrong: at the beginning.
        size = piece if start < 400_000 else max(pieces)
        connection.send(message[start : start + size])
        start += size
