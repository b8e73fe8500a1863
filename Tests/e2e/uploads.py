"""An upstream that takes forms as they come, and forms to send to it."""

import contextlib
import dataclasses
import hashlib
import json
import socket
import threading
import time

from harness.wire import Answer, Connection

BOUNDARY = "e2e-boundary-7MA4YWxkTrZu0gW"


@dataclasses.dataclass
class Received:
    """What one request brought."""

    head: str = ""
    size: int = 0
    digest: str = ""
    """Of the content of the part `file`."""
    whole: str = ""
    """The digest of the body."""
    model: str | None = None
    complete: bool = False
    closed: bool = False

    @property
    def is_chunked(self) -> bool:
        return "transfer-encoding: chunked" in self.head.lower()


class FormServer:
    """Reads each request to its end and answers with an object; what is set with a number of bytes makes it refuse, pause or
    close after them, the latter two once."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.refusal_after: int | None = None
        self.pause_after: int | None = None
        self.closes_after: int | None = None
        self.go_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Inherited by the connections. The system would let it grow to tens of megabytes, and what it holds has left us.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        self.requests.clear()
        self.refusal_after = self.pause_after = self.closes_after = None
        self.go_on.clear()

    def close(self) -> None:
        self.go_on.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        received = None
        with connection, contextlib.suppress(OSError):
            reader = connection.makefile("rb")
            while line := reader.readline():
                received = Received(head=line.decode())
                self.requests.append(received)
                if not self._answer(connection, reader, received):
                    break
            if received is not None:
                received.closed = True

    def _answer(self, connection: socket.socket, reader, received: Received) -> bool:
        while (line := reader.readline()) not in (b"\r\n", b""):
            received.head += line.decode()
        body = bytearray()
        for piece in self._pieces(reader, received):
            body += piece
            received.size = len(body)
            if self.refusal_after is not None and received.size >= self.refusal_after:
                text = b'{"error":{"message":"too large","code":"told_to"}}'
                fields = f"content-type: application/json\r\ncontent-length: {len(text)}\r\nconnection: close"
                connection.sendall(f"HTTP/1.1 413 Content Too Large\r\n{fields}\r\n\r\n".encode() + text)
                time.sleep(0.3)
                return False
            if self.closes_after is not None and received.size >= self.closes_after:
                self.closes_after = None
                return False
            if self.pause_after is not None and received.size >= self.pause_after:
                self.pause_after = None
                self.go_on.wait(20)
        if not received.complete:
            return False
        received.whole = hashlib.sha256(body).hexdigest()
        for part in bytes(body).split(f"--{BOUNDARY}".encode())[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            if b'name="model"' in head:
                received.model = content[:-2].decode()
            elif b'name="file"' in head:
                received.digest = hashlib.sha256(content[:-2]).hexdigest()
        text = json.dumps({"id": f"file-{id(received)}", "object": "file", "text": "done"}).encode()
        fields = f"content-type: application/json\r\ncontent-length: {len(text)}"
        connection.sendall(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + text)
        return True

    def _pieces(self, reader, received: Received):
        if received.is_chunked:
            while size := int(reader.readline() or b"-1", 16):
                piece = reader.read(size) if size > 0 else b""
                if size < 0 or len(piece) < size:
                    return
                reader.readline()
                yield piece
            reader.readline()
        else:
            lengths = [line for line in received.head.lower().splitlines() if line.startswith("content-length:")]
            left = int(lengths[0].split(":")[1])
            while left > 0:
                piece = reader.read1(min(left, 1 << 18))
                if not piece:
                    return
                left -= len(piece)
                yield piece
        received.complete = True


class Pusher:
    """Sends a request from a thread of its own, on a socket that holds little, and knows how much has gone."""

    def __init__(self, url: str, data: bytes):
        self.connection = Connection(url, timeout=60)
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        self.sent = 0
        self._data = memoryview(data)
        self._thread = threading.Thread(target=self._push, daemon=True)
        self._thread.start()

    def _push(self) -> None:
        with contextlib.suppress(OSError):
            while self.sent < len(self._data):
                self.sent += self.connection.socket.send(self._data[self.sent : self.sent + (64 << 10)])

    def stops(self, within: float = 5.0) -> bool:
        """Whether for half a second nothing more is taken."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            before = self.sent
            time.sleep(0.5)
            if self.sent == before:
                return True
        return False

    def finish(self) -> Answer | None:
        self._thread.join(60)
        answer = self.connection.answer()
        self.connection.close()
        return answer


def field(name: str, value: str) -> bytes:
    return f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(content: bytes) -> bytes:
    disposition = 'form-data; name="file"; filename="speech.wav"'
    head = f"--{BOUNDARY}\r\ncontent-disposition: {disposition}\r\ncontent-type: audio/wav\r\n\r\n"
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def head(path: str, key: str, *fields: str) -> bytes:
    """The head of a request whose form follows."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: gateway.test",
        f"authorization: Bearer {key}",
        f"content-type: multipart/form-data; boundary={BOUNDARY}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()
