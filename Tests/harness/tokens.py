"""A server that gives out tokens as Microsoft Entra ID does for the client credentials flow."""

import dataclasses
import http.server
import json
import threading
import urllib.parse


@dataclasses.dataclass
class Asked:
    """A request for a token: its path, and the fields of its form."""

    path: str
    form: dict[str, str]


class TokenServer:
    """Gives `token-1`, `token-2` … for the secret that it knows; the first `failures` requests are answered with 500."""

    def __init__(self, secret: str, failures: int = 0):
        self.asked: list[Asked] = []
        self._secret = secret
        self._failures = failures
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                status, answer = server.answer(self.path, dict(urllib.parse.parse_qsl(form)))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict]:
        """The status and the body for one request."""
        self.asked.append(Asked(path, form))
        if len(self.asked) <= self._failures:
            return 500, {"error": "temporarily_unavailable"}
        if form.get("client_secret") != self._secret:
            return 401, {"error": "invalid_client"}
        token = f"token-{len(self.asked) - self._failures}"
        return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
