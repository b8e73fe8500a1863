"""A forward proxy: tunnels by CONNECT, and requests that name their target in full."""

import base64
import select
import socket
import ssl
import threading
import time

from harness.faults import head
from harness.tls import Certificate


class ForwardProxy:
    """Records every request's head. `names` says where host names lead, as a resolver of the proxy's own.

    `behaviour` is `serve`, `silent` (never answers), `refuse` (403), `garbage` or `close`.
    """

    def __init__(
        self,
        account: str | None = None,
        certificate: Certificate | None = None,
        names: dict[str, int] | None = None,
        behaviour: str = "serve",
    ):
        self._account = account
        self._names = names or {}
        self._behaviour = behaviour
        self._context = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate.chain, certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.heads: list[str] = []
        self.tunnelled = b""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def lines(self) -> list[str]:
        """The request lines that came."""
        return [text.split("\r\n", 1)[0] for text in self.heads]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self._serve_one(connection)
        except (OSError, ValueError):
            return

    def _serve_one(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        text, _, rest = data.partition(b"\r\n\r\n")
        self.heads.append(text.decode())
        if self._behaviour != "serve":
            return self._misbehave(connection)
        method, target, _ = self.lines[-1].split(" ")
        if not self._is_allowed(text.decode()):
            connection.sendall(head("407 Proxy Authentication Required", "content-length: 0", "connection: close"))
            return
        if method == "CONNECT":
            with self._open(target) as upstream:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n")
                self._pump(connection, upstream)
            return
        place = target.split("://", 1)[1].split("/", 1)
        with self._open(place[0] if ":" in place[0] else place[0] + ":80") as upstream:
            lines = text.decode().split("\r\n")
            lines[0] = f"{method} /{place[1]} HTTP/1.1"
            kept = [line for line in lines if not line.lower().startswith("proxy-")]
            upstream.sendall("\r\n".join([*kept, "", ""]).encode() + rest)
            self._pump(connection, upstream)

    def _misbehave(self, connection: socket.socket) -> None:
        if self._behaviour == "silent":
            time.sleep(10)
        elif self._behaviour == "refuse":
            connection.sendall(head("403 Forbidden", "content-length: 0"))
        elif self._behaviour == "garbage":
            connection.sendall(b"\x15\x03\x01 hello\r\n\r\n")

    def _is_allowed(self, text: str) -> bool:
        if self._account is None:
            return True
        wanted = "proxy-authorization: basic " + base64.b64encode(self._account.encode()).decode().lower()
        return any(line.lower() == wanted for line in text.split("\r\n"))

    def _open(self, target: str) -> socket.socket:
        host, port = target.rsplit(":", 1)
        return socket.create_connection(("127.0.0.1", self._names.get(host, int(port))), timeout=10)

    def _pump(self, client: socket.socket, upstream: socket.socket) -> None:
        ends = [client, upstream]
        while True:
            pending = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if pending else select.select(ends, [], [], 20)[0]
            if not ready:
                return
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                if end is client:
                    self.tunnelled += data
                (upstream if end is client else client).sendall(data)

    def close(self) -> None:
        self._listener.close()
