"""Upstreams that are reached through a forward proxy."""

import base64
import contextlib
import pathlib
import socket
import threading
from collections.abc import Iterator

import pytest
from harness import processes
from harness.proxy import ForwardProxy
from harness.tls import Authority, TLSServer
from harness.wire import Answer, post_json, wait_for
from observe import error_lines
from stack import MAIN_KEY, TIMEOUTS, UPSTREAM_KEY, Stack, base_config, model, upstream

pytestmark = pytest.mark.gateway_only

BODY = {"messages": [{"role": "user", "content": "hello"}]}
PASSWORD = "pa:ss w%rd"
WRITTEN = "pa%3Ass%20w%25rd"


class Setting:
    """A gateway, its upstreams, and the proxies between them."""

    def __init__(self, stack: Stack, proxies: dict[str, ForwardProxy], secure: TLSServer, simulator_port: int):
        self.stack = stack
        self.proxies = proxies
        self.secure = secure
        self.simulator_port = simulator_port

    def chat(self, name: str) -> Answer:
        return post_json(self.stack.base, "/v1/chat/completions", MAIN_KEY, {"model": name, **BODY})

    def cause(self, answer: Answer) -> str:
        lines = wait_for(lambda: error_lines(self.stack, answer.headers["x-request-id"]))
        assert len(lines) == 1, lines
        return lines[0]["gateway.cause"]


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("egress")
    authority = Authority(folder)
    good = authority.certificate("good", "DNS:localhost", "DNS:secure.test", "IP:127.0.0.1")
    trusted = str(authority.file)
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder)).ready["simulator"]
        port = int(simulator.rsplit(":", 1)[1])
        secure = TLSServer(good)
        running.callback(secure.close)
        names = {"provider.test": port, "secure.test": secure.port, "other.test": port}
        account = f"gateway:{PASSWORD}"
        proxies = {
            "open": ForwardProxy(names=names),
            "asking": ForwardProxy(account, names=names),
            "tls": ForwardProxy(account, good, names),
            "refuse": ForwardProxy(behaviour="refuse"),
            "silent": ForwardProxy(behaviour="silent"),
            "garbage": ForwardProxy(behaviour="garbage"),
            "close": ForwardProxy(behaviour="close"),
            "default": ForwardProxy(names=names),
        }
        for proxy in proxies.values():
            running.callback(proxy.close)

        def at(name: str, user: str = "", scheme: str = "http") -> str:
            return f"{scheme}://{user}127.0.0.1:{proxies[name].port}"

        account_text = f"gateway:{WRITTEN}@"
        plain, tls = "http://provider.test/v1", {"baseURL": "https://secure.test/v1", "caFile": trusted}
        parts = {"url": at("tls", scheme="https"), "user": "gateway", "password": PASSWORD, "caFile": trusted}
        upstreams = {
            "plain": {"proxy": at("open")},
            "plain-asking": {"proxy": at("asking", account_text)},
            "plain-wrong": {"proxy": at("asking", "gateway:wrong@")},
            "plain-tls": {"proxy": parts},
            "tls": {"proxy": at("open"), **tls},
            "tls-asking": {"proxy": at("asking", account_text), **tls},
            "tls-wrong": {"proxy": at("asking"), **tls},
            "tls-tls": {"proxy": parts, **tls},
            "tls-untrusted": {"proxy": {**parts, "caFile": None}, **tls},
            "tls-upstream-untrusted": {"proxy": at("open"), "baseURL": tls["baseURL"]},
            "tls-refuse": {"proxy": at("refuse"), **tls},
            "tls-silent": {"proxy": at("silent"), **tls},
            "tls-garbage": {"proxy": at("garbage"), **tls},
            "tls-close": {"proxy": at("close"), **tls},
            "nobody": {"proxy": f"http://127.0.0.1:{processes.free_port()}", **tls},
            "plain-nobody": {"proxy": f"http://127.0.0.1:{processes.free_port()}"},
            "by-default": {},
            "excepted": {"baseURL": "http://sub.excepted.test/v1"},
            "direct": {"proxy": "direct", "baseURL": "http://provider.test:1/v1"},
            "here": {"baseURL": f"{simulator}/v1"},
        }
        config = base_config(simulator)
        for name, fields in upstreams.items():
            fields = {"baseURL": plain, **fields}
            if isinstance(fields.get("proxy"), dict):
                fields["proxy"] = {key: value for key, value in fields["proxy"].items() if value}
            config["upstreams"].append(upstream(name, fields.pop("baseURL"), timeouts=TIMEOUTS, **fields))
            config["models"].append(model(name, name))
        config["routes"][0]["retry"] = {"attempts": 1}
        options = ("--egress-proxy", at("default"), "--no-proxy", "10.0.0.0/8, excepted.test", "--threads", "1")
        gateway = running.enter_context(processes.start_run(folder, config, *options))
        yield Setting(Stack("gateway", gateway.ready["gateway"], simulator, folder, gateway), proxies, secure, port)
        assert gateway.is_running, gateway.tail()


@pytest.mark.parametrize("name", ["plain", "plain-asking", "plain-tls"])
def test_http_upstreams_are_named_in_full(setting: Setting, name: str) -> None:
    proxy = setting.proxies[{"plain": "open", "plain-asking": "asking", "plain-tls": "tls"}[name]]
    answer = setting.chat(name)
    assert answer.status == 200 and answer.json["choices"]
    assert proxy.lines[-1] == "POST http://provider.test/v1/chat/completions HTTP/1.1"
    assert "host: provider.test" in proxy.heads[-1].lower().split("\r\n")
    received = setting.stack.received()[-1]
    fields = dict(received["headers"])
    assert fields["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert not any(name.startswith("proxy-") for name in fields)


@pytest.mark.parametrize("name", ["tls", "tls-asking", "tls-tls"])
def test_https_upstreams_are_tunnelled_to(setting: Setting, name: str) -> None:
    proxy = setting.proxies[{"tls": "open", "tls-asking": "asking", "tls-tls": "tls"}[name]]
    before = len(setting.secure.requests)
    assert setting.chat(name).status == 200
    assert proxy.lines[-1] == "CONNECT secure.test:443 HTTP/1.1"
    assert len(setting.secure.requests) == before + 1
    # The proxy has seen neither the credential nor the question.
    assert UPSTREAM_KEY not in proxy.heads[-1]
    assert UPSTREAM_KEY.encode() not in proxy.tunnelled
    # And the upstream has not seen the proxy's account.
    assert b"proxy-authorization" not in setting.secure.requests[-1].lower()


def test_tunnels_are_used_again(setting: Setting) -> None:
    setting.chat("tls")
    before = len(setting.proxies["open"].heads)
    for _ in range(5):
        assert setting.chat("tls").status == 200
    assert len(setting.proxies["open"].heads) == before


CAUSES = {
    "plain-wrong": "407",
    "tls-wrong": "wants other credentials (407)",
    "tls-refuse": "refused the tunnel with 403",
    "tls-silent": "no answer to CONNECT within 1000 ms",
    "tls-garbage": "did not answer CONNECT as a proxy does",
    "tls-close": "the peer closed the connection",
    "tls-untrusted": "CERTIFICATE_VERIFY_FAILED",
    "nobody": "connection refused",
    "plain-nobody": "connection refused",
}


@pytest.mark.parametrize(("name", "cause"), CAUSES.items(), ids=CAUSES.keys())
def test_a_proxy_that_does_not_serve_is_a_failure_to_connect(setting: Setting, name: str, cause: str) -> None:
    answer = setting.chat(name)
    assert (answer.status, answer.code) == (502, "upstream_unreachable")
    text = setting.cause(answer)
    assert cause in text, text
    if name not in ("plain-wrong",):
        assert text.startswith("the egress proxy 127.0.0.1:"), text


def test_an_upstream_behind_a_proxy_must_prove_itself(setting: Setting) -> None:
    answer = setting.chat("tls-upstream-untrusted")
    assert (answer.status, answer.code) == (502, "upstream_tls")
    assert "CERTIFICATE_VERIFY_FAILED" in setting.cause(answer)


def test_the_process_s_proxy_and_its_exceptions(setting: Setting) -> None:
    proxy = setting.proxies["default"]
    assert setting.chat("by-default").status == 200
    assert proxy.lines[-1] == "POST http://provider.test/v1/chat/completions HTTP/1.1"
    before = len(proxy.heads)
    assert setting.chat("here").status == 200
    for name in ("excepted", "direct"):
        assert setting.chat(name).status == 502
    assert len(proxy.heads) == before


def test_the_password_is_nowhere(setting: Setting) -> None:
    for name in CAUSES:
        setting.chat(name)
    assert setting.stack.gateway is not None
    needles = [text.encode() for text in (PASSWORD, WRITTEN, base64.b64encode(f"gateway:{PASSWORD}".encode()).decode())]
    folder = setting.stack.folder
    for path in [*folder.glob("data/**/*"), folder / "run.log"]:
        if path.is_file():
            data = path.read_bytes()
            assert not any(needle in data for needle in needles), path
    run = processes.run_once("export", "--data-dir", str(folder / "data"))
    assert PASSWORD not in run.stdout


class SlowTLS:
    """Takes connections and says nothing, as a server does that is stuck before its handshake."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.held.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


def test_a_handshake_counts_as_connecting(tmp_path: pathlib.Path) -> None:
    slow = SlowTLS()
    config = base_config("http://127.0.0.1:1")
    times = {"connect": "500ms", "firstByte": "20s", "idle": "20s", "total": "30s"}
    config["upstreams"].append(upstream("slow", f"https://127.0.0.1:{slow.port}/v1", timeouts=times))
    config["models"].append(model("slow", "slow"))
    config["routes"][0]["retry"] = {"attempts": 1}
    with processes.start_run(tmp_path, config) as gateway:
        stack = Stack("gateway", gateway.ready["gateway"], "", tmp_path, gateway)
        answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, {"model": "slow", **BODY}, timeout=5)
        assert (answer.status, answer.code) == (502, "upstream_unreachable")
        lines = wait_for(lambda: error_lines(stack, answer.headers["x-request-id"]))
        assert "no TLS handshake within 500 ms" in lines[0]["gateway.cause"], lines
        slow.held[0].settimeout(5)
        slow.held[0].recv(65536)
        # The connection is given up, not kept for a handshake that may come.
        try:
            while slow.held[0].recv(65536):
                pass
        except ConnectionResetError:
            pass
    slow.close()
