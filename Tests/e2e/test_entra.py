"""Azure upstreams whose credential is an application in Entra ID: the gateway asks for a token and calls with it."""

import contextlib
import pathlib
from collections.abc import Iterator

import openai
import pytest
from harness import processes
from harness.tokens import TokenServer
from harness.wire import wait_for
from stack import MAIN_KEY, fetch_json, model, upstream

pytestmark = pytest.mark.gateway_only
# Characters that a form must escape.
SECRET = "s3cret&=+ %/~"


def config(simulator: str, servers: dict[str, TokenServer]) -> dict:
    """An upstream for each token server, all of them the simulator."""
    upstreams = []
    for name, server in servers.items():
        azure = {"tenant": f"tenant-{name}", "clientID": "app", "clientSecret": SECRET, "authority": server.base}
        credentials = [{"azureAD": azure}]
        upstreams.append(upstream(name, f"{simulator}/openai", "azure-openai", credentials=credentials))
    return {
        "namespaces": [{"name": "main"}],
        "keys": [{"name": "main", "namespace": "main", "value": MAIN_KEY}],
        "upstreams": upstreams,
        "models": [model(f"m-{name}", name, "deployment") for name in servers],
    }


@contextlib.contextmanager
def started(folder: pathlib.Path, **servers: TokenServer) -> Iterator[tuple[openai.OpenAI, str]]:
    with contextlib.ExitStack() as stack:
        for server in servers.values():
            stack.callback(server.close)
        simulator = stack.enter_context(processes.start_simulator(folder))
        running = stack.enter_context(processes.start_run(folder, config(simulator.ready["simulator"], servers)))
        client = openai.OpenAI(base_url=f"{running.ready['gateway']}/v1", api_key=MAIN_KEY, max_retries=0, timeout=20)
        stack.callback(client.close)
        yield client, simulator.ready["simulator"]
        assert running.is_running, running.tail()


def credential(client: openai.OpenAI, simulator: str, name: str) -> str | None:
    """The `authorization` that a call of the model's arrives with."""
    with contextlib.suppress(openai.APIError):
        client.chat.completions.create(model=f"m-{name}", messages=[{"role": "user", "content": f"call of {name}"}])
    arrived = fetch_json(f"{simulator}/-/requests")["requests"]
    headers = [request["headers"] for request in arrived if f"call of {name}" in (request["body"] or "")]
    return {key.lower(): value for key, value in headers[-1]}.get("authorization")


def test_calls_carry_the_token_that_the_secret_was_exchanged_for(tmp_path: pathlib.Path) -> None:
    server = TokenServer(SECRET)
    with started(tmp_path, good=server) as (client, simulator):
        wait_for(lambda: server.asked)
        wait_for(lambda: credential(client, simulator, "good") == "Bearer token-1")
        assert credential(client, simulator, "good") == "Bearer token-1"
    assert [asked.path for asked in server.asked] == ["/tenant-good/oauth2/v2.0/token"]
    scope = "https://cognitiveservices.azure.com/.default"
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET, "scope": scope}
    assert server.asked[0].form == form


def test_a_server_that_fails_is_asked_again_and_others_are_not_held_up(tmp_path: pathlib.Path) -> None:
    failing, wrong, good = TokenServer(SECRET, failures=1), TokenServer("another"), TokenServer(SECRET)
    with started(tmp_path, failing=failing, wrong=wrong, good=good) as (client, simulator):
        wait_for(lambda: credential(client, simulator, "good") == "Bearer token-1")
        # Without a token there is no credential, above all not that of another upstream.
        assert credential(client, simulator, "wrong") is None
        wait_for(lambda: credential(client, simulator, "failing") == "Bearer token-1", 30)
        assert len(failing.asked) == 2
        logs = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file() and "log" in path.name]
        said = "\n".join(logs)
        assert "tenant-wrong" in said
        assert "answered 401" in said
        assert SECRET not in said
        assert "token-1" not in said
