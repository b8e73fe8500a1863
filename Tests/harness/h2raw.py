"""HTTP/2 frame by frame, for clients that break the rules. Answers are read with the `hpack` package's decoder."""

import dataclasses
import socket
import ssl
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11


@dataclasses.dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.payload[4:8] if self.kind == GOAWAY else self.payload[:4])[0]


@dataclasses.dataclass
class Answer:
    """What came on one stream, and how it ended: complete, with a reset's code, or not yet."""

    status: int = 0
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    interim: list[int] = dataclasses.field(default_factory=list)
    pieces: list[bytes] = dataclasses.field(default_factory=list)
    is_complete: bool = False
    reset: int | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(fields: list[tuple[str | bytes, str | bytes]]) -> bytes:
    """A header block without tables, so that anything can be said."""

    def text(value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        return _integer(len(data), 7) + data

    return b"".join(b"\x10" + text(name) + text(value) for name, value in fields)


def _integer(value: int, bits: int) -> bytes:
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    out, value = [limit], value - limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


class Connection:
    """A connection that speaks HTTP/2 from its first byte, or after TLS when `context` is given."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None, settings: dict[int, int] | None = None):
        scheme, rest = url.split("://")
        host, port = rest.rstrip("/").split(":")
        self.socket: socket.socket = socket.create_connection((host, int(port)), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.scheme = scheme
        self._buffer = b""
        self._decoder = hpack.Decoder()
        self._decoder.max_header_list_size = 1 << 20
        self.answers: dict[int, Answer] = {}
        self.goaways: list[Frame] = []
        self.pings: list[Frame] = []
        self.window = 65535
        self._next = 1
        body = b"".join(struct.pack(">HI", *item) for item in (settings or {}).items())
        self.send(PREFACE + frame(SETTINGS, 0, 0, body))

    def send(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def fields(self, method: str = "GET", path: str = "/healthz", **more: str) -> list[tuple[str, str]]:
        pseudo = [(":method", method), (":scheme", self.scheme), (":authority", "gateway.test"), (":path", path)]
        return pseudo + [(name.replace("_", "-"), value) for name, value in more.items()]

    def request(self, fields: list, body: bytes | None = None, is_end: bool = True) -> int:
        """Opens a stream; with a body in DATA frames of at most 16 kB."""
        stream = self._next
        self._next += 2
        flags = END_HEADERS | (END_STREAM if body is None and is_end else 0)
        self.send(frame(HEADERS, flags, stream, literal(fields)))
        for start in range(0, len(body or b""), 16384):
            piece = body[start : start + 16384]
            last = is_end and start + 16384 >= len(body)
            self.send(frame(DATA, END_STREAM if last else 0, stream, piece))
        if body == b"" and is_end:
            self.send(frame(DATA, END_STREAM, stream))
        return stream

    def read(self, timeout: float = 5.0) -> Frame | None:
        """The next frame, taken into account; None when the connection ended or nothing came in time."""
        self.socket.settimeout(timeout)
        try:
            while len(self._buffer) < 9 or len(self._buffer) < 9 + int.from_bytes(self._buffer[:3], "big"):
                data = self.socket.recv(65536)
                if not data:
                    return None
                self._buffer += data
        except OSError:
            return None
        length = int.from_bytes(self._buffer[:3], "big")
        stream = struct.unpack(">I", self._buffer[5:9])[0] & 0x7FFFFFFF
        found = Frame(self._buffer[3], self._buffer[4], stream, self._buffer[9 : 9 + length])
        self._buffer = self._buffer[9 + length :]
        self._take(found)
        return found

    def _take(self, found: Frame) -> None:
        answer = self.answers.setdefault(found.stream, Answer())
        if found.kind == HEADERS:
            fields = self._decoder.decode(found.payload)
            status = int(dict(fields).get(":status", "0"))
            if 100 <= status < 200:
                answer.interim.append(status)
            else:
                answer.status = status
                answer.headers = {name: value for name, value in fields if not name.startswith(":")}
        elif found.kind == DATA:
            answer.pieces.append(found.payload)
        elif found.kind == RST_STREAM:
            answer.reset = found.code
        elif found.kind == GOAWAY:
            self.goaways.append(found)
        elif found.kind == PING and not found.flags & ACK:
            self.pings.append(found)
        elif found.kind == SETTINGS and not found.flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        if found.kind in (DATA, HEADERS) and found.flags & END_STREAM:
            answer.is_complete = True

    def grant(self, stream: int, size: int) -> None:
        """Lets the server send so many bytes more, on the stream and on the connection."""
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))
        self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", size)))

    def answer(self, stream: int, timeout: float = 10.0) -> Answer:
        """Reads until the stream has ended, one way or another, or the connection has."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.answers.get(stream, Answer())
            if found.is_complete or found.reset is not None:
                return found
            if self.read(max(0.05, deadline - time.monotonic())) is None:
                break
        return self.answers.get(stream, Answer())

    def is_ended(self, timeout: float = 5.0) -> bool:
        """Whether the server closes the connection; what it sends before is taken into account."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.read(max(0.05, deadline - time.monotonic())) is None:
                return time.monotonic() < deadline
        return False

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
