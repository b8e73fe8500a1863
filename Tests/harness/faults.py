"""Upstreams that break the rules, as small raw servers: each accepts, reads one request, and misbehaves in its own way."""

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable

CHAT = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hello there"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4},
    }
).encode()
CHAT_EVENT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"hello"},"finish_reason":null}]}\n\n'
)
MESSAGE_EVENTS = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
    b'"model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":2,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
    b'\n\nevent: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"hello"}}\n\n'
)
PAUSE = 8.0


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def events_for(request: bytes) -> bytes:
    return MESSAGE_EVENTS if b"/messages" in request.split(b"\r\n", 1)[0] else CHAT_EVENT


def _reset(connection: socket.socket, request: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _close(connection: socket.socket, request: bytes) -> None:
    """Sends nothing."""


def _garbage(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"\x00\xff\x13garbage that is not HTTP\r\n\r\n")


def _two_lengths(connection: socket.socket, request: bytes) -> None:
    connection.sendall(head("200 OK", "content-length: 5", "content-length: 6") + b"hello!")


def _gzip(connection: socket.socket, request: bytes) -> None:
    body = gzip.compress(CHAT)
    fields = ("content-type: application/json", "content-encoding: gzip", f"content-length: {len(body)}")
    connection.sendall(head("200 OK", *fields) + body)


def _cut_json(connection: socket.socket, request: bytes) -> None:
    connection.sendall(head("200 OK", "content-type: application/json", "content-length: 400") + CHAT[:100])
    time.sleep(0.2)


def _cut_chunked_json(connection: socket.socket, request: bytes) -> None:
    fields = ("content-type: application/json", "transfer-encoding: chunked")
    connection.sendall(head("200 OK", *fields) + chunk(CHAT[:100]))
    time.sleep(0.2)


def _reset_json(connection: socket.socket, request: bytes) -> None:
    """An answer that would end with its connection, which is reset in the middle."""
    connection.sendall(head("200 OK", "content-type: application/json", "connection: close") + CHAT[:100])
    time.sleep(0.2)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _stream_head() -> bytes:
    return head("200 OK", "content-type: text/event-stream", "transfer-encoding: chunked")


def _cut_stream(connection: socket.socket, request: bytes) -> None:
    connection.sendall(_stream_head() + chunk(events_for(request)))
    time.sleep(0.2)


def _cut_inside_event(connection: socket.socket, request: bytes) -> None:
    connection.sendall(_stream_head() + chunk(events_for(request) + b'data: {"id":"c","cho'))
    time.sleep(0.2)


def _bad_chunk(connection: socket.socket, request: bytes) -> None:
    connection.sendall(_stream_head() + chunk(events_for(request)))
    time.sleep(0.2)
    connection.sendall(b"zz\r\nnonsense\r\n")
    time.sleep(0.2)


def _stall_head(connection: socket.socket, request: bytes) -> None:
    time.sleep(PAUSE)


def _stall_stream(connection: socket.socket, request: bytes) -> None:
    connection.sendall(_stream_head() + chunk(events_for(request)))
    time.sleep(PAUSE)


def _status(status: str, *fields: str) -> Callable[[socket.socket, bytes], None]:
    body = b'{"error":{"message":"told to","type":"server_error","param":null,"code":"told_to"}}'

    def behave(connection: socket.socket, request: bytes) -> None:
        common = ("content-type: application/json", f"content-length: {len(body)}")
        connection.sendall(head(status, *common, *fields) + body)

    return behave


FAULTS: dict[str, Callable[[socket.socket, bytes], None] | None] = {
    "refused": None,
    "reset": _reset,
    "close": _close,
    "garbage": _garbage,
    "two-lengths": _two_lengths,
    "gzip": _gzip,
    "cut-json": _cut_json,
    "cut-chunked-json": _cut_chunked_json,
    "reset-json": _reset_json,
    "cut-stream": _cut_stream,
    "cut-inside-event": _cut_inside_event,
    "bad-chunk": _bad_chunk,
    "stall-head": _stall_head,
    "stall-stream": _stall_stream,
    "401": _status("401 Unauthorized"),
    "429": _status("429 Too Many Requests", "retry-after: 7"),
    "500": _status("500 Internal Server Error"),
    "400": _status("400 Bad Request"),
}


class FaultServer:
    """Listens on a free port; without a behaviour the port stays closed, so that connections are refused."""

    def __init__(self, behaviour: Callable[[socket.socket, bytes], None] | None):
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        if behaviour is None:
            # Bound but not listening: nobody else gets the port, and connecting to it fails.
            self._listener.close()
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))
        else:
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            try:
                request = read_request(connection)
                if request and self._behaviour is not None:
                    self.requests.append(request)
                    self._behaviour(connection, request)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


class PlainServer(FaultServer):
    """Answers whatever bytes come first with a plain HTTP error, as a web server does that is sent TLS by mistake."""

    def __init__(self):
        super().__init__(FAULTS["400"])

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            try:
                FAULTS["400"](connection, connection.recv(65536))
            except OSError:
                return


def read_request(connection: socket.socket) -> bytes:
    """One whole request, framed by its `content-length` or its chunks; empty when the caller closes before."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    request_head, _, body = data.partition(b"\r\n\r\n")
    lowered = request_head.lower()
    if b"transfer-encoding: chunked" in lowered:
        while not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(65536)
    elif b"content-length: " in lowered:
        length = int(lowered.split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
    return request_head + b"\r\n\r\n" + body
