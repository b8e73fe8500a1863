"""The corpus of requests that two readers could read differently, and an upstream that checks what reaches it."""

import dataclasses
import json
import pathlib
import re
import socket
import threading
import time

from stack import MAIN_KEY, UPSTREAM_KEY

CORPUS = pathlib.Path(__file__).parent / "raw/smuggling.txt"
TARGET = "/v1/chat/completions"
MODEL = "recorded"
HOP_BY_HOP = (
    "x-api-key", "te", "trailer", "upgrade", "keep-alive", "expect", "connection", "proxy-connection", "proxy-authorization",
)  # fmt: skip
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclasses.dataclass(frozen=True)
class Case:
    """A request of the corpus; `data` has a good request behind it."""

    verdict: str
    name: str
    ident: str
    data: bytes


def cases() -> list[Case]:
    found = []
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        verdict, name, raw = line.split("\t")
        ident = f"case-{len(found)}"
        found.append(Case(verdict, name, ident, _expand(raw, ident) + good(f"{ident}-behind")))
    return found


def _body(ident: str) -> bytes:
    return json.dumps({"model": MODEL, "messages": [], "user": ident}, separators=(",", ":")).encode()


def _credentials(ident: str) -> bytes:
    return f"Authorization: Bearer {MAIN_KEY}\r\nContent-Type: application/json\r\nX-Case: {ident}\r\n".encode()


def good(ident: str) -> bytes:
    """A request that nobody can misread."""
    body = _body(ident)
    head = f"POST {TARGET} HTTP/1.1\r\nHost: g\r\n".encode() + _credentials(ident)
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def _expand(raw: str, ident: str) -> bytes:
    """What a line of the corpus stands for."""
    body, fields = _body(ident), b"Host: g\r\n" + _credentials(ident)
    size = b"%x" % len(body)
    parts = {
        "P": f"POST {TARGET} HTTP/1.1\r\n".encode() + fields,
        "F": fields,
        "A": _credentials(ident),
        "KEY": MAIN_KEY.encode(),
        "J": body,
        "N": size,
        "C": size + b"\r\n" + body + b"\r\n0\r\n\r\n",
        "S": good(f"{ident}-smuggled"),
        "LONG": b"a" * 9000,
        "LONG600": b"a" * 600,
    }
    data = b""
    for piece in re.findall(r"\\x[0-9a-f]{2}|\\.|\{[A-Z0-9]+\}|.", raw):
        if piece.startswith("\\x"):
            data += bytes([int(piece[2:], 16)])
        elif piece.startswith("\\"):
            data += {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}[piece[1]]
        elif piece[0] == "{" and len(piece) > 1:
            data += parts[piece[1:-1]]
        else:
            data += piece.encode()
    # The head may end in many wrong ways; what a sender would count begins behind the first good end.
    return data.replace(b"{#}", str(len(data.partition(b"\r\n\r\n")[2])).encode())


@dataclasses.dataclass
class Arrival:
    """One request as it reached the upstream."""

    target: str
    fields: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def ident(self) -> str:
        return ",".join(self.values("x-case"))


class Recorder:
    """An upstream that reads HTTP/1.1 to the letter, records every request, and every byte that is not as it should be."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.faults: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while (arrival := self._read(reader)) is not None:
                    self._judge(arrival)
                    self.arrivals.append(arrival)
                    answer = json.dumps({"id": "c", "object": "chat.completion", "choices": []}).encode()
                    echo = f"x-echo-id: {','.join(arrival.values('x-front-id'))}\r\n"
                    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{echo}content-length: {len(answer)}"
                    connection.sendall(head.encode() + b"\r\n\r\n" + answer)
            except ValueError as error:
                self.faults.append(str(error))
            except OSError:
                return

    def _read(self, reader) -> Arrival | None:
        line = self._line(reader)
        if line is None:
            return None
        words = line.split(b" ")
        if len(words) != 3 or words[2] != b"HTTP/1.1" or not TOKEN.fullmatch(words[0]) or words[1][:1] != b"/":
            raise ValueError(f"request line {line!r}")
        fields = []
        while (field := self._line(reader)) != b"":
            name, colon, value = (field or b"").partition(b":")
            if not colon or not TOKEN.fullmatch(name):
                raise ValueError(f"field {field!r}")
            fields.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
        lengths = [value for name, value in fields if name == "content-length"]
        codings = [value for name, value in fields if name == "transfer-encoding"]
        if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]):
            raise ValueError(f"framing {lengths} {codings}")
        if lengths and not re.fullmatch("[0-9]+", lengths[0]):
            raise ValueError(f"length {lengths}")
        body = self._chunks(reader) if codings else reader.read(int(lengths[0])) if lengths else b""
        return Arrival(words[1].decode(), fields, body)

    @staticmethod
    def _line(reader) -> bytes | None:
        line = reader.readline(100_000)
        if line == b"":
            return None
        if not line.endswith(b"\r\n") or re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line[:-2]):
            raise ValueError(f"line {line!r}")
        return line[:-2]

    def _chunks(self, reader) -> bytes:
        body = b""
        while True:
            line = self._line(reader)
            if line is None or not re.fullmatch(rb"[0-9a-fA-F]{1,15}", line):
                raise ValueError(f"chunk {line!r}")
            body += reader.read(int(line, 16))
            if reader.read(2) != b"\r\n":
                raise ValueError("a chunk without its end, or trailers")
            if int(line, 16) == 0:
                return body

    def _judge(self, arrival: Arrival) -> None:
        def expect(holds: bool, what: str) -> None:
            if not holds:
                self.faults.append(f"{what}: {arrival}")

        expect(arrival.values("host") == [f"127.0.0.1:{self.port}"], "host")
        expect(arrival.values("authorization") == [f"Bearer {UPSTREAM_KEY}"], "credential")
        expect(MAIN_KEY not in str(arrival.fields), "the caller's key")
        for name in HOP_BY_HOP:
            expect(not arrival.values(name), name)
        expect(arrival.target.partition("?")[0] == TARGET, "target")
        # HAProxy writes folded lines anew as one, so that more may stand behind the name of a case.
        ident = arrival.ident.partition(" ")[0]
        expect(not ident or json.loads(arrival.body)["user"] == ident, "another body")


def exchange(url: str, data: bytes, patience: float = 0.4) -> tuple[list[int], bool]:
    """Sends at once what is one or two requests; the statuses of the answers, and whether the connection was closed."""
    host, port = url.removeprefix("http://").split(":")
    received = b""
    closed = False
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.sendall(data)
            deadline = time.monotonic() + 10
            connection.settimeout(patience)
            while time.monotonic() < deadline:
                more = connection.recv(65536)
                if not more:
                    closed = True
                    break
                received += more
                if _statuses(received)[1] == 2:
                    break
        except TimeoutError:
            pass
        except OSError:
            closed = True
    return _statuses(received)[0], closed


def _statuses(received: bytes) -> tuple[list[int], int]:
    """The statuses of the final answers in `received`, and how many of them are whole."""
    statuses, whole = [], 0
    while received.startswith(b"HTTP/1."):
        head, end, rest = received.partition(b"\r\n\r\n")
        if not end:
            break
        status = int(head.split(b" ", 2)[1])
        length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
        if status >= 200:
            statuses.append(status)
            if length is None or len(rest) < int(length[1]):
                break
            whole += 1
            rest = rest[int(length[1]) :]
        received = rest
    return statuses, whole
