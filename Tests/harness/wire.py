"""HTTP over a plain socket: bytes as they are written, answers as they come, and whether they came whole."""

import dataclasses
import json
import socket
import time


@dataclasses.dataclass
class Answer:
    """One answer. `complete` says whether its framing was fulfilled."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The stable code of an error, in either dialect."""
        error = self.json.get("error", {})
        return error.get("code")

    @property
    def events(self) -> list[tuple[str | None, str]]:
        """The server-sent events of the body: name and data."""
        events = []
        for block in self.body.decode(errors="replace").replace("\r\n", "\n").split("\n\n"):
            lines = block.split("\n")
            name = next((line[6:].strip() for line in lines if line.startswith("event:")), None)
            data = "\n".join(line[5:].lstrip() for line in lines if line.startswith("data:"))
            if data:
                events.append((name, data))
        return events


class Connection:
    """A connection to a server, on which anything can be sent."""

    def __init__(self, url: str, timeout: float = 10.0):
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Sends; that the server has closed already is no failure, because its answer may be waiting."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def answer(self) -> Answer | None:
        """The next answer; None when the server closed without one."""
        while True:
            head = self._until(b"\r\n\r\n")
            if head is None:
                return None
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            if status != 100:
                break
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body, complete = self._body(status, headers)
        return Answer(status, headers, body, complete)

    def _body(self, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
        if status in (204, 304):
            return b"", True
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(self._buffer) < length and self._more():
                pass
            body, self._buffer = self._buffer[:length], self._buffer[length:]
            return body, len(body) == length
        while self._more():
            pass
        body, self._buffer = self._buffer, b""
        return body, True

    def _chunks(self) -> tuple[bytes, bool]:
        body = b""
        while True:
            line = self._until(b"\r\n")
            if line is None:
                return body, False
            size = int(line.split(b";")[0], 16)
            while len(self._buffer) < size + 2:
                if not self._more():
                    return body + self._buffer, False
            body += self._buffer[:size]
            self._buffer = self._buffer[size + 2 :]
            if size == 0:
                return body, True

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._buffer:
            if not self._more():
                return None
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._buffer += data
        return bool(data)

    def is_closed(self, within: float = 2.0) -> bool:
        """Whether the server closes the connection in that time, without another byte."""
        self.socket.settimeout(within)
        try:
            return not self._buffer and self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A well-formed request; underscores in header names stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1"]
    fields = {"host": "gateway.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body and "transfer-encoding" not in fields:
        fields.setdefault("content-length", str(len(body)))
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def call(url: str, data: bytes, timeout: float = 10.0) -> Answer:
    """Sends one request on a connection of its own."""
    with Connection(url, timeout) as connection:
        connection.send(data)
        answer = connection.answer()
    assert answer is not None, "the connection was closed without an answer"
    return answer


def post_json(url: str, path: str, key: str | None, body: object, timeout: float = 10.0, **headers: str) -> Answer:
    """POST of a JSON body: a value, or the bytes of one."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    credential = {"authorization": f"Bearer {key}"} if key is not None else {}
    fields = {"content_type": "application/json", **credential, **headers}
    return call(url, request("POST", path, data, **fields), timeout)


def wait_for(condition, timeout: float = 5.0, pause: float = 0.05):
    """The first true value of `condition()`, or its last one when the time is up."""
    deadline = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(pause)
    return value
