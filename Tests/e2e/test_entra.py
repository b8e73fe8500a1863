"""Azure upstreams whose credential is an application of Microsoft Entra ID: the token comes from a token server."""

import contextlib
import http.server
import json
import pathlib
import threading
import urllib.parse
from collections.abc import Iterator

import pytest
from harness import processes
from harness.wire import post_json, wait_for
from stack import MAIN_KEY, Stack, base_config, model, upstream

pytestmark = pytest.mark.gateway_only

CLIENT_SECRET = "entra secret & more"
SCOPE = "https://cognitiveservices.azure.com/.default"


class TokenServer(http.server.ThreadingHTTPServer):
    """The client credentials flow (learn.microsoft.com, "Microsoft identity platform and the OAuth 2.0 client credentials
    flow"). The tenant `late` gets its token at the second try."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[tuple[str, dict[str, str]]] = []

    def issue(self, path: str, form: dict[str, str]) -> tuple[int, dict]:
        self.asked.append((path, form))
        tenant = path.split("/")[1]
        wanted = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": "app", "client_secret": CLIENT_SECRET}
        if form != wanted or not path.endswith("/oauth2/v2.0/token"):
            return 401, {"error": "invalid_client", "error_description": "the secret is wrong"}
        if tenant == "late" and sum(each[0] == path for each in self.asked) == 1:
            return 503, {"error": "temporarily_unavailable"}
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-of-{tenant}"}


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # noqa: N802 (the library's name)
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        status, answer = self.server.issue(self.path, dict(urllib.parse.parse_qsl(text, strict_parsing=True)))
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def token_server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def entra(tenant: str, authority: str, secret: str = CLIENT_SECRET) -> dict:
    return {"azureAD": {"tenant": tenant, "clientID": "app", "clientSecret": secret, "authority": authority}}


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, TokenServer]]:
    folder: pathlib.Path = tmp_path_factory.mktemp("entra")
    with token_server() as server, processes.start_simulator(folder) as simulator:
        url, authority = simulator.ready["simulator"], f"http://127.0.0.1:{server.server_port}"
        config = base_config(url)
        credentials = {
            "ours": entra("ours", authority),
            "late": entra("late", authority),
            "wrong": entra("wrong", authority, "another secret"),
        }
        for name, credential in credentials.items():
            settings = {"apiVersion": "2024-10-21", "credentials": [credential]}
            config["upstreams"].append(upstream(f"azure-{name}", f"{url}/openai", "azure-openai", **settings))
            config["models"].append(model(f"by-{name}", f"azure-{name}", target="deployment"))
        with processes.start_run(folder, config) as gateway:
            yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway), server


def shown(stack: Stack, name: str, marker: str) -> dict[str, str]:
    """The headers that the upstream is shown."""
    body = {"model": f"by-{name}", "messages": [{"role": "user", "content": marker}]}
    post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)
    return {name.lower(): value for name, value in stack.received_with(marker)[-1]["headers"]}


def test_token_is_the_credential(azure: tuple[Stack, TokenServer]) -> None:
    stack, server = azure
    assert wait_for(lambda: shown(stack, "ours", "shown a token").get("authorization")) == "Bearer token-of-ours"
    # Asked for once, whatever the number of calls.
    assert sum(path.startswith("/ours/") for path, _ in server.asked) == 1


def test_client_of_another_dialect_gets_there_too(azure: tuple[Stack, TokenServer]) -> None:
    stack, _ = azure
    body = {"model": "by-ours", "max_tokens": 9, "messages": [{"role": "user", "content": "translated for a token"}]}
    assert wait_for(lambda: shown(stack, "ours", "before it").get("authorization"))
    assert post_json(stack.base, "/v1/messages", MAIN_KEY, body).status == 200
    headers = {name.lower(): value for name, value in stack.received_with("translated for a token")[-1]["headers"]}
    assert headers["authorization"] == "Bearer token-of-ours"


def test_token_server_that_fails_once_is_asked_again(azure: tuple[Stack, TokenServer]) -> None:
    stack, _ = azure
    assert wait_for(lambda: shown(stack, "late", "shown late").get("authorization"), 20) == "Bearer token-of-late"


def test_wrong_secret_is_told_to_the_operator_alone(azure: tuple[Stack, TokenServer]) -> None:
    stack, _ = azure
    assert "authorization" not in shown(stack, "wrong", "shown nothing")
    logs = "".join(file.read_text() for file in (stack.folder / "data" / "logs").iterdir())
    assert '"gateway.tenant":"wrong"' in logs
    assert "another secret" not in logs
    assert "another+secret" not in logs
    assert "another%20secret" not in logs
