"""HTTPS upstreams with certificates of their own making."""

import dataclasses
import pathlib
import socket
import ssl
import subprocess
import threading

from harness.faults import CHAT, head, read_request


@dataclasses.dataclass
class Certificate:
    """A certificate and its key, as PEM files."""

    chain: pathlib.Path
    key: pathlib.Path


class Authority:
    """Signs certificates for tests; `file` is what trusts it."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._own = self._make("authority", "/CN=Test authority", [])
        self.file = self._own.chain

    def certificate(self, name: str, *names: str, self_signed: bool = False) -> Certificate:
        """A server's certificate for these names, such as `DNS:localhost`."""
        extensions = [f"subjectAltName={','.join(names)}", "basicConstraints=critical,CA:FALSE"]
        return self._make(name, f"/CN={name}", extensions, signed=not self_signed)

    def _make(self, name: str, subject: str, extensions: list[str], signed: bool = False) -> Certificate:
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "2", "-subj", subject, "-keyout", str(made.key), "-out", str(made.chain)]
        for extension in extensions:
            command += ["-addext", extension]
        if signed:
            command += ["-CA", str(self._own.chain), "-CAkey", str(self._own.key)]
        subprocess.run(command, check=True, capture_output=True)
        return made


class TLSServer:
    """Answers every request on its connections with one chat completion, and counts connections and requests.

    `silent` closes each connection when a request has come, without an answer and without TLS's farewell.
    """

    def __init__(self, certificate: Certificate, silent: bool = False):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.chain, certificate.key)
        self._silent = silent
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(20)
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self.connections += 1
                while request := read_request(connection):
                    self.requests.append(request)
                    if self._silent:
                        return
                    fields = ("content-type: application/json", f"content-length: {len(CHAT)}")
                    connection.sendall(head("200 OK", *fields) + CHAT)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        self._listener.close()
