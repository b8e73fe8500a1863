"""Upstreams over HTTPS: which certificates are accepted, and what operators are told when one is not."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest
from harness import processes
from harness.faults import PlainServer
from harness.tls import Authority, TLSServer
from harness.wire import Answer, Connection, post_json, request, wait_for
from observe import error_lines
from stack import MAIN_KEY, TIMEOUTS, UPSTREAM_KEY, Stack, base_config, model, upstream

pytestmark = pytest.mark.gateway_only

BODY = {"messages": [{"role": "user", "content": "a secret question"}]}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TLSServer]]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    good = authority.certificate("good", "DNS:localhost", "IP:127.0.0.1")
    servers = {
        "good": TLSServer(good),
        "other-name": TLSServer(authority.certificate("other", "DNS:elsewhere.test")),
        "self-signed": TLSServer(authority.certificate("self", "DNS:localhost", self_signed=True)),
        "silent": TLSServer(good, silent=True),
    }
    servers["good"].authority = authority
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, servers: dict[str, TLSServer]) -> Iterator[Stack]:
    """A gateway whose upstreams speak TLS, each with its own fault."""
    folder = tmp_path_factory.mktemp("secure")
    trusted = str(servers["good"].authority.file)
    plain = PlainServer()
    addresses = {
        "good": (f"https://localhost:{servers['good'].port}/v1", trusted),
        "address": (f"https://127.0.0.1:{servers['good'].port}/v1", trusted),
        "untrusted": (f"https://localhost:{servers['good'].port}/v1", None),
        "other-name": (f"https://localhost:{servers['other-name'].port}/v1", trusted),
        "self-signed": (f"https://localhost:{servers['self-signed'].port}/v1", None),
        "plain": (f"https://localhost:{plain.port}/v1", trusted),
        "no-file": (f"https://localhost:{servers['good'].port}/v1", str(folder / "none.pem")),
        "silent": (f"https://localhost:{servers['silent'].port}/v1", trusted),
        "nowhere": ("https://nowhere.invalid/v1", None),
    }
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder)).ready["simulator"]
        config = base_config(simulator)
        for name, (url, file) in addresses.items():
            more = {"caFile": file} if file else {}
            config["upstreams"].append(upstream(name, url, timeouts=TIMEOUTS, **more))
            config["models"].append(model(name, name))
        config["routes"][0]["retry"] = {"attempts": 1}
        gateway = running.enter_context(processes.start_run(folder, config))
        yield Stack("gateway", gateway.ready["gateway"], simulator, folder, gateway)
    plain.close()


def chat(stack: Stack, name: str) -> Answer:
    return post_json(stack.base, "/v1/chat/completions", MAIN_KEY, {"model": name, **BODY})


@pytest.mark.parametrize("name", ["good", "address"])
def test_a_certificate_of_the_given_authority_is_accepted(secure: Stack, name: str) -> None:
    answer = chat(secure, name)
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == "hello there"


def test_connections_are_used_again(secure: Stack, servers: dict[str, TLSServer]) -> None:
    server = servers["good"]
    chat(secure, "good")
    before, asked = server.connections, len(server.requests)
    data = request(
        "POST", "/v1/chat/completions", b'{"model":"good"}', authorization=f"Bearer {MAIN_KEY}", content_type="application/json"
    )
    with Connection(secure.base) as connection:
        for _ in range(10):
            connection.send(data)
            answer = connection.answer()
            assert answer is not None and answer.status == 200
    assert len(server.requests) == asked + 10
    # One connection for each event loop at most.
    assert server.connections - before <= 1


REFUSED = {
    "untrusted": "CERTIFICATE_VERIFY_FAILED",
    "self-signed": "CERTIFICATE_VERIFY_FAILED",
    "other-name": "localhost",
    "plain": "WRONG_VERSION_NUMBER",
    "no-file": "none.pem",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=REFUSED.keys())
def test_what_is_not_acceptable_is_refused_and_told(secure: Stack, name: str, reason: str) -> None:
    answer = chat(secure, name)
    assert (answer.status, answer.code) == (502, "upstream_tls")
    lines = wait_for(lambda: error_lines(secure, answer.headers["x-request-id"]))
    assert len(lines) == 1
    assert (lines[0]["level"], lines[0]["message"]) == ("error", "attempt on an upstream failed")
    assert (lines[0]["gateway.upstream"], lines[0]["gateway.code"]) == (name, "upstream_tls")
    assert lines[0]["gateway.attempt"] == "1"
    assert reason in lines[0]["gateway.cause"], lines[0]["gateway.cause"]


def test_the_request_is_not_sent_to_who_is_not_trusted(secure: Stack, servers: dict[str, TLSServer]) -> None:
    for name in ("other-name", "self-signed"):
        chat(secure, name)
        assert servers[name].requests == []


def test_a_connection_closed_without_farewell_is_no_fault_of_the_certificate(secure: Stack) -> None:
    answer = chat(secure, "silent")
    assert (answer.status, answer.code) == (502, "upstream_broken")


def test_a_name_that_does_not_exist(secure: Stack) -> None:
    answer = post_json(secure.base, "/v1/chat/completions", MAIN_KEY, {"model": "nowhere", **BODY}, timeout=30)
    assert answer.status in (502, 504)
    lines = wait_for(lambda: error_lines(secure, answer.headers["x-request-id"]))
    assert len(lines) == 1 and lines[0]["level"] == "warning"


def test_the_log_has_no_content_and_no_credentials(secure: Stack) -> None:
    for name in REFUSED:
        chat(secure, name)
    text = "".join(path.read_text() for path in pathlib.Path(secure.folder).glob("data/logs/*"))
    assert "attempt on an upstream failed" in text
    for secret in ("a secret question", MAIN_KEY, UPSTREAM_KEY):
        assert secret not in text
